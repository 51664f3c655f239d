# frozen_string_literal: true

require "tasker_core/types/handler_definition"
require "tasker_core/types/names"
require "tasker_core/types/value"

module TaskerCore
  module Types
    # Who wrote a template, and when.
    class TemplateMetadata < Value
      attribute? :author, Kinds::STRING
      attribute :tags, Kinds::STRINGS, default: -> { [] }
      attribute? :documentation_url, Kinds::STRING
      attribute? :created_at, Kinds::ANY
      attribute? :updated_at, Kinds::ANY
    end

    # The systems that a template needs.
    class SystemDependencies < Value
      attribute :primary, Kinds::STRING, default: "default"
      attribute :secondary, Kinds::STRINGS, default: -> { [] }
    end

    # An event that a template declares.
    class DomainEventDefinition < Value
      attribute :name, Kinds::STRING
      attribute? :description, Kinds::STRING
      attribute? :schema, Kinds::HASH
    end

    # How a step is tried again.
    class RetryConfiguration < Value
      attribute :retryable, Kinds::BOOL, default: true
      attribute :limit, Kinds::COUNT, default: 3
      attribute :backoff, Kinds.one_of("none", "linear", "exponential", "fibonacci"), default: "exponential"
      attribute :backoff_base_ms, Kinds::COUNT, default: 1000
      attribute :max_backoff_ms, Kinds::COUNT, default: 30_000

      # Templates say `max_attempts` for the limit.
      def initialize(given)
        attempts = given[:max_attempts] || given["max_attempts"]
        super(attempts && !given.key?(:limit) && !given.key?("limit") ? given.merge(limit: attempts) : given)
      end
    end

    # A step as its template declares it.
    class StepDefinition < Value
      attribute :name, Kinds::STRING
      attribute? :description, Kinds::STRING
      attribute :handler, Kind.new("a handler") { |value| HandlerDefinition.of(value) }
      attribute? :system_dependency, Kinds::STRING
      attribute :dependencies, Kinds::STRINGS, default: -> { [] }
      attribute :retry, Kinds.instance(RetryConfiguration), default: -> { RetryConfiguration.new }
      attribute? :timeout_seconds, Kinds::POSITIVE
      attribute :publishes_events, Kinds.list(Kinds::ANY), default: -> { [] }
      attribute :type, Kinds::STRING, default: "standard"

      def depends_on?(other_step_name)
        dependencies.include?(other_step_name.to_s)
      end

      def decision?
        type == "decision"
      end

      def standard?
        type == "standard"
      end
    end

    # What an environment changes of a handler, of a step, and of all.
    class HandlerOverride < Value
      attribute :initialization, Kinds::HASH, default: -> { {} }
    end

    # See {HandlerOverride}.
    class StepOverride < Value
      attribute :name, Kinds::STRING
      attribute? :handler, Kinds.instance(HandlerOverride)
      attribute? :timeout_seconds, Kinds::POSITIVE
      attribute? :retry, Kinds::HASH

      # The step with what this changes of it.
      def apply(step)
        changes = { timeout_seconds: timeout_seconds }.compact
        changes[:retry] = step.retry.to_h.merge(self.retry.transform_keys(&:to_sym)) if self.retry
        if handler
          initialization = IndifferentHash.wrap(step.handler.initialization).merge(handler.initialization).to_h
          changes[:handler] = step.handler.with(initialization: initialization)
        end
        step.with(**changes)
      end
    end

    # See {HandlerOverride}. The name `ALL` stands for all steps.
    class EnvironmentOverride < Value
      attribute :steps, Kinds.list(Kinds.instance(StepOverride)), default: -> { [] }
    end

    # A template: the steps of a kind of task.
    class TaskTemplate < Value
      VERSION_PATTERN = /\A\d+\.\d+\.\d+\z/

      attribute :name, Kinds::STRING
      attribute :namespace_name, Kinds::STRING
      attribute :version, Kinds.where(Kinds::STRING, "a version such as 1.0.0") { |text| text.match?(VERSION_PATTERN) },
                default: "1.0.0"
      attribute? :description, Kinds::STRING
      attribute? :metadata, Kinds.instance(TemplateMetadata)
      attribute :domain_events, Kinds.list(Kinds.instance(DomainEventDefinition)), default: -> { [] }
      attribute? :input_schema, Kinds::HASH
      attribute :steps, Kinds.list(Kinds.instance(StepDefinition)), default: -> { [] }
      attribute :environments, Kinds::HASH, default: -> { {} }
      attribute? :loaded_from, Kinds::STRING

      # What names it among all.
      def template_key
        "#{namespace_name}/#{name}:#{version}"
      end

      # The handlers that its steps name, each once.
      def all_callables
        steps.map { |step| step.handler.callable }.uniq
      end

      # Whether it has a name, a namespace, and steps whose handlers are named.
      def valid_for_registration?
        !name.empty? && !namespace_name.empty? && !steps.empty? && all_callables.none?(&:empty?)
      end

      # The template with what an environment changes of its steps.
      def resolve_for_environment(environment_name)
        said = IndifferentHash.wrap(environments)[environment_name.to_s]
        return self unless said

        overrides = EnvironmentOverride.new(said).steps
        changed = steps.map do |step|
          overrides.select { |override| ["ALL", step.name].include?(override.name) }.reduce(step) { |s, o| o.apply(s) }
        end
        with(steps: changed)
      end
    end
  end
end
