# frozen_string_literal: true

require "tasker_core/step_handler/functional"

module TaskerCore
  class Workflow
    # The block of a step, and what it asks for by its keywords.
    class Block
      RESERVED = %i[context batch_context].freeze
      private_constant :RESERVED

      # The names of the steps whose results it asks for, and its inputs with whether it can do without them.
      attr_reader :results, :inputs

      def initialize(name, body, before)
        @name = name
        @body = body
        wanted = body.parameters
        refuse(wanted)
        @asked = wanted.map(&:last)
        keywords = wanted.to_h { |type, keyword| [keyword, type == :key] }.except(*RESERVED)
        @before = before.to_h { |step| [step.name, step] }
        @results = keywords.keys.map(&:name) & @before.keys
        @optional = keywords.select { |_, optional| optional }.keys
        @inputs = keywords.reject { |keyword, _| @results.include?(keyword.name) }
      end

      # The handler class that runs it.
      def handler_class(callable, version, worker_template)
        settings = { worker_template: worker_template }
        StepHandler::Functional::Handlers.subclass(Handler, callable, version, self, settings)
      end

      # Calls it for a step. What is missing and has a default is left to that.
      def call(context, **extras)
        given = extras.slice(*@asked)
        @results.each { |name| given[name.to_sym] = result_of(name, context) }
        @inputs.each_key { |name| given[name] = context.get_input(name) }
        @body.call(**given.reject { |name, value| value.nil? && @optional.include?(name) })
      end

      # Runs the block, unless it is to work off a batch and there is none.
      class Handler < StepHandler::Batchable
        include StepHandler::Functional::Handlers::Runs

        def call(context)
          handle_no_op_worker(context) || super
        end

        private

        def extras(context)
          { context: context, batch_context: get_batch_context(context) }
        end
      end

      private

      # What a step returned; of the workers of a batch, what each returned.
      def result_of(name, context)
        return context.get_all_dependency_results("#{name}_") if @before[name].type == "batch_worker"

        context.get_dependency_result(name)
      end

      def refuse(wanted)
        strange = wanted.find { |type, _| !%i[key keyreq block].include?(type) }
        return unless strange

        raise Errors::ConfigurationError,
              "the block of step #{@name} is given keywords: write `|#{strange.last || "name"}:|` for what it needs"
      end
    end
  end
end
