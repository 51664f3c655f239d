# frozen_string_literal: true

require "tasker_core/errors/tree"
require "tasker_core/workflow/options"
require "tasker_core/workflow/step"

module TaskerCore
  class Workflow
    # What the body of a workflow's class is made of. Called without a value, the methods tell what was said.
    module Declaration
      IDENTITY_STRATEGIES = %w[strict caller_provided always_unique].freeze
      private_constant :IDENTITY_STRATEGIES

      # What tasks are created by; by default the class's name, `order_processing` for `OrderProcessingWorkflow`.
      def workflow_name(value = nil)
        @workflow_name = value.to_s if value
        @workflow_name || default_name
      end

      # Lower-case letters, digits and `_`. Workers serve namespaces.
      def namespace(value = nil)
        @namespace = value.to_s if value
        @namespace || inherited_value(:namespace) || "default"
      end

      # A semantic version.
      def version(value = nil)
        @version = value.to_s if value
        @version || inherited_value(:version) || "1.0.0"
      end

      # What it does, for people.
      def description(value = nil)
        @description = value if value
        @description
      end

      # When two requests are one task: with equal inputs (`strict`, the default), with equal keys (`caller_provided`), or never
      # (`always_unique`).
      def identity_strategy(value = nil)
        if value && !IDENTITY_STRATEGIES.include?(value.to_s)
          raise Errors::ConfigurationError, "identity_strategy is one of #{IDENTITY_STRATEGIES.join(", ")}, not #{value.inspect}"
        end

        @identity_strategy = value.to_s if value
        @identity_strategy || inherited_value(:identity_strategy)
      end

      # A JSON Schema that the inputs of tasks must meet. Without one, what blocks cannot do without is required.
      def input_schema(value = nil)
        @input_schema = value if value
        @input_schema || inherited_value(:input_schema)
      end

      # The steps in their order, with those of the class above first.
      def steps
        (inherited_value(:steps) || []) + (@steps ||= [])
      end

      # Declares a step.
      #
      # @param name the step's name
      # @param handler a class with `call`, or the name of a handler that runs elsewhere; or give a block
      # @param after steps to wait for
      # @param type `decision` steps return a Decision, `batchable` ones a BatchConfig
      # @param retries how often the step is tried again after its first attempt
      # @param timeout how long an attempt may take, in whole seconds at least
      # @param backoff how the delay between attempts grows: `none`, `linear`, `exponential` or `fibonacci`
      # @param backoff_base the first delay
      # @param max_backoff the longest delay
      # @param config kept in the template as `handler.initialization`
      # @param publishes names of the domain events to publish after success, or declarations as templates have them
      # @param method the method of the handler to call, and `resolver` the one resolver to ask for it
      # @param description what it does, for people
      #
      # Times are seconds, or text such as `500ms`, `5s`, `2m` or `1h`.
      def step(name, handler = nil, after: [], type: "standard", **options, &block)
        made = Step.new(
          name: name.to_s, handler: handler || block, after: Array(after).map(&:to_s), type: type.to_s,
          options: Options.document(options), before: steps
        )
        made.callable = made.remote? ? handler.to_s : nil
        made.owner = self
        @steps << made
        made.name.to_sym
      end

      private

      def inherited_value(name)
        superclass.public_send(name) if superclass.respond_to?(name)
      end

      def default_name
        raise Errors::ConfigurationError, "a workflow without a class's name needs a `workflow_name`" unless name

        name.split("::").last.gsub(/([a-z\d])([A-Z])/, '\1_\2').downcase.delete_suffix("_workflow")
      end
    end
  end
end
