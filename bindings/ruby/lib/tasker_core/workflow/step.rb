# frozen_string_literal: true

require "tasker_core/errors/tree"
require "tasker_core/workflow/block"

module TaskerCore
  class Workflow
    # A step as it was declared.
    class Step
      TYPES = %w[standard decision deferred_convergence batchable batch_worker].freeze
      private_constant :TYPES

      # The step's name and type, and its further fields in the template.
      attr_reader :name, :type, :options
      # The class of the workflow that declares it.
      attr_accessor :owner
      # What the template calls a handler by that runs elsewhere.
      attr_writer :callable

      # `before` are the steps that were declared earlier, which are the only ones to wait for.
      def initialize(name:, handler:, after:, type:, options:, before:)
        @name = name
        @declared = handler
        @type = type
        @options = options
        @block = Block.new(name, handler, before) if handler.is_a?(Proc)
        @after = after
        @classes = {}
        check(before)
      end

      # Whether the handler runs elsewhere.
      def remote?
        @declared.is_a?(String) || @declared.is_a?(Symbol)
      end

      # What the template calls the handler by.
      def callable
        @callable || "#{owner.namespace}.#{owner.workflow_name}.#{name}"
      end

      # The steps that it waits for.
      def dependencies
        @after | (@block ? @block.results : [])
      end

      # The inputs that the block asks for, with whether it can do without them.
      def inputs
        @block ? @block.inputs : {}
      end

      # What was declared, unless it runs elsewhere.
      def handler
        @declared unless remote?
      end

      # The class to register, which is the same each time.
      def handler_class(workflow)
        return @declared unless @block

        @classes[workflow] ||= @block.handler_class(callable, workflow.version, worker_of(workflow))
      end

      # The step that the batches of a batchable step are given to: the batch_worker that waits for it.
      def worker_of(workflow)
        return nil unless type == "batchable"

        workers = workflow.steps.select { |step| step.type == "batch_worker" && step.dependencies.include?(name) }
        return workers.first.name if workers.size == 1

        raise Errors::ConfigurationError, "batchable step #{name} needs one step of type batch_worker after it"
      end

      private

      def check(before)
        names = before.map(&:name)
        problem = mistake(names) || missing(names)
        raise Errors::ConfigurationError, problem if problem
      end

      def mistake(names)
        return "a step needs a name" if name.empty?
        return "there are two steps called #{name}" if names.include?(name)
        return "step #{name} is of type #{type}; there are #{TYPES.join(", ")}" unless TYPES.include?(type)

        "step #{name} needs a class with `call`, the name of a handler, or a block" unless runs?
      end

      def runs?
        remote? || @block || (@declared.is_a?(Class) ? @declared.method_defined?(:call) : @declared.respond_to?(:call))
      end

      def missing(names)
        strange = @after - names
        "step #{name} is after #{strange.join(", ")}, which is no step before it" unless strange.empty?
      end
    end
  end
end
