# frozen_string_literal: true

require "tasker_core"

# Workflows whose steps come into being as they run, each as classes and as blocks.
module Growing
  FUNCTIONAL = TaskerCore::StepHandler::Functional

  # Who has to approve an amount.
  def self.approvers(amount)
    return ["auto_approve"] if amount < 1000

    amount < 5000 ? ["manager_approval"] : %w[manager_approval finance_review]
  end

  # Chooses who has to approve.
  class Route < TaskerCore::StepHandler::Decision
    def call(context)
      decision_success(steps: Growing.approvers(context.get_dependency_field("validate", "amount")))
    end
  end

  # Approves.
  class Approve < TaskerCore::StepHandler::Base
    def call(context)
      success(result: { by: context.step_name })
    end
  end

  # Checks the amount.
  class Validate < TaskerCore::StepHandler::Base
    def call(context)
      success(result: { amount: context.get_input("amount") })
    end
  end

  # Says who approved.
  class Finalize < TaskerCore::StepHandler::Base
    def call(context)
      approvals = context.get_dependency_result_keys - %w[validate route]
      success(result: { approved_by: approvals.map { |name| context.get_dependency_field(name, "by") }.sort })
    end
  end

  WAYS = %i[auto_approve manager_approval finance_review].freeze
  AMOUNT = {
    type: "object", required: %w[amount requester],
    properties: { amount: { type: "integer", minimum: 1, maximum: 1_000_000 }, requester: { type: "string", minLength: 1 } }
  }.freeze

  # W7, as classes.
  class ApprovalClassesWorkflow < TaskerCore::Workflow
    namespace "growing_rb"
    identity_strategy :always_unique
    input_schema AMOUNT

    step :validate, Validate
    step :route, Route, type: :decision, after: :validate
    WAYS.each { |way| step way, Approve, after: :route }
    step :finalize, Finalize, type: :deferred_convergence, after: WAYS
  end

  # W7, as blocks.
  class ApprovalBlocksWorkflow < TaskerCore::Workflow
    namespace "growing_rb"
    identity_strategy :always_unique
    input_schema AMOUNT

    step(:validate) { |amount:| { amount: amount } }
    step(:route, type: :decision) { |validate:| FUNCTIONAL::Decision.route(Growing.approvers(validate[:amount])) }
    WAYS.each { |way| step(way, after: :route) { { by: way } } }
    step(:finalize, type: :deferred_convergence, after: WAYS) do |context:|
      { approved_by: WAYS.map(&:name).select { |way| context.get_dependency_result(way) }.sort }
    end
  end

  # Splits rows into batches.
  class Analyze < TaskerCore::StepHandler::Batchable
    def call(context)
      rows, size = %w[rows batch_size].map { |field| context.get_input(field) }
      return no_batches_outcome(reason: "no rows") if rows.zero?

      ranges = create_cursor_configs(rows, rows.fdiv(size).ceil)
      create_batches_outcome(worker_template_name: "process", cursor_configs: ranges, total_items: rows)
    end
  end

  # Adds rows up, with a checkpoint after every few of them, and fails where the task says.
  class Process < TaskerCore::StepHandler::Batchable
    def call(context)
      batch = get_batch_context(context)
      idle = handle_no_op_worker(batch)
      return idle if idle

      from = batch.checkpoint_cursor || batch.start_cursor
      to = [from + context.get_input_or("every", batch.end_cursor), batch.end_cursor].min
      sum = add(context, from, to, batch.accumulated_results&.fetch("sum") || 0)
      done = to - batch.start_cursor
      return checkpoint_yield(cursor: to, items_processed: done, accumulated_results: { sum: sum }) if to < batch.end_cursor

      batch_worker_success(
        items_processed: done, items_succeeded: done,
        results: { sum: sum, resumed_at: from, told: batch.batch_metadata["failure_strategy"] }
      )
    end

    private

    def add(context, from, to, sum)
      (from...to).each do |row|
        Growing.fail_at(context, row)
        sum += row
      end
      sum
    end
  end

  # Fails at one row, for good or at the first attempt only.
  def self.fail_at(context, row)
    return unless row == context.get_input("fail_at")

    raise TaskerCore::Errors::PermanentError, "row #{row} is broken" if context.get_input("for_good")
    raise TaskerCore::Errors::RetryableError, "row #{row} is locked" unless context.is_retry?
  end

  # Brings the sums together.
  class Sum < TaskerCore::StepHandler::Batchable
    def call(context)
      scenario = detect_aggregation_scenario(context, "analyze", "process_")
      aggregate_batch_worker_results(scenario, zero_metrics: { sum: 0 }) do |results|
        TaskerCore::BatchProcessing::Aggregation.sum(results.values).merge(sum: results.values.sum { |result| result.dig("results", "sum") || 0 })
      end
    end
  end

  # W8 and C1 to C6, as classes.
  class RowsClassesWorkflow < TaskerCore::Workflow
    namespace "growing_rb"
    identity_strategy :always_unique

    step :analyze, Analyze, type: :batchable
    step :process, Process, type: :batch_worker, after: :analyze, retries: 2, backoff_base: "10ms"
    step :sum, Sum, type: :deferred_convergence, after: :process
  end

  # W8, as blocks.
  class RowsBlocksWorkflow < TaskerCore::Workflow
    namespace "growing_rb"
    identity_strategy :always_unique

    step(:analyze, type: :batchable) do |rows:, batch_size:|
      FUNCTIONAL::BatchConfig.new(total_items: rows, batch_size: batch_size)
    end
    step :process, type: :batch_worker, after: :analyze do |batch_context:|
      rows = batch_context.start_cursor...batch_context.end_cursor
      { items_processed: rows.size, results: { sum: rows.sum } }
    end
    step :sum, type: :deferred_convergence do |process:|
      worked = process.reject { |result| result[:no_op] }
      { sum: worked.sum { |result| result[:results][:sum] }, worker_count: worked.size }
    end
  end

  # W9: a diamond, whose end decides that one half of the numbers is worked off in batches.
  class HalvesWorkflow < TaskerCore::Workflow
    namespace "growing_rb"
    identity_strategy :always_unique

    step(:numbers) { |up_to:| { all: (1..up_to).to_a } }
    step(:evens) { |numbers:| { found: numbers[:all].select(&:even?) } }
    step(:odds) { |numbers:| { found: numbers[:all].select(&:odd?) } }
    step :choose, type: :decision do |evens:, odds:|
      FUNCTIONAL::Decision.route([evens[:found].size >= odds[:found].size ? "split_evens" : "split_odds"])
    end
    %w[evens odds].each do |half|
      step "split_#{half}", type: :batchable, after: :choose do |context:|
        FUNCTIONAL::BatchConfig.new(total_items: context.get_dependency_field(half, "found").size, batch_size: 2)
      end
      step "square_#{half}", type: :batch_worker, after: "split_#{half}" do |batch_context:, context:|
        mine = context.get_dependency_field(half, "found")[batch_context.start_cursor...batch_context.end_cursor]
        { sum: mine.sum { |number| number**2 } }
      end
      step "sum_#{half}", type: :deferred_convergence, after: "square_#{half}" do |context:|
        { sum: context.get_all_dependency_results("square_#{half}_").sum { |result| result["sum"] } }
      end
    end
  end

  # C8 and C10: what a cursor may be, and what changes with each time that the step is handed out.
  class Cursors < TaskerCore::StepHandler::Batchable
    CURSORS = [7, "token-1", { "page" => 2, "of" => [nil, true] }, ["a", 1.5], true].freeze

    def call(context)
      seen = context.accumulated_results&.fetch("seen") || []
      seen += [{ "cursor" => context.checkpoint_cursor, "attempt" => context.retry_count }]
      cursor = CURSORS[seen.size - 1]
      return success(result: { seen: seen }) if cursor.nil?

      checkpoint_yield(cursor: cursor, items_processed: (seen.size - 1) * (10**12), accumulated_results: { seen: seen })
    end
  end

  class CursorsWorkflow < TaskerCore::Workflow
    namespace "growing_rb"
    identity_strategy :always_unique

    step :walk, Cursors
  end

  WORKFLOWS = [ApprovalClassesWorkflow, ApprovalBlocksWorkflow, RowsClassesWorkflow, RowsBlocksWorkflow, HalvesWorkflow, CursorsWorkflow].freeze
end
