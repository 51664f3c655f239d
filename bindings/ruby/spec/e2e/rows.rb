# frozen_string_literal: true

require_relative "forms"

# W8, B1 to B4 and C1 to C7: rows that are worked off in batches, with checkpoints, and what they come to.
module Rows
  RESULT = TaskerCore::Types::StepHandlerCallResult
  BATCHES = TaskerCore::BatchProcessing

  # What the rows are worth: those of a table of products, or as many as the task says, each worth its number.
  def self.values(context)
    table = context.get_input("csv")
    return (0...context.get_input("rows")).to_a unless table

    File.readlines(table, chomp: true).drop(1).map { |line| line.split(",").last(2).map { |field| Integer(field) }.inject(:*) }
  end

  # Fails at one row, for good or at the first attempt only.
  def self.fail_at(context, row)
    return unless row == context.get_input("fail_at")

    raise TaskerCore::Errors::PermanentError, "row #{row} is broken" if context.get_input("for_good")
    raise TaskerCore::Errors::RetryableError, "row #{row} is locked" unless context.is_retry?
  end

  # A part of a batch, from the last checkpoint to the next one or to the end of the batch.
  class Part
    # How many rows are done, how many of them are bad, and what is known of them.
    attr_reader :done, :bad, :told, :to

    def initialize(context, batch)
      before = batch.accumulated_results || { "sum" => 0, "began" => [] }
      @batch = batch
      from = batch.checkpoint_cursor || batch.start_cursor
      @to = [from + context.get_input_or("every", batch.end_cursor), batch.end_cursor].min
      sum = before["sum"] + add(context, from)
      @told = { "sum" => sum, "began" => before["began"] + [[from, context.retry_count]] }
      @done = to - batch.start_cursor
      @bad = (batch.start_cursor...[to, context.get_input_or("bad", 0)].min).to_a
    end

    def last?
      to == @batch.end_cursor
    end

    # What the worker ends with.
    def result
      { items_processed: done, items_succeeded: done - bad.size, items_failed: bad.size, errors: bad.map { |row| { row: row } },
        results: told.merge("range" => [@batch.start_cursor, to], "strategy" => @batch.batch_metadata["failure_strategy"]) }
    end

    private

    def add(context, from)
      values = Rows.values(context)
      (from...to).sum do |row|
        Rows.fail_at(context, row)
        values[row]
      end
    end
  end

  class RowsWorkflow < TaskerCore::Workflow
    namespace "growing_rb"
    identity_strategy :always_unique

    # A BatchConfig knows a size only; what remains goes to the first workers if the outcome is made by hand.
    step :analyze, type: :batchable do |context:, batch_size: nil, workers: nil, most: nil|
      rows = Rows.values(context).size
      unless workers
        sizes = [batch_size, (rows.fdiv(most).ceil if most)]
        next TaskerCore::StepHandler::Functional::BatchConfig.new(total_items: rows, batch_size: sizes.compact.max)
      end
      ranges = BATCHES::Ranges.for_workers(rows, workers)
      outcome = TaskerCore::Types::BatchProcessingOutcome.create_batches(
        worker_template_name: "process", worker_count: ranges.size, cursor_configs: ranges, total_items: rows
      )
      { batch_processing_outcome: outcome.to_h }
    end
    step :process, type: :batch_worker, after: :analyze, retries: 2, backoff_base: "10ms" do |batch_context:, context:|
      part = Part.new(context, batch_context)
      next part.result if part.last?

      RESULT.checkpoint_yield(cursor: part.to, items_processed: part.done, accumulated_results: part.told)
    end
    step :sum, type: :deferred_convergence, after: :process do |context:, analyzer: nil, prefix: nil|
      found = BATCHES::BatchAggregationScenario.detect(context, analyzer || "analyze", prefix || "process_")
      worked = found.batch_results.values
      BATCHES::Aggregation.sum(worked).merge(
        sum: worked.sum { |result| result[:results][:sum] }, worker_count: found.worker_count, scenario: found.type
      )
    end
  end

  module Classes
    class Analyze < TaskerCore::StepHandler::Batchable
      def call(context)
        rows = Rows.values(context).size
        return no_batches_outcome(reason: "no rows") if rows.zero?

        ranges = create_cursor_configs(rows, workers(context, rows))
        create_batches_outcome(worker_template_name: "process", cursor_configs: ranges, total_items: rows)
      end

      private

      def workers(context, rows)
        asked = context.get_input("workers") || rows.fdiv(context.get_input("batch_size")).ceil
        [asked, context.get_input_or("most", asked)].min
      end
    end

    class Process < TaskerCore::StepHandler::Batchable
      def call(context)
        batch = get_batch_context(context)
        idle = handle_no_op_worker(batch)
        return idle if idle

        part = Part.new(context, batch)
        return checkpoint_yield(cursor: part.to, items_processed: part.done, accumulated_results: part.told) unless part.last?

        batch_worker_success(**part.result)
      end
    end

    class Sum < TaskerCore::StepHandler::Batchable
      def call(context)
        names = [context.get_input_or("analyzer", "analyze"), context.get_input_or("prefix", "process_")]
        scenario = detect_aggregation_scenario(context, *names)
        aggregate_batch_worker_results(scenario, zero_metrics: { sum: 0 }) do |results|
          BATCHES::Aggregation.sum(results.values).merge(sum: results.values.sum { |result| result.dig("results", "sum") })
        end
      end
    end
  end

  Forms.both(RowsWorkflow, Classes)

  # B3: the same workflow, whose template says what a batch that failed means.
  STRATEGIES = %w[continue_on_failure isolate fail_fast].freeze
  STRATEGIES.each do |strategy|
    template = RowsWorkflow.template
    batches = { "batch_config" => { "worker_template" => "process", "parallelism" => 1, "failure_strategy" => strategy } }
    analyze, *others = template["steps"]
    Forms::TEMPLATES << template.merge("name" => "rows_#{strategy}", "steps" => [analyze.merge(batches), *others])
  end
end
