# frozen_string_literal: true

require "time"
require_relative "support/helper"
require "tasker_core/testing/rspec"

# How failures of handlers reach the store, and whether they are tried again.
RSpec.describe TaskerCore::Errors, e2e: true do
  def fail_in(name, form, how, **context)
    run = run_form(name, form, namespace: "errors_rb", context: { how: how, **context })
    [run, run.steps["step"], run.error(:step)]
  end

  def seconds(from, to)
    Time.parse(to) - Time.parse(from)
  end

  # How long the quickest of a few tasks took by what the store says.
  def took(limit)
    quickest(limit) do
      run = yield
      moved = run.steps["step"].then { |step| step.completed_at || step.last_failure_at }
      seconds(run.task.created_at, moved)
    end
  end

  %w[class dsl].each do |form|
    describe "of handlers as #{form}" do
      it "has nothing to do with a step that succeeds, in less than 3 s (E1, #{form})" do
        time = took(3) do
          run = run_form("fails", form, namespace: "errors_rb", context: { times: 0 })
          expect(run).to have_completed_step(:step).with("attempt" => 0)
          expect([run.status, run.steps.transform_values(&:current_state)]).to eq(["complete", { "step" => "complete" }])
          run
        end
        expect(time).to be < 3
      end

      it "ends a step at the first PermanentError in less than 5 s, though three attempts are allowed (E2, #{form})" do
        time = took(5) do
          run, step, error = fail_in("fails", form, "permanent")
          expect([run.status, step.current_state, step.attempts]).to eq(["blocked_by_failures", "error", 1])
          expect(error).to include("message" => "the order is closed", "retryable" => false)
          run
        end
        expect(time).to be < 5
      end

      it "gives up after as many attempts as the template allows, with delays between them (E3, #{form})" do
        time = took(10) do
          run, step, error = fail_in("gives_up", form, "later")
          expect(run).to have_failed_step(:step).with("the gateway is away")
          expect([step.current_state, step.attempts, error["retryable"]]).to eq(["error", 3, true])
          run
        end
        expect(time).to be > 0.1
        expect(time).to be < 10
      end

      it "tries again after a RetryableError, until it works (E4, #{form})" do
        run, step, = fail_in("recovers", form, "later", times: 2)
        expect(run).to have_completed_step(:step).with("attempt" => 2)
        expect([run.status, step.attempts]).to eq(["complete", 3])
      end

      it "gives up before a step works that would need more attempts than there are (E5, #{form})" do
        run, step, = fail_in("fails", form, "later", times: 10)
        expect([run.status, step.current_state, step.attempts]).to eq(["blocked_by_failures", "error", 3])
      end

      it "blocks a task by what failed for good, while another step waits for its retry (E6, #{form})" do
        run = run_form("mixed", form, namespace: "errors_rb")
        expect(run.status).to eq("blocked_by_failures")
        settled(run, "succeeds" => "complete", "ends" => "error", "waits" => "waiting_for_retry")
      ensure
        sandbox.client.cancel_task(run.task.task_uuid) if run
      end

      it "tries as often as a template allows, and at least once (E7, #{form})" do
        run = run_form("limits", form, namespace: "errors_rb", context: { how: "later" })
        run = settled(run, %w[none one never three].to_h { |name| [name, "error"] })
        expect(run.steps.transform_values(&:attempts)).to eq("none" => 1, "one" => 1, "never" => 1, "three" => 3)
        tried = run.steps.transform_values { |step| Array.new(E2E::SEEN[step.step_uuid].size) { E2E::SEEN[step.step_uuid].pop } }
        expect(tried).to eq("none" => [0], "one" => [0], "never" => [0], "three" => [0, 1, 2])
      end

      it "tells which bug it was, and tries again (E8, #{form})" do
        _, step, error = fail_in("fails", form, "bug")
        expect(step.attempts).to eq(3)
        expect(error["message"]).to include("no_such_method")
      end

      it "keeps all that an error says where a client gets the step (E8, #{form})" do
        run, step, = fail_in("fails", form, "permanent")
        kept = sandbox.client.get_step(run.task.task_uuid, step.step_uuid).results
        expect(kept["error"]).to include("message" => "the order is closed", "error_type" => "permanent_error", "retryable" => false)
        expect(kept["error"]["backtrace"].join).to include("handlers.rb")
        expect(kept["error"]["context"]).to include("order" => 7)
        expect(kept["metadata"]["error_code"]).to eq("CLOSED")
      end

      it "keeps all that a handler's own failure says, which is not tried again unless it says so (E8, #{form})" do
        run, step, = fail_in("fails", form, "result")
        expect(step.attempts).to eq(1)
        kept = sandbox.client.get_step(run.task.task_uuid, step.step_uuid).results
        expect(kept["error"]).to include("message" => "refused", "error_type" => "validation_error", "retryable" => false)
        expect(kept["metadata"]).to include("error_code" => "NO", "custom" => { "field" => "amount" })
      end

      it "waits as long as the handler asks for (E9, #{form})" do
        task = sandbox.client.create_task(name: "fails_#{form}", namespace: "errors_rb", context: { how: "after" })
        step = eventually do
          sandbox.client.list_task_steps(task.task_uuid).find { |found| found.current_state == "waiting_for_retry" }
        end
        expect(seconds(step.last_failure_at, step.next_retry_at)).to be_within(5).of(600)
      ensure
        sandbox.client.cancel_task(task.task_uuid)
      end

      it "waits not at all if the handler asks for that, whatever the template says (E9, #{form})" do
        run, = fail_in("patient", form, "now", times: 1)
        expect(run).to have_completed_step(:step).with("attempt" => 1)
      end

      %w[method resolver].each do |what|
        it "fails a step for good that names a #{what} which is not there (E10, W13, #{form})" do
          run = run_form("wrong_#{what}", form, namespace: "errors_rb")
          expect(run).to have_failed_step(:step).with(/no_such_#{what}/)
          expect(run.steps["step"].attempts).to eq(1)
          expect(run.error(:step)).to include("error_type" => "handler_not_found", "retryable" => false)
        end
      end

      %w[exit fatal].each do |how|
        it "fails the step, and not the worker, when a handler ends by #{how} (E11, #{form})" do
          run, = fail_in("fails", form, how)
          expect(run.status).to eq("blocked_by_failures")
          expect(sandbox.worker).to be_running
          expect(fail_in("fails", form, how, times: 0).first).to have_completed
        end
      end

      it "answers steps whose handlers end the thread, whose places others take (E11, #{form})" do
        sandbox
        tasks = Array.new(15) do
          sandbox.client.create_task(name: "fails_#{form}", namespace: "errors_rb", context: { how: "thread", times: 1 }).task_uuid
        end
        tasks.each { |task| expect(sandbox.wait(task)).to have_completed_step(:step).with("attempt" => 1) }
      end

      {
        "time" => /\bat: .*Time/, "nan" => /\bat: NaN/, "bytes" => /\bat: .*UTF-8/, "cycle" => /contain itself/, "huge" => /bytes/
      }.each do |what, message|
        it "fails a step for good whose result is no JSON that can be kept (#{what}), naming the place (E13, #{form})" do
          _, step, error = fail_in("fails", form, "json", what: what)
          expect(step.attempts).to eq(1)
          expect(error).to include("error_type" => "FFI_SERIALIZATION_ERROR", "retryable" => false)
          expect(error["message"]).to match(message).and(satisfy { |text| text.size <= 500 })
          expect(step.results.dig("metadata", "custom", "original_success")).to be(true)
        end
      end
    end
  end

  it "fails a step for good that nobody has a handler for, in whatever form others are (E10)" do
    run = sandbox.run("nobody", namespace: "errors_rb")
    expect(run).to have_failed_step(:step).with(/nobody.has_it/)
    expect([run.steps["step"].attempts, run.error(:step)["error_type"]]).to match([be <= 1, "handler_not_found"])
    expect(run.error(:step)["retryable"]).to be(false)
  end
end
