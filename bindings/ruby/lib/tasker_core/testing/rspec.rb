# frozen_string_literal: true

require "rspec/expectations"
require "tasker_core/testing"

# Matchers for outcomes of handlers, and for tasks that were run.

RSpec::Matchers.define :have_succeeded do
  match { |outcome| outcome.success? && (@wanted.nil? || values_match?(@wanted, outcome.result)) }
  chain(:with) { |result| @wanted = result }
  failure_message do |outcome|
    next "expected success, and got #{outcome.error_type}: #{outcome.error_message}" unless outcome.success?

    "expected the result #{@wanted.inspect}, and got #{outcome.result.inspect}"
  end
end

RSpec::Matchers.define :have_failed do
  match do |outcome|
    !outcome.success? && (@message.nil? || values_match?(@message, outcome.error_message)) &&
      (@retryable.nil? || outcome.retryable? == @retryable)
  end
  chain(:with) { |message| @message = message }
  chain(:for_good) { @retryable = false }
  chain(:for_now) { @retryable = true }
  failure_message do |outcome|
    next "expected a failure, and got the result #{outcome.result.inspect}" if outcome.success?

    "expected another failure than #{outcome.error_message.inspect}, #{outcome.retryable? ? "for now" : "for good"}"
  end
end

RSpec::Matchers.define :have_yielded_checkpoint do
  match { |outcome| !outcome.checkpoint.nil? && (@at.nil? || values_match?(@at, outcome.checkpoint["cursor"])) }
  chain(:at) { |cursor| @at = cursor }
  failure_message { |outcome| "expected a checkpoint, and got #{outcome.document.inspect}" }
end

RSpec::Matchers.define :have_completed do
  match { |run| run.status == "complete" }
  failure_message do |run|
    reasons = run.steps.map { |name, step| "\n  #{name} #{step.current_state}: #{run.error(name)["message"]}" }
    "expected task #{run.task.name} to be complete, and it is #{run.status}#{reasons.join}"
  end
end

RSpec::Matchers.define :have_completed_step do |name|
  match { |run| run.results.key?(name.to_s) && (@wanted.nil? || values_match?(@wanted, run.results[name.to_s])) }
  chain(:with) { |result| @wanted = result }
  failure_message do |run|
    step = run.steps[name.to_s]
    next "there is no step #{name}" unless step
    next "expected step #{name} to be complete, and it is #{step.current_state}" unless run.results.key?(name.to_s)

    "expected step #{name} to return #{@wanted.inspect}, and got #{run.results[name.to_s].inspect}"
  end
end

RSpec::Matchers.define :have_failed_step do |name|
  match do |run|
    error = run.steps.key?(name.to_s) ? run.error(name) : {}
    !error.empty? && (@message.nil? || values_match?(@message, error["message"]))
  end
  chain(:with) { |message| @message = message }
  failure_message do |run|
    "expected step #{name} to have failed, and the steps are #{run.steps.transform_values(&:current_state)}"
  end
end
