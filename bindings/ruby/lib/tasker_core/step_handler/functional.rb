# frozen_string_literal: true

require "tasker_core/step_handler/functional/batch_config"
require "tasker_core/step_handler/functional/decision"
require "tasker_core/step_handler/functional/handlers"

module TaskerCore
  module StepHandler
    # Handlers as blocks. Extend a module with it, or include it:
    #
    #     extend TaskerCore::StepHandler::Functional
    #
    #     needs = { depends_on: { cart: "validate_cart" }, inputs: [:payment] }
    #     ChargeCard = step_handler("charge_card", **needs) do |cart:, payment:, context:|
    #       raise TaskerCore::Errors::PermanentError.new("payment is required", error_code: "PAYMENT_MISSING") unless payment
    #
    #       { payment_id: Gateway.charge(payment, cart[:total], key: context.idempotency_key) }
    #     end
    #
    # What the block returns is the step's result; an exception fails the attempt. It is given what it asks for by its keywords:
    #
    # - `depends_on` names results of earlier steps, `cart: "validate_cart"`, or `cart: ["validate_cart", Cart]` to have it
    #   typed; one that is not there is nil.
    # - `inputs` names fields of the task's context, which are nil where they are missing; or it is a class that is made of the
    #   whole context, and comes as `inputs:`.
    # - `context:` is the StepContext.
    #
    # The methods return a subclass of {Base}, which is registered under the name.
    module Functional
      # A handler of any step.
      def step_handler(name, depends_on: {}, inputs: [], version: "1.0.0", &block)
        Functional.define(Handlers::Step, name, version, Arguments.new(name, depends_on, inputs, block))
      end

      # A handler of a decision step. The block returns `Decision.route(...)` or `Decision.skip(...)`.
      def decision_handler(name, depends_on: {}, inputs: [], version: "1.0.0", &block)
        Functional.define(Handlers::Decision, name, version, Arguments.new(name, depends_on, inputs, block))
      end

      # A handler of a batchable step. The block returns a {BatchConfig}, and the ranges are made from that; `worker_template` is
      # the step of type `batch_worker` that a worker step is made from for each.
      def batch_analyzer(name, worker_template:, depends_on: {}, inputs: [], version: "1.0.0", &block)
        arguments = Arguments.new(name, depends_on, inputs, block)
        Functional.define(Handlers::BatchAnalyzer, name, version, arguments, worker_template: worker_template)
      end

      # A handler of worker steps. The block is given its batch as `batch_context:`; it is not called for the one worker of a
      # batchable step that found nothing to do.
      def batch_worker(name, depends_on: {}, inputs: [], version: "1.0.0", &block)
        Functional.define(Handlers::BatchWorker, name, version, Arguments.new(name, depends_on, inputs, block))
      end

      # A handler that calls an HTTP API. The block is given the client as `api:`, a handler with {Mixins::API}.
      def api_handler(name, base_url:, depends_on: {}, inputs: [], version: "1.0.0", timeout: nil, open_timeout: nil,
                      headers: {}, &block)
        defaults = { "url" => base_url, "timeout" => timeout, "open_timeout" => open_timeout, "headers" => headers }.compact
        arguments = Arguments.new(name, depends_on, inputs, block)
        Functional.define(Handlers::Api, name, version, arguments, api_defaults: defaults)
      end

      # Makes the class of a block, and registers it.
      def self.define(base, name, version, arguments, **settings)
        handler = Handlers.subclass(base, name, version, arguments, settings)
        require "tasker_core/registry/handler_registry"
        Registry::HandlerRegistry.instance.register_handler(handler.handler_name, handler)
        handler
      end
    end
  end
end
