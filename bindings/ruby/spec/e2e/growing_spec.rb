# frozen_string_literal: true

require_relative "support/helper"
require "tasker_core/testing/rspec"

# Decisions, batches and checkpoints.
RSpec.describe TaskerCore::StepHandler::Batchable, e2e: true do
  def run(workflow, **context)
    sandbox.run(workflow, namespace: "growing_rb", context: context)
  end

  def numbered(run, prefix)
    run.steps.keys.grep(/\A#{prefix}_\d+\z/).sort
  end

  # The task once its batches are as they are to become: one that failed blocks it while others run.
  def settled(run)
    Timeout.timeout(30) do
      run = sandbox.wait(run.task.task_uuid) until yield(numbered(run, "process").map { |name| run.steps[name] })
    end
    run
  end

  { 999 => %w[auto_approve], 1000 => %w[manager_approval], 4999 => %w[manager_approval], 5000 => %w[finance_review manager_approval] }
    .each do |amount, chosen|
      %w[classes blocks].each do |form|
        it "creates the steps that a decision chose for #{amount}, and no others, in #{form} (W7)" do
          done = run("approval_#{form}", amount: amount, requester: "ada").completed
          expect(done.steps.keys & %w[auto_approve manager_approval finance_review]).to match_array(chosen)
          expect(done.results["finalize"]).to eq("approved_by" => chosen)
        end
      end
    end

  { { amount: 0, requester: "ada" } => "amount", { amount: 1_000_001, requester: "ada" } => "amount", { amount: 1, requester: "" } => "requester" }
    .each do |context, field|
      it "is not begun with #{context}, which the workflow's schema rules out (W7)" do
        expect { run("approval_classes", **context) }.to raise_error(TaskerCore::UsageError, /#{field}/)
      end
    end

  %w[classes blocks].each do |form|
    it "works rows off in batches, in #{form} (W8, B1, B2)" do
      done = run("rows_#{form}", rows: 1000, batch_size: 200).completed
      expect(numbered(done, "process")).to eq((1..5).map { |number| "process_00#{number}" })
      expect(done.results["sum"]).to include("sum" => (0...1000).sum, "worker_count" => 5)
    end

    it "has one worker with nothing to do where there are no rows, in #{form} (W8, C5, B2)" do
      done = run("rows_#{form}", rows: 0, batch_size: 200).completed
      expect(numbered(done, "process").size).to eq(1)
      expect(done.results["sum"]["sum"]).to eq(0)
    end
  end

  it "adds up what workers say of their rows (B4)" do
    done = run("rows_classes", rows: 7, batch_size: 3).completed
    expect(done.results["sum"]).to include(
      "total_processed" => 7, "total_succeeded" => 7, "success_rate" => 1.0, "worker_count" => 3, "scenario" => "with_batches"
    )
  end

  {
    "continue_on_failure" => ["complete", %w[complete resolved_manually complete complete], "complete", [1, 1, 1, 1]],
    "isolate" => ["blocked_by_failures", %w[complete error complete complete], "pending", [1, 1, 1, 1]],
    "fail_fast" => ["blocked_by_failures", %w[complete error error error], "pending", [1, 1, 0, 0]]
  }.each do |strategy, (status, batches, sum, attempts)|
    it "lets a batch that failed mean what the template says: #{strategy} (B3)" do
      ended = run("rows_#{strategy}", rows: 8, batch_size: 2, fail_at: 2, for_good: true)
      ended = settled(ended) { |steps| steps.map(&:current_state) == batches }
      expect([ended.status, ended.steps["sum"].current_state]).to eq([status, sum])
      expect(numbered(ended, "process").map { |name| ended.steps[name].attempts }).to eq(attempts)
      expect(ended.results.dig("process_001", "results", "told")).to eq(strategy)
      expect(ended.error(:process_002)["message"]).to eq("row 2 is broken")
      expect(ended.results["sum"]["sum"]).to eq((0...8).sum - 2 - 3) if strategy == "continue_on_failure"
    end
  end

  it "goes through a diamond, a decision and batches, one way only (W9)" do
    done = run("halves", up_to: 8).completed
    expect(done.results["sum_evens"]).to eq("sum" => 4 + 16 + 36 + 64)
    expect(numbered(done, "square_evens").size).to eq(2)
    expect(done.steps.keys.grep(/_odds/)).to be_empty
  end

  {
    "every 25 rows" => { rows: 100, batch_size: 100, every: 25 }, "every row (C4)" => { rows: 12, batch_size: 12, every: 1 },
    "in one batch, never (C6)" => { rows: 20, batch_size: 20 }
  }.each do |how, context|
    it "saves how far it got #{how}, which uses up no attempt (C1)" do
      done = run("rows_classes", **context).completed
      expect(done.results["sum"]["sum"]).to eq((0...context[:rows]).sum)
      expect(done.steps["process_001"].attempts).to eq(1)
      expected = context[:every] ? context[:rows] - context[:every] : 0
      expect(done.results.dig("process_001", "results", "resumed_at")).to eq(expected)
    end
  end

  it "goes on from the last checkpoint after a failure, with no row twice (C2)" do
    done = run("rows_classes", rows: 100, batch_size: 100, every: 20, fail_at: 50).completed
    expect(done.steps["process_001"].attempts).to eq(2)
    expect(done.results["sum"]["sum"]).to eq((0...100).sum)
  end

  it "goes on exactly where the failure was, if that is where the checkpoint is (C7)" do
    done = run("rows_classes", rows: 75, batch_size: 75, every: 25, fail_at: 50).completed
    expect(done.results.dig("process_001", "results", "resumed_at")).to eq(50)
    expect(done.results["sum"]["sum"]).to eq((0...75).sum)
  end

  it "ends a step for good whose failure is permanent, whatever was saved (C3)" do
    ended = run("rows_classes", rows: 100, batch_size: 100, every: 20, fail_at: 50, for_good: true)
    expect(ended).to have_failed_step(:process_001).with("row 50 is broken")
    expect(ended.steps["process_001"].attempts).to eq(1)
  end

  it "hands a step out again after each checkpoint, whatever its cursor is (C8, C10)" do
    sandbox
    events = Thread::Queue.new
    bridge = TaskerCore::Worker::EventBridge.instance
    listener = bridge.subscribe_to_step_execution { |event| events << [event["task_uuid"], event["event_id"]] }
    done = run("cursors").completed
    cursors = Growing::Cursors::CURSORS
    expect(done.results["walk"]["seen"]).to eq([nil, *cursors].map { |cursor| { "cursor" => cursor, "attempt" => 0 } })
    ids = Array.new(events.size) { events.pop }.filter_map { |task, id| id if task == done.task.task_uuid }
    expect(ids.uniq.size).to eq(cursors.size + 1)
    poller = TaskerCore::Worker::EventPoller.instance
    expect(poller.answer(ids.first, "success" => true)).to be(false), "its time is over, also for results (C9)"
  ensure
    bridge&.unsubscribe(TaskerCore::Worker::EventBridge::STEP_EXECUTION_RECEIVED, listener)
  end
end
