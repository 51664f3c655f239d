# frozen_string_literal: true

require "tasker_core/step_handler/batchable"
require "tasker_core/types/step_context"

RSpec.describe TaskerCore::StepHandler::Batchable do
  subject(:handler) { described_class.new }

  def pairs(configs)
    configs.map { |config| config.values_at(:start_cursor, :end_cursor) }
  end

  def worker(inputs, checkpoint: nil)
    make_context(inputs: inputs, checkpoint: checkpoint)
  end

  let(:cursor) { { "batch_id" => "002", "start_cursor" => 5, "end_cursor" => 12, "batch_size" => 7 } }

  describe "splitting" do
    # B1
    [[1000, 5, [[0, 200], [200, 400], [400, 600], [600, 800], [800, 1000]]], [7, 3, [[0, 3], [3, 5], [5, 7]]],
     [2, 5, [[0, 1], [1, 2]]], [0, 3, []]].each do |total, workers, ranges|
      it "gives #{total} items to #{workers} workers evenly, what remains to the first" do
        expect(pairs(handler.create_cursor_configs(total, workers))).to eq(ranges)
      end
    end

    it "names batches from 001, and tells how many items they hold" do
      expect(handler.create_cursor_configs(3, 2)).to eq(
        [{ batch_id: "001", start_cursor: 0, end_cursor: 2, batch_size: 2 }, { batch_id: "002", start_cursor: 2, end_cursor: 3, batch_size: 1 }]
      )
    end

    it "lets a block change the ranges" do
      configs = handler.create_cursor_configs(4, 2) { |config, index| config[:start_cursor] = "key-#{index}" }
      expect(configs.map { |config| config[:start_cursor] }).to eq(%w[key-0 key-1])
    end

    [[-1, 2], [1, 0], [1.5, 2], [nil, 1], [1, "2"]].each do |total, workers|
      it "refuses #{total.inspect} items for #{workers.inspect} workers" do
        expect { handler.create_cursor_configs(total, workers) }.to raise_error(TaskerCore::Errors::ValidationError)
      end
    end

    it "divides into ranges of a size" do
      ranges = TaskerCore::BatchProcessing::Ranges
      expect([pairs(ranges.of_size(1000, 200)).size, pairs(ranges.of_size(7, 3)), ranges.of_size(0, 5)]).to eq([5, [[0, 3], [3, 6], [6, 7]], []])
      expect { ranges.of_size(5, 0) }.to raise_error(TaskerCore::Errors::ValidationError, /batch_size/)
    end

    it "asks for batches" do
      configs = handler.create_cursor_configs(7, 2)
      made = handler.create_batches_outcome(worker_template_name: "w", cursor_configs: configs, total_items: 7, metadata: { m: 1 })
      expect(made.result).to eq(
        batch_processing_outcome: { type: "create_batches", worker_template_name: "w", worker_count: 2, cursor_configs: configs, total_items: 7 }
      )
      expect(made.metadata).to eq(m: 1)
    end

    it "asks for none" do
      expect(handler.no_batches_outcome(reason: "empty").result).to eq(batch_processing_outcome: { type: "no_batches" }, reason: "empty")
      none = handler.create_batches_outcome(worker_template_name: "w", cursor_configs: [], total_items: 0)
      expect(none.result).to eq(batch_processing_outcome: { type: "no_batches" })
    end
  end

  describe "working" do
    it "knows its batch" do
      batch = handler.get_batch_context(worker({ "cursor" => cursor, "batch_metadata" => { "cursor_field" => "id" }, "is_no_op" => false }))
      expect(batch).to have_attributes(
        batch_id: "002", start_cursor: 5, end_cursor: 12, batch_size: 7, no_op?: false, has_checkpoint?: false, checkpoint_cursor: nil,
        checkpoint_items_processed: 0, accumulated_results: nil
      )
      expect([batch.cursor[:batch_id], batch.batch_metadata[:cursor_field]]).to eq(%w[002 id])
    end

    it "goes on from a checkpoint" do
      saved = { "cursor" => 8, "items_processed" => 3, "accumulated_results" => { "sum" => 4 } }
      batch = TaskerCore::BatchProcessing::BatchWorkerContext.from_step_data(worker({ "cursor" => cursor }, checkpoint: saved).workflow_step)
      expect([batch.has_checkpoint?, batch.checkpoint_cursor, batch.checkpoint_items_processed,
              batch.accumulated_results[:sum]]).to eq([true, 8, 3, 4])
    end

    it "knows nothing of a step that is none" do
      expect(handler.get_batch_context(make_context)).to have_attributes(batch_id: "unknown", start_cursor: 0, end_cursor: 0, no_op?: false)
    end

    it "does nothing where there is nothing to do" do
      context = worker({ "cursor" => cursor.merge("batch_id" => "000"), "is_no_op" => true })
      [context, handler.get_batch_context(context)].each do |given|
        expect(handler.handle_no_op_worker(given).result).to include(batch_id: "000", no_op: true, items_processed: 0)
      end
      expect(handler.handle_no_op_worker(worker({ "cursor" => cursor, "is_no_op" => false }))).to be_nil
    end

    it "tells what was done" do
      made = handler.batch_worker_success(items_processed: 5, items_succeeded: 4, items_failed: 1, last_cursor: 12, errors: [{ e: 1 }])
      expect(made.result).to eq(
        items_processed: 5, items_succeeded: 4, items_failed: 1, items_skipped: 0, last_cursor: 12, batch_metadata: {}, errors: [{ e: 1 }]
      )
    end

    it "yields checkpoints with cursors of any form" do # C8
      [50, "token", { "page" => 1 }, nil, [1], true].each do |place|
        expect(handler.checkpoint_yield(cursor: place, items_processed: 2**40)).to have_attributes(cursor: place, checkpoint?: true)
      end
      expect { handler.checkpoint_yield(cursor: 1, items_processed: -1) }.to raise_error(TaskerCore::Errors::ValidationError, /items_processed/)
    end
  end

  describe "bringing together" do
    let(:outcome) { { "batch_processing_outcome" => { "type" => "create_batches" } } }
    let(:context) do
      make_context(results: { "analyze" => outcome, "process_001" => { "items_processed" => 5, "items_succeeded" => 4, "items_failed" => 1,
                                                                       "errors" => [{ "e" => 1 }] },
                              "process_002" => { "items_processed" => 3, "items_succeeded" => 3, "items_skipped" => 2 } })
    end

    # B2
    it "finds the workers" do
      [context, context.dependency_results, context.dependency_results.to_h].each do |source|
        scenario = handler.detect_aggregation_scenario(source, "analyze", "process_")
        expect(scenario).to have_attributes(type: :with_batches, with_batches?: true, no_batches?: false, worker_count: 2)
        expect(scenario.batch_results.keys).to eq(%w[process_001 process_002])
        expect(scenario.batchable_result).to eq(outcome)
      end
    end

    it "finds that there was nothing to do" do
      none = make_context(results: { "analyze" => { "batch_processing_outcome" => { "type" => "no_batches" } },
                                     "process_000" => { "no_op" => true } })
      scenario = TaskerCore::BatchProcessing::BatchAggregationScenario.detect(none, :analyze, :process_)
      expect(scenario).to have_attributes(type: :no_batches, no_batches?: true, worker_count: 0, batch_results: {})
    end

    it "fails for good where results are missing" do
      expect { handler.detect_aggregation_scenario(context, "other", "process_") }.to raise_error(TaskerCore::Errors::PermanentError, /other/)
      expect { handler.detect_aggregation_scenario(context, "analyze", "no_") }.to raise_error(TaskerCore::Errors::PermanentError, /no_/)
    end

    it "adds numbers up" do # B4
      scenario = handler.detect_aggregation_scenario(context, "analyze", "process_")
      expect(handler.aggregate_batch_worker_results(scenario).result).to eq(
        total_processed: 8, total_succeeded: 7, total_failed: 1, total_skipped: 2, batch_count: 2, success_rate: 0.875,
        errors: [{ "e" => 1 }], error_count: 1, worker_count: 2, scenario: "with_batches"
      )
    end

    it "lets a block bring them together" do
      scenario = handler.detect_aggregation_scenario(context, "analyze", "process_")
      made = handler.aggregate_batch_worker_results(scenario) { |results| { sum: results.values.sum { |result| result[:items_processed] } } }
      expect(made.result).to eq(sum: 8, worker_count: 2, scenario: "with_batches")
    end

    it "is zero where there was nothing to do" do
      none = make_context(results: { "analyze" => { "batch_processing_outcome" => { "type" => "no_batches" } } })
      scenario = handler.detect_aggregation_scenario(none, "analyze", "process_")
      made = handler.aggregate_batch_worker_results(scenario, zero_metrics: { total_value: 0.0 }) { raise "there is nothing" }
      expect(made.result).to include(total_value: 0.0, total_processed: 0, success_rate: 0.0, worker_count: 0, scenario: "no_batches")
      expect(handler.no_batches_aggregation_result.result).to include(batch_count: 0, scenario: "no_batches")
    end

    it "keeps a hundred errors, and counts all" do # B4
      many = Array.new(3) { { "errors" => Array.new(60) { |i| { "e" => i } } } }
      sum = TaskerCore::BatchProcessing::Aggregation.sum([*many, nil])
      expect([sum[:errors].size, sum[:error_count], sum[:batch_count]]).to eq([100, 180, 3])
    end

    it "walks into results" do
      expect(handler.get_dependency_result(context, "analyze", "batch_processing_outcome", :type)).to eq("create_batches")
      expect([handler.get_dependency_result(context, "analyze", "x", "y"), handler.get_dependency_result(context, "no")]).to eq([nil, nil])
    end
  end

  it "tells what it can do" do
    expect(handler.capabilities).to include("process", "batchable", "cursor_based")
  end
end
