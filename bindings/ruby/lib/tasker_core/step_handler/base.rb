# frozen_string_literal: true

require "tasker_core/errors"
require "tasker_core/indifferent_hash"
require "tasker_core/logger"
require "tasker_core/types/step_context"
require "tasker_core/types/step_handler_call_result"

module TaskerCore
  module StepHandler
    # Does the work of a step.
    #
    # A new instance is made for each attempt. If the constructor takes `config`, it is given the template's
    # `handler.initialization`.
    #
    #     class ChargeCard < TaskerCore::StepHandler::Base
    #       def call(context)
    #         payment = Gateway.charge(context.get_input(:card), key: context.idempotency_key)
    #         success(result: { payment_id: payment.id })
    #       end
    #     end
    class Base
      VERSION = "1.0.0"

      class << self
        # What templates call the handlers of a class by: the name of the class, unless another is set.
        attr_writer :handler_name, :handler_version

        def handler_name
          @handler_name || name || "anonymous_handler"
        end

        # Kept with results.
        def handler_version
          @handler_version || (const_defined?(:VERSION) ? const_get(:VERSION) : nil).to_s
        end

        # The methods that a template's `handler.method` may name; nil means all public ones that your classes define.
        attr_accessor :handler_methods
      end

      def initialize(config: {}, logger: nil)
        @config = IndifferentHash.wrap(config || {})
        @logger = logger
      end

      # The template's configuration.
      def config
        @config ||= IndifferentHash.new
      end

      def logger
        @logger ||= Logger.instance
      end

      # Does the work. Returns `success(...)` or `failure(...)`; or simply the step's result: a Hash or other JSON, a Struct, or
      # nil. An exception fails the attempt.
      def call(_context)
        raise NotImplementedError, "#{self.class.name || self.class} does not say what it does: write `def call(context)`"
      end

      # Whether a configuration is right. Override it; handlers that need none take any.
      def validate_config(config_hash)
        config_hash.is_a?(Hash)
      end

      def handler_name
        self.class.handler_name
      end

      # What the handler is.
      def metadata
        { handler_name: handler_name, handler_class: self.class.name, version: self.class.handler_version,
          capabilities: capabilities }
      end

      # What the handler can do.
      def capabilities
        ["process"]
      end

      # A JSON Schema of the configuration.
      def config_schema
        { type: "object", properties: {}, additionalProperties: true }
      end

      # Says that the step is done. `result_data` is another name for `result`.
      def success(result: nil, result_data: nil, metadata: {})
        value = result.nil? ? result_data : result
        Types::StepHandlerCallResult.success(result: value.nil? ? {} : value, metadata: metadata)
      end

      # Says that the attempt failed, and whether another one may help. `metadata[:retry_after]` (seconds) delays it.
      def failure(message:, error_type: "UnexpectedError", error_code: nil, retryable: false, metadata: {})
        Types::StepHandlerCallResult.error(
          message: message, error_type: error_type, error_code: error_code, retryable: retryable, metadata: metadata
        )
      end

      # What the existing gem had here. The core is reached by the context, so these answer nothing and do nothing.
      attr_reader :rust_integration

      def orchestration_system
        require "tasker_core/internal/orchestration_manager"
        Internal::OrchestrationManager.instance.orchestration_system
      end
    end
  end
end
