# frozen_string_literal: true

require_relative "support/helper"
require "tasker_core/testing/rspec"

# Workflows from their templates to their results, on PostgreSQL.
RSpec.describe TaskerCore::Worker::Bootstrap, e2e: true do
  %w[class dsl].each do |form|
    describe "of handlers as #{form}" do
      it "runs four steps in a row (W1, #{form})" do
        { 6 => [36, 46, 138, 69], 8 => [64, 74, 222, 111] }.each do |number, expected|
          run = run_form("mathematical_sequence_rb", form, namespace: "linear_workflow_rb", context: { even_number: number })
          expect(run).to have_completed
          expect(%w[square add multiply divide].map { |name| run.results[name]["value"] }).to eq(expected)
          expect(run.steps.values.map { |step| [step.current_state, step.attempts] }).to eq([["complete", 1]] * 4)
        end
      end

      it "runs a diamond (W3, #{form})" do
        run = run_form("diamond", form, namespace: "diamond_rb", context: { even_number: 6 }).completed
        expect(run.results.transform_values { |result| result["value"] }).to eq(
          "start" => 36, "branch_add" => 61, "branch_double" => 72, "average" => 66.5
        )
      end

      it "keeps namespaces apart whose workflows have the same name (W11, #{form})" do
        runs = %w[north_rb south_rb].product([1, 2, 3]).map do |place, _|
          [place, sandbox.client.create_task(name: "namesake_#{form}", namespace: place).task_uuid]
        end
        runs.each do |place, task|
          results = sandbox.wait(task).completed.results
          expect(results).to eq("where" => { "place" => place }, "told" => { "place" => place, "before" => place, "namespace" => place })
        end
      end

      it "ends a step in the core when its time is up, and takes no result after that (E12, #{form})" do
        sandbox
        events = Thread::Queue.new
        bridge = TaskerCore::Worker::EventBridge.instance
        listener = bridge.subscribe_to_step_execution { |event| events << event.values_at("task_uuid", "event_id") }
        run = run_form("late", form, namespace: "waits_rb").completed
        first = Array.new(events.size) { events.pop }.assoc(run.task.task_uuid).last
        late = TaskerCore::Worker::EventPoller.instance.answer(first, "success" => true, "result" => { "attempt" => "late" })
        expect(late).to be(false)
        E2E::GATES[run.task.task_uuid] << true
        eventually { sandbox.worker.in_flight.zero? }
        step = sandbox.client.get_step(run.task.task_uuid, run.steps["step"].step_uuid)
        expect([step.current_state, step.attempts, step.results["result"]]).to eq(["complete", 2, { "attempt" => 1 }])
        moves = sandbox.client.get_step_audit_history(run.task.task_uuid, step.step_uuid)
        expect(moves.map(&:to_state).count { |state| %w[enqueued_for_orchestration complete].include?(state) }).to eq(1), "no double completion"
        error = moves.find { |move| move.to_state == "waiting_for_retry" }.result["error"]
        expect(error).to include("error_type" => "ffi_timeout", "retryable" => true, "message" => match(/timed out/))
      ensure
        bridge&.unsubscribe(TaskerCore::Worker::EventBridge::STEP_EXECUTION_RECEIVED, listener)
      end
    end
  end

  { "class" => "methods", "dsl" => "methods_dsl" }.each do |form, workflow|
    it "runs the methods and resolvers that templates name; a block has no methods, and is one handler for each (W13, #{form})" do
      run = sandbox.run(workflow, namespace: "methods_rb").completed
      expect(run.results).to eq(
        "validate" => { "ran" => "validate" }, "process" => { "ran" => "process", "with" => "care" }, "refund" => { "ran" => "refund" },
        "plain" => { "ran" => "call" }, "by_class" => { "ran" => "call" }
      )
    end
  end

  { 50 => %w[allow rule], 500 => %w[ask manager] }.each do |amount, (step, by)|
    it "goes the way that a decision chose for #{amount}" do
      sandbox
      run = E2E::ApprovalWorkflow.perform_async(amount: amount).wait(timeout: 60)
      expect(run.results.except("read", "route")).to eq(step => { "by" => by })
    end
  end

  it "keeps with a step who ran it, where and when, and what its handler said beside its result" do
    run = run_form("mathematical_sequence_rb", "class", namespace: "linear_workflow_rb", context: { even_number: 2 }).completed
    metadata = run.steps["square"].results["metadata"]
    expect(metadata).to include("worker_id" => sandbox.worker.worker_id, "worker_hostname" => Socket.gethostname)
    times = [run.task.created_at, *metadata.values_at("started_at", "completed_at")].map { |at| Time.parse(at) }
    expect(times).to eq(times.sort)
    expect(metadata["execution_time_ms"]).to be >= 0
    expect(metadata["custom"]).to eq("operation" => "square")
  end

  it "runs as many steps side by side as there are slots" do
    run = sandbox.run("fan", namespace: "fan_rb").completed
    expect(E2E::MOST[:ever]).to eq(sandbox.worker.slots)
    expect(run.results.values.map { |result| result["on"] }.uniq.size).to be >= 10
  end

  it "wraps steps in what the program around it needs" do
    sandbox
    seen = []
    wrapper = TaskerCore::Worker.wrap_steps do |step|
      seen << Thread.current.name
      step.call
    end
    sandbox.run("methods", namespace: "methods_rb").completed
    TaskerCore::Worker.unwrap_steps(wrapper)
    expect(seen.size).to eq(5)
  end

  it "tells listeners of the bridge what it does" do
    sandbox
    bridge = TaskerCore::Worker::EventBridge.instance
    seen = Thread::Queue.new
    received = bridge.subscribe_to_step_execution { |event| seen << ["received", event["step_uuid"]] }
    sent = bridge.subscribe(TaskerCore::Worker::EventBridge::STEP_COMPLETION_SENT) { |data| seen << ["sent", data["step_uuid"]] }
    run = sandbox.run("fails", namespace: "errors_rb", context: { times: 0 }).completed
    own = []
    Timeout.timeout(20) { own += [seen.pop].select { |_, uuid| uuid == run.steps["step"].step_uuid } until own.size == 2 }
    expect(own.map(&:first)).to eq(%w[received sent])
  ensure
    bridge.unsubscribe(TaskerCore::Worker::EventBridge::STEP_EXECUTION_RECEIVED, received)
    bridge.unsubscribe(TaskerCore::Worker::EventBridge::STEP_COMPLETION_SENT, sent)
  end

  it "has its tasks cancelled, of which handlers hear" do
    task = sandbox.client.create_task(name: "waits", namespace: "waits_rb")
    E2E::BEGAN[task.task_uuid].pop
    expect(sandbox.client.cancel_task(task.task_uuid)["status"]).to eq("cancelled")
    expect(E2E::SEEN[task.task_uuid].pop).to eq(cancelled: true, heartbeat: false)
  end

  it "ends a step in the core when its time is up, of which the handler hears" do
    run = sandbox.run("short", namespace: "waits_rb", timeout: 60)
    expect(run.status).to eq("blocked_by_failures")
    expect(run.error(:step)["message"]).to match(/time/)
    expect(E2E::SEEN[run.task.task_uuid].pop).to eq(cancelled: true, heartbeat: false)
  end
end

RSpec.describe TaskerCore::Client, e2e: true do
  it "lists tasks and looks at them" do
    run = sandbox.run("methods", namespace: "methods_rb", tags: ["looked-at"], priority: 3).completed
    client = sandbox.client
    expect(run.task).to have_attributes(tags: ["looked-at"], priority: 3, initiator: "tasker_core.testing", completion_percentage: 100)
    listed = client.list_tasks(limit: 5, namespace: "methods_rb", status: "complete")
    expect(listed.tasks.map { |task| task[:task_uuid] || task.task_uuid }).to include(run.task.task_uuid)
    step = run.steps["plain"]
    expect(client.get_step(run.task.task_uuid, step.step_uuid).results).to eq(step.results)
    expect(client.health_check.status).to eq("healthy")
  end

  it "gets the same task for the same key" do
    uuids = Array.new(3) { sandbox.client.create_task(name: "methods", namespace: "methods_rb", idempotency_key: "once").task_uuid }
    expect(uuids.uniq.size).to eq(1)
  end

  it "is refused what is not there, and says so" do
    expect { sandbox.client.create_task(name: "no_such", namespace: "errors_rb") }.to raise_error(TaskerCore::CoreNotFoundError, /no_such/)
    expect { sandbox.client.create_task(name: "methods", namespace: "methods_rb", colour: "red") }
      .to raise_error(TaskerCore::UsageError, /colour/)
  end

  it "says what a task does that does not end in time" do
    task = sandbox.client.create_task(name: "waits", namespace: "waits_rb", context: { seconds: 60 })
    expect { sandbox.client.wait_for_task(task.task_uuid, timeout: 0.2) }.to raise_error(described_class::WaitTimeoutError)
    sandbox.client.cancel_task(task.task_uuid)
  end
end
