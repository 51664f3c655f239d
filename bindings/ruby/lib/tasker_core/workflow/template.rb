# frozen_string_literal: true

require "yaml"
require "tasker_core/errors/tree"
require "tasker_core/types/typed"

module TaskerCore
  class Workflow
    # A workflow as a template. What is left at its default is left out.
    module Template
      class << self
        def document(workflow)
          raise Errors::ConfigurationError, "workflow #{workflow.workflow_name} has no steps" if workflow.steps.empty?

          Types::Typed.dump(
            {
              "name" => workflow.workflow_name, "namespace_name" => workflow.namespace, "version" => workflow.version,
              "description" => workflow.description, "identity_strategy" => workflow.identity_strategy,
              "input_schema" => workflow.input_schema || required_inputs(workflow.steps),
              "steps" => workflow.steps.map { |step| step_document(step) }
            }.compact
          )
        end

        def yaml(workflow)
          YAML.dump(document(workflow), line_width: -1).delete_prefix("---\n")
        end

        private

        def step_document(step)
          options = step.options
          {
            "name" => step.name, "description" => options["description"], "type" => (step.type unless step.type == "standard"),
            "handler" => { "callable" => step.callable, **(options["handler"] || {}) },
            "dependencies" => (step.dependencies unless step.dependencies.empty?),
            **options.slice("retry", "timeout_seconds", "publishes_events")
          }.compact
        end

        # What blocks ask for and cannot do without.
        def required_inputs(steps)
          inputs = steps.flat_map { |step| step.inputs.to_a }
          return nil if inputs.empty?

          required = inputs.reject(&:last).map { |name, _| name.name }.uniq
          schema = { "type" => "object", "properties" => inputs.to_h { |name, _| [name.name, {}] } }
          required.empty? ? schema : schema.merge("required" => required)
        end
      end
    end
  end
end
