# frozen_string_literal: true

require "json"

# Steps without a core.
module Steps
  CONTRACT = File.expand_path("../../../../include/contract", __dir__)
  TASK = "0198c0de-0000-7000-8000-000000000001"
  STEP = "0198c0de-0000-7000-8000-000000000002"
  FREE = %w[result custom context headers cursor accumulated_results].freeze

  module_function

  # The examples of one kind of document.
  def contract(name)
    JSON.parse(File.read(File.join(CONTRACT, "#{name}.json")))
  end

  # A step event as the core sends it; results are what earlier steps returned, by name.
  def make_event(handler = "a_handler", context: {}, results: {}, inputs: nil, checkpoint: nil, attempts: 0, max_attempts: 3,
                 name: "a_step")
    event = contract("step_event")["accept"][0]["document"]
    sequence = event["task_sequence_step"]
    sequence["task"]["task"]["context"] = JSON.parse(JSON.generate(context))
    sequence["workflow_step"].update(
      "name" => name, "inputs" => inputs, "checkpoint" => checkpoint, "attempts" => attempts, "max_attempts" => max_attempts
    )
    sequence["dependency_results"] = results.to_h do |step, value|
      [step.to_s, { "step_uuid" => STEP, "success" => true, "status" => "completed", "result" => value }]
    end
    definition = { "method" => nil, "resolver" => nil, "initialization" => {} }
    sequence["step_definition"]["handler"] = definition.merge(handler.is_a?(Hash) ? handler : { "callable" => handler })
    JSON.parse(JSON.generate(event))
  end

  # The context of a step; the parts are those of `make_event`.
  def make_context(handler = "a_handler", **parts)
    TaskerCore::Types::StepContext.new(make_event(handler, **parts))
  end

  # Runs a step to its document, which must be JSON and fit the contract; returns it as the core reads it.
  def run_step(registry, handler = "a_handler", controls: nil, **parts)
    document = TaskerCore::Execution.run(make_event(handler, **parts), resolver: registry, controls: controls, worker_id: "worker-1")
    check_contract(document)
    JSON.parse(TaskerCore::Native::Codec.dump(document))
  end

  # A registry of its own, with handlers by name.
  def registry(**handlers)
    made = TaskerCore::Registry::HandlerRegistry.send(:new)
    handlers.each { |name, handler| made.register_handler(name.to_s, handler) }
    made
  end

  # What a document says of the step, without what differs from attempt to attempt.
  def outcome_of(document)
    error = document["error"] || {}
    {
      "success" => document["success"], "result" => document["result"],
      "retryable" => document.dig("metadata", "retryable"), "error_code" => document.dig("metadata", "error_code"),
      **error.slice("message", "error_type", "context")
    }
  end

  # Checks the keys of a document against those of the examples that the core accepts.
  def check_contract(document)
    kind = document.key?("cursor") ? "checkpoint" : "step_result"
    known = Hash.new { |all, path| all[path] = [] }
    contract(kind)["accept"].each { |example| collect(example["document"], "", known) }
    found = Hash.new { |all, path| all[path] = [] }
    collect(document, "", found)
    found.each do |path, keys|
      strange = keys - known[path]
      raise "#{path} has keys that the core does not know: #{strange.join(", ")}" unless strange.empty?
    end
  end

  def collect(value, path, into)
    return unless value.is_a?(Hash)

    into[path] |= value.keys
    value.each { |key, item| collect(item, "#{path}.#{key}", into) unless FREE.include?(key) }
  end
end

RSpec.configure { |config| config.include(Steps) }
