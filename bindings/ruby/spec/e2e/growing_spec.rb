# frozen_string_literal: true

require_relative "support/helper"
require "tasker_core/testing/rspec"

# Decisions, batches and checkpoints, with handlers in both forms; the workflows of blocks that these were made from are told
# apart as "blocks".
RSpec.describe TaskerCore::StepHandler::Batchable, e2e: true do
  def run(workflow, form, **context)
    run_form(workflow, form, namespace: "growing_rb", context: context)
  end

  def numbered(run, prefix)
    run.steps.keys.grep(/\A#{prefix}_\d+\z/).sort
  end

  # What the workers of a batch tell of their rows.
  def told(run)
    numbered(run, "process").map { |name| run.results[name]["results"] }
  end

  # What a step sees that walks from cursor to cursor.
  def seen_of(cursors)
    [nil, *cursors].each_with_index.map do |cursor, i|
      { "cursor" => cursor, "items" => [i - 1, 0].max * Growing::Cursors::LARGE, "attempt" => 0, "history" => i }
    end
  end

  # A table of products, and what all of them are worth.
  def table(rows)
    file = File.join(Dir.mktmpdir("rows-", File.dirname(EndToEnd.data_dir)), "products.csv")
    products = Array.new(rows) { |row| ["p-#{row}", row % 90, ((row * 37) % 500) + 1] }
    File.write(file, [%w[product quantity cents], *products].map { |fields| "#{fields.join(",")}\n" }.join)
    [file, products.sum { |_, quantity, cents| quantity * cents }]
  end

  %w[class dsl blocks].each do |form|
    { 1 => %w[auto_approve], 999 => %w[auto_approve], 1000 => %w[manager_approval], 4999 => %w[manager_approval],
      5000 => %w[finance_review manager_approval], 1_000_000 => %w[finance_review manager_approval] }.each do |amount, chosen|
      it "creates the steps that a decision chose for #{amount}, and no others (W7, #{form})" do
        done = run("approval", form, amount: amount, requester: "ada", purpose: "a desk").completed
        expect(done.steps.keys).to match_array(%w[validate route finalize] + chosen)
        expect(done.results["finalize"]).to eq("approved_by" => chosen)
      end
    end

    it "is not begun with what the workflow's schema rules out (W7, #{form})" do
      good = { amount: 1, requester: "ada", purpose: "a desk" }
      [{ amount: 0 }, { amount: -5 }, { amount: 1_000_001 }, { requester: "" }, { purpose: "" }].each do |wrong|
        expect { run("approval", form, **good, **wrong) }.to raise_error(TaskerCore::UsageError, /#{wrong.keys.first}/)
      end
      expect { run("approval", form, **good.except(:purpose)) }.to raise_error(TaskerCore::UsageError, /purpose/)
    end

    { 1000 => 5, 450 => 3, 200 => 1, 2000 => 5 }.each do |rows, workers|
      it "works a table of #{rows} rows off in #{workers} batches (W8, #{form})" do
        csv, worth = table(rows)
        done = run("rows", form, csv: csv, batch_size: 200, most: 5).completed
        expect(done.steps.keys).to match_array(%w[analyze sum] + (1..workers).map { |number| "process_00#{number}" })
        expect(done.results["sum"]).to include("sum" => worth, "total_processed" => rows, "worker_count" => workers)
      end
    end

    it "has one worker with nothing to do for a table without rows (W8, C5, B1, B2, #{form})" do
      csv, = table(0)
      done = run("rows", form, csv: csv, batch_size: 200, most: 5).completed
      expect(numbered(done, "process").map { |name| done.results[name].slice("no_op", "items_processed") }).to eq(
        [{ "no_op" => true, "items_processed" => 0 }]
      )
      expect(done.results["sum"]).to include("sum" => 0, "total_processed" => 0, "worker_count" => 0, "scenario" => "no_batches")
    end

    { "more evens" => [[2, 4, 5, 6, 8], "evens", 4 + 16 + 36 + 64], "more odds" => [[1, 2, 3, 5], "odds", 1 + 9 + 25],
      "as many of both" => [[1, 2, 3, 4], "evens", 4 + 16] }.each do |how, (given, half, sum)|
      it "goes through a diamond, a decision and batches, one way only, given #{how} (W9, #{form})" do
        done = run("halves", form, given: given).completed
        expect(done.results["sum_#{half}"]).to eq("sum" => sum)
        expect(numbered(done, "square_#{half}").size).to eq(given.count { |number| number.even? == (half == "evens") }.fdiv(2).ceil)
        other = (%w[evens odds] - [half]).first
        expect(done.steps.keys.grep(/_#{other}/)).to be_empty
      end
    end
  end

  %w[class dsl].each do |form|
    it "divides rows among workers, of which the first get what remains (B1, B2, #{form})" do
      { [1000, 5] => [[0, 200], [200, 400], [400, 600], [600, 800], [800, 1000]], [11, 3] => [[0, 4], [4, 8], [8, 11]],
        [2, 5] => [[0, 1], [1, 2]] }.each do |(rows, workers), ranges|
        done = run("rows", form, rows: rows, workers: workers).completed
        expect(told(done).map { |worked| worked["range"] }).to eq(ranges)
        expect(done.results["sum"]).to include("scenario" => "with_batches", "worker_count" => ranges.size, "sum" => (0...rows).sum)
      end
    end

    it "makes no more batches than there may be, and loses no row (B1, #{form})" do
      done = run("rows", form, rows: 1000, batch_size: 200, most: 3).completed
      ranges = told(done).map { |worked| worked["range"] }
      expect([ranges.size, ranges.flatten.first, ranges.flatten.last]).to eq([3, 0, 1000])
      expect(ranges.each_cons(2).map { |before, after| before.last == after.first }).to all(be(true))
    end

    { analyzer: "analyse", prefix: "worker_" }.each do |what, name|
      it "fails the sum for good that does not find the #{what} (B2, #{form})" do
        ended = settled(run("rows", form, rows: 4, batch_size: 2, what => name), "sum" => "error")
        expect([ended.status, ended.steps["sum"].attempts]).to eq(["blocked_by_failures", 1])
        expect(ended.error(:sum)).to include("message" => include(name), "retryable" => false)
      end
    end

    {
      "continue_on_failure" => ["complete", %w[complete resolved_manually complete complete], "complete", [1, 1, 1, 1]],
      "isolate" => ["blocked_by_failures", %w[complete error complete complete], "pending", [1, 1, 1, 1]],
      "fail_fast" => ["blocked_by_failures", %w[complete error error error], "pending", [1, 1, 0, 0]]
    }.each do |strategy, (status, batches, sum, attempts)|
      it "lets a batch that failed mean what the template says: #{strategy} (B3, #{form})" do
        states = batches.each_with_index.to_h { |state, i| ["process_00#{i + 1}", state] }
        ended = run("rows_#{strategy}", form, rows: 8, batch_size: 2, fail_at: 2, for_good: true)
        ended = settled(ended, states.merge("sum" => sum))
        expect(ended.status).to eq(status)
        expect(numbered(ended, "process").map { |name| ended.steps[name].attempts }).to eq(attempts)
        expect(ended.results.dig("process_001", "results", "strategy")).to eq(strategy)
        expect(ended.error(:process_002)["message"]).to eq("row 2 is broken")
        expect(ended.results["sum"]["sum"]).to eq((0...8).sum - 2 - 3) if strategy == "continue_on_failure"
      end
    end

    it "adds up what workers say of their rows, and keeps a hundred errors at most (B4, #{form})" do
      sum = run("rows", form, rows: 300, workers: 3, bad: 240).completed.results["sum"]
      expect(sum).to include(
        "total_processed" => 300, "total_succeeded" => 60, "total_failed" => 240, "success_rate" => 0.2, "error_count" => 240,
        "worker_count" => 3, "scenario" => "with_batches"
      )
      expect(sum["errors"].map { |error| error["row"] }).to eq((0...100).to_a)
    end

    {
      "C1" => ["every 25 rows", 100, 25, [0, 25, 50, 75]], "C4" => ["every row", 12, 1, (0...12).to_a],
      "C6" => ["never in one batch", 20, 20, [0]]
    }.each do |id, (how, rows, every, began)|
      it "saves how far it got #{how}, which uses up no attempt (#{id}, #{form})" do
        done = run("rows", form, rows: rows, workers: 1, every: every).completed
        expect(done.results["process_001"]).to include("items_processed" => rows)
        expect(told(done).first).to include("sum" => (0...rows).sum, "began" => began.map { |at| [at, 0] }, "range" => [0, rows])
        expect(done.steps["process_001"].attempts).to eq(1)
      end
    end

    it "goes on from the last checkpoint after a failure, with no row twice (C2, #{form})" do
      done = run("rows", form, rows: 100, workers: 1, every: 20, fail_at: 50).completed
      expect(told(done).first).to include("began" => [[0, 0], [20, 0], [40, 1], [60, 1], [80, 1]], "sum" => (0...100).sum)
      expect([done.steps["process_001"].attempts, done.results["process_001"]["items_processed"]]).to eq([2, 100])
    end

    it "ends a step for good whose failure is permanent, whatever was saved (C3, #{form})" do
      ended = run("rows_isolate", form, rows: 100, workers: 1, every: 20, fail_at: 50, for_good: true)
      expect(ended).to have_failed_step(:process_001).with("row 50 is broken")
      expect([ended.steps["process_001"].current_state, ended.steps["process_001"].attempts]).to eq(["error", 1])
    end

    it "goes on exactly where the failure was, if that is where the checkpoint is (C7, #{form})" do
      done = run("rows", form, rows: 100, workers: 1, every: 25, fail_at: 50).completed
      expect(told(done).first).to include("began" => [[0, 0], [25, 0], [50, 1], [75, 1]], "sum" => (0...100).sum)
    end

    it "hands a step out again after each checkpoint, whatever its cursor is (C8, C10, #{form})" do
      sandbox
      events = Thread::Queue.new
      bridge = TaskerCore::Worker::EventBridge.instance
      listener = bridge.subscribe_to_step_execution { |event| events << [event["task_uuid"], event["event_id"]] }
      done = run("cursors", form).completed
      cursors = Growing::Cursors::ALL
      expect(done.results["walk"]["seen"]).to eq(seen_of(cursors))
      ids = Array.new(events.size) { events.pop }.filter_map { |task, id| id if task == done.task.task_uuid }
      expect(ids.uniq.size).to eq(cursors.size + 1)
      [{ "success" => true }, { "cursor" => 1, "items_processed" => 1 }].each do |document|
        expect(TaskerCore::Worker::EventPoller.instance.answer(ids.first, document)).to be(false), "the one before is no longer known"
      end
    ensure
      bridge&.unsubscribe(TaskerCore::Worker::EventBridge::STEP_EXECUTION_RECEIVED, listener)
    end

    it "forgets the checkpoints of a step that is run anew (C8, #{form})" do
      task = run("cursors", form).completed.task.task_uuid
      step = sandbox.client.list_task_steps(task).first
      sandbox.client.retry_from(task, step.step_uuid, reason: "once more")
      again = sandbox.wait(task).completed
      expect(again.results["walk"]["seen"]).to eq(seen_of(Growing::Cursors::ALL))
      expect(again.steps["walk"].completed_at).to be > step.completed_at
    end

    it "fails a step for good that says it did less than nothing (C8, #{form})" do
      ended = run("cursors", form, items: -1)
      expect(ended).to have_failed_step(:walk).with(/items_processed/)
      expect([ended.steps["walk"].attempts, ended.error(:walk)["retryable"]]).to eq([1, false])
    end
  end

  # A handler can name no step but its own, so that for it a step which is not there is an event that nobody knows.
  it "takes no checkpoint of an event that nobody knows, in whatever form handlers are (C9)" do
    sandbox
    document = { "cursor" => 1, "items_processed" => 1 }
    expect(TaskerCore::Worker::EventPoller.instance.answer("00000000-0000-7000-8000-000000000000", document)).to be(false)
  end
end
