# frozen_string_literal: true

require "time"
require_relative "support/helper"
require "tasker_core/testing/rspec"

# How failures of handlers reach the store, and whether they are tried again.
RSpec.describe TaskerCore::Errors, e2e: true do
  def fail_in(name, how, **context)
    run = sandbox.run(name, namespace: "errors_rb", context: { how: how, **context })
    [run, run.steps["step"], run.error(:step)]
  end

  { "a class" => "fails", "a block" => "fails_in_blocks" }.each do |form, workflow|
    describe "of #{form}" do
      it "has nothing to do with a step that succeeds (E1)" do
        run = sandbox.run(workflow, namespace: "errors_rb", context: { times: 0 })
        expect(run).to have_completed_step(:step).with("attempt" => 0)
        expect([run.status, run.steps.size]).to eq(["complete", 1])
      end

      it "ends a step at the first PermanentError, though three attempts are allowed (E2)" do
        run, step, error = fail_in(workflow, "permanent")
        expect(run.status).to eq("blocked_by_failures")
        expect(step.attempts).to eq(1)
        expect(error).to include("message" => "the order is closed", "retryable" => false)
        expect(error["backtrace"].join).to include("handlers.rb")
        expect(step.results.dig("metadata", "error_code")).to eq("CLOSED")
      end

      it "tries again after a RetryableError, until it works (E4)" do
        run, step, = fail_in(workflow, "retryable", times: 2)
        expect(run).to have_completed_step(:step).with("attempt" => 2)
        expect(step.attempts).to eq(3)
      end

      it "gives up after as many attempts as the template allows (E3, E5)" do
        run, step, error = fail_in(workflow, "retryable")
        expect(run).to have_failed_step(:step).with("the gateway is away")
        expect([step.attempts, error["retryable"]]).to eq([3, true])
      end

      it "tells which bug it was, and tries again (E8)" do
        _, step, error = fail_in(workflow, "bug")
        expect(step.attempts).to eq(3)
        expect(error["message"]).to include("no_such_method")
      end

      it "keeps all that a handler's own failure says, which is not tried again unless it says so (E8)" do
        _, step, error = fail_in(workflow, "result")
        expect(step.attempts).to eq(1)
        expect(error).to include("message" => "refused", "retryable" => false)
        expect(step.results["metadata"]).to include("error_code" => "NO", "custom" => { "field" => "amount" })
      end

      {
        "time" => /\bat: .*Time/, "nan" => /\bat: NaN/, "bytes" => /\bat: .*UTF-8/, "cycle" => /contain itself/, "huge" => /bytes/
      }.each do |what, message|
        it "fails a step for good whose result is no JSON that can be kept (#{what}), naming the place (E13)" do
          _, step, error = fail_in(workflow, "json", what: what)
          expect(step.attempts).to eq(1)
          expect(error).to include("error_type" => "FFI_SERIALIZATION_ERROR", "retryable" => false)
          expect(error["message"]).to match(message).and(satisfy { |text| text.size <= 500 })
          expect(step.results.dig("metadata", "custom", "original_success")).to be(true)
        end
      end

      it "waits as long as the handler asks for (E9)" do
        task = sandbox.client.create_task(name: workflow, namespace: "errors_rb", context: { how: "after" })
        step = nil
        Timeout.timeout(30) do
          sleep(0.02) until (step = sandbox.client.list_task_steps(task.task_uuid).first).current_state == "waiting_for_retry"
        end
        expect(Time.parse(step.next_retry_at) - Time.parse(step.last_failure_at)).to be_within(5).of(600)
      ensure
        sandbox.client.cancel_task(task.task_uuid)
      end

      %w[exit fatal].each do |how|
        it "fails the step, and not the worker, when a handler ends by #{how} (E11)" do
          run, = fail_in(workflow, how)
          expect(run.status).to eq("blocked_by_failures")
          expect(sandbox.worker).to be_running
        end
      end

      it "answers the step when its handler ends the thread, whose place another one takes (E11)" do
        15.times { expect(fail_in(workflow, "thread", times: 1).first).to have_completed_step(:step).with("attempt" => 1) }
      end
    end
  end

  it "blocks a task by what failed for good, while another step waits for its retry (E6)" do
    run = sandbox.run("mixed", namespace: "errors_rb")
    expect(run.status).to eq("blocked_by_failures")
    Timeout.timeout(30) { sleep(0.02) until (run = sandbox.wait(run.task.task_uuid)).steps["succeeds"].current_state == "complete" }
    expect(run.steps["ends"].current_state).to eq("error")
    expect(run.steps["waits"].current_state).not_to eq("error")
  ensure
    sandbox.client.cancel_task(run.task.task_uuid) if run
  end

  it "tries as often as a template allows, and at least once (E7)" do
    run = sandbox.run("limits", namespace: "errors_rb", context: { how: "retryable" })
    expect(run.steps.transform_values(&:attempts)).to include("none" => 1, "one" => 1, "never" => 1)
    Timeout.timeout(30) { sleep(0.02) until (run = sandbox.wait(run.task.task_uuid)).steps["three"].current_state == "error" }
    expect(run.steps["three"].attempts).to eq(3)
  end

  it "fails a step for good that nobody has a handler for (E10)" do
    run = sandbox.run("nobody", namespace: "errors_rb")
    expect(run).to have_failed_step(:step).with(/nobody.has_it/)
    expect([run.steps["step"].attempts, run.error(:step)["error_type"]]).to match([be <= 1, "handler_not_found"])
  end

  %w[method resolver].each do |what|
    it "fails a step for good that names a #{what} which is not there (E10, W13)" do
      run = sandbox.run("wrong_#{what}", namespace: "errors_rb")
      expect(run).to have_failed_step(:step).with(/no_such_#{what}/)
      expect(run.steps["step"].attempts).to eq(1)
    end
  end
end
