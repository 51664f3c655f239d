# frozen_string_literal: true

require "tasker_core/step_handler/api"
require "tasker_core/step_handler/base"
require "tasker_core/step_handler/batchable"
require "tasker_core/step_handler/decision"
require "tasker_core/step_handler/functional/arguments"
require "tasker_core/step_handler/functional/output"

module TaskerCore
  module StepHandler
    module Functional
      # The classes behind blocks. Exceptions become failures, here as for any other handler.
      module Handlers
        # Runs the block.
        module Runs
          def self.included(base)
            super
            base.singleton_class.attr_accessor(:arguments, :settings)
          end

          def call(context)
            output(self.class.arguments.call(context, **extras(context)))
          rescue StandardError => e
            Types::StepHandlerCallResult.from_exception(e)
          end

          private

          def extras(context)
            { context: context }
          end

          def output(returned)
            Output.result(returned, self.class.settings[:worker_template])
          end
        end

        # Of any step.
        class Step < Base
          include Runs
        end

        # Of a decision step.
        class Decision < StepHandler::Decision
          include Runs
        end

        # Of a batchable step.
        class BatchAnalyzer < StepHandler::Batchable
          include Runs
        end

        # Of worker steps.
        class BatchWorker < StepHandler::Batchable
          include Runs

          def call(context)
            handle_no_op_worker(context) || super
          end

          private

          def extras(context)
            { context: context, batch_context: get_batch_context(context) }
          end
        end

        # Of a step that calls an HTTP API.
        class Api < StepHandler::Api
          include Runs

          def initialize(config: {}, logger: nil)
            super(config: self.class.settings[:api_defaults].merge(IndifferentHash.unwrap(config || {})), logger: logger)
          end

          private

          def extras(context)
            { context: context, api: self }
          end
        end

        # Makes the class of a block.
        def self.subclass(base, name, version, arguments, settings)
          raise Errors::ConfigurationError, "a handler needs a name" if name.to_s.empty?

          Class.new(base) do
            self.arguments = arguments
            self.settings = settings
            self.handler_name = name.to_s
            self.handler_version = version.to_s
            self.handler_methods = [:call]
          end
        end
      end
    end
  end
end
