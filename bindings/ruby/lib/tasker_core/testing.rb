# frozen_string_literal: true

require "tasker_core"
require "tasker_core/testing/step_event"
require "tasker_core/testing/outcome"
require "tasker_core/testing/sandbox"

module TaskerCore
  # Testing workflows: one handler by itself, or whole templates on a database that is made for the test.
  #
  #     outcome = TaskerCore::Testing.run_handler(ChargeCard, context: { amount: 12 }, dependencies: { cart: { total: 12 } })
  #     expect(outcome).to have_succeeded.with("payment_id" => "p-1")
  #
  #     TaskerCore::Testing::Sandbox.open(workflows: [OrderWorkflow]) do |sandbox|
  #       run = sandbox.run("order", namespace: "ecommerce", context: { items: [1] })
  #       expect(run).to have_completed_step(:charge).with("charged" => 1)
  #     end
  #
  # `require "tasker_core/testing/rspec"` brings the matchers.
  module Testing
    HANDLER = "handler_under_test"
    private_constant :HANDLER

    # Answers every name with one handler.
    class OneHandler < Registry::HandlerRegistry
      public_class_method :new
    end
    private_constant :OneHandler

    class << self
      # Runs a handler - a class, or an object with `call` - and returns an {Outcome}: what a worker would say.
      #
      # @param cancelled what the handler is told when it asks whether it is cancelled
      # @param heartbeat called with what the handler gives to `context.heartbeat`
      # @param event what {step_event} takes
      def run_handler(handler, cancelled: false, heartbeat: nil, **event)
        registry = OneHandler.new
        registry.register_handler(HANDLER, handler)
        Outcome.of(Execution.run(step_event(**event), resolver: registry, controls: controls(cancelled, heartbeat),
                                                      worker_id: "test"))
      end

      # Makes a context for a handler that a test calls itself. Takes what {step_event} takes.
      def make_context(**event)
        Types::StepContext.new(step_event(**event), handler_name: HANDLER)
      end

      # Makes a step event as the core does.
      def step_event(handler: HANDLER, **about)
        Native::Codec.load(Native::Codec.dump(StepEvent.document(handler: handler, **about)))
      end

      private

      def controls(cancelled, heartbeat)
        asked = cancelled.respond_to?(:call) ? cancelled : -> { cancelled }
        Types::StepControls.new(cancelled: asked, heartbeat: heartbeat || ->(_details) { !asked.call })
      end
    end
  end
end
