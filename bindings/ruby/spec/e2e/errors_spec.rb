# frozen_string_literal: true

require_relative "support/helper"
require "tasker_core/testing/rspec"

# How failures of handlers reach the store, and whether they are tried again.
RSpec.describe TaskerCore::Errors, e2e: true do
  def failed(how, **context)
    run = sandbox.run("fails", namespace: "errors_rb", context: { how: how, **context })
    [run, run.steps["step"], run.error(:step)]
  end

  it "ends a step at the first PermanentError, though three attempts are allowed" do
    run, step, error = failed("permanent")
    expect(run.status).to eq("blocked_by_failures")
    expect(step.attempts).to eq(1)
    expect(error).to include("message" => "the order is closed", "retryable" => false)
    expect(error["backtrace"].join).to include("handlers.rb")
    expect(step.results.dig("metadata", "error_code")).to eq("CLOSED")
  end

  it "tries again after a RetryableError, until it works" do
    run, step, = failed("retryable", times: 2)
    expect(run).to have_completed_step(:step).with("attempt" => 2)
    expect(step.attempts).to eq(3)
  end

  it "gives up after as many attempts as the template allows" do
    run, step, error = failed("retryable")
    expect(run).to have_failed_step(:step).with("the gateway is away")
    expect([step.attempts, error["retryable"]]).to eq([3, true])
  end

  it "tells which bug it was, and tries again" do
    _, step, error = failed("bug")
    expect(step.attempts).to eq(3)
    expect(error["message"]).to include("no_such_method")
  end

  it "keeps all that a handler's own failure says, which is not tried again unless it says so" do
    _, step, error = failed("result")
    expect(step.attempts).to eq(1)
    expect(error).to include("message" => "refused", "retryable" => false)
    expect(step.results["metadata"]).to include("error_code" => "NO", "custom" => { "field" => "amount" })
  end

  it "fails a step whose result is no JSON, naming the place" do
    _, step, error = failed("json")
    expect(step.attempts).to eq(1)
    expect(error["error_type"]).to eq("FFI_SERIALIZATION_ERROR")
    expect(error["message"]).to match(/\bat: .*Time/)
  end

  %w[exit fatal].each do |how|
    it "fails the step, and not the worker, when a handler ends by #{how}" do
      run, = failed(how)
      expect(run.status).to eq("blocked_by_failures")
      expect(sandbox.worker).to be_running
    end
  end

  it "answers the step when its handler ends the thread, whose place another one takes" do
    15.times { expect(failed("thread", times: 1).first).to have_completed_step(:step).with("attempt" => 1) }
  end

  %w[method resolver].each do |what|
    it "fails a step for good that names a #{what} which is not there" do
      run = sandbox.run("wrong_#{what}", namespace: "errors_rb")
      expect(run).to have_failed_step(:step).with(/no_such_#{what}/)
      expect(run.steps["step"].attempts).to eq(1)
    end
  end
end
