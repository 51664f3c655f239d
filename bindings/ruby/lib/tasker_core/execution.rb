# frozen_string_literal: true

require "tasker_core/errors"
require "tasker_core/execution/document"
require "tasker_core/execution/stamp"
require "tasker_core/registry/handler_registry"
require "tasker_core/types/step_context"
require "tasker_core/types/step_handler_call_result"

module TaskerCore
  # One attempt of a step: from the event that announced it to the document that answers it, both hashes with strings for keys.
  # This is all that the rest of the gem knows of handlers, and it knows nothing of the core.
  module Execution
    class << self
      # Runs the handler of a step. Whatever it does, there is a document: a step result, or a checkpoint, which has a `cursor`
      # and no `success`. Examples of them are in `include/contract`.
      #
      # `resolver` answers to `resolve_handler`, `controls` is how the handler reaches the worker, and `worker_id` is kept with
      # the result.
      def run(event, resolver: Registry::HandlerRegistry.instance, controls: nil, worker_id: nil)
        stamp = Stamp.new(event["step_uuid"], worker_id)
        result = begin
          attempt(event, resolver, controls, stamp)
        rescue Exception => e # rubocop:disable Lint/RescueException -- the step is answered, whatever its handler raises
          failure_of(e)
        end
        document(result, stamp)
      end

      private

      def attempt(event, resolver, controls, stamp)
        context = Types::StepContext.new(event, controls: controls)
        handler = find(context.step_definition.handler, resolver)
        return handler if handler.is_a?(Types::StepHandlerCallResult::Error)

        stamp.handler = handler
        Types::StepHandlerCallResult.from_handler_output(handler.call(context))
      end

      # The handler, or the failure that says why there is none.
      def find(definition, resolver)
        handler = resolver.resolve_handler(definition)
        return handler if handler

        known = resolver.respond_to?(:registered_handlers) ? resolver.registered_handlers.join(", ") : ""
        not_found("Handler not found: #{definition.callable}. This worker has: #{known.empty? ? "none" : known[0, 1000]}")
      rescue Registry::ResolverChain::ResolverNotFoundError => e
        not_found(e.message)
      rescue Registry::ResolverChain::ResolutionError => e
        e.cause ? Types::StepHandlerCallResult.from_exception(e.cause) : not_found(e.message)
      end

      def not_found(message)
        Types::StepHandlerCallResult.error(error_type: "handler_not_found", message: message, retryable: false)
      end

      # What is neither an error nor a mistake in the code, such as SystemExit, fails the step for good, as a panic does in the
      # core. Ctrl-C in the main thread stops the program.
      def failure_of(error)
        raise error if error.is_a?(SignalException) && Thread.current == Thread.main

        failure = Types::StepHandlerCallResult.from_exception(error)
        return failure if error.is_a?(StandardError) || error.is_a?(ScriptError) || error.is_a?(SystemStackError)

        failure.with(
          error_type: "handler_panic", retryable: false,
          message: "the handler ended with #{error.class}: #{failure.message}"
        )
      end

      def document(result, stamp)
        Document.of(result, stamp)
      rescue StandardError => e # a result whose own parts are not what they should be
        Document.of(Types::StepHandlerCallResult.from_exception(e), stamp)
      end
    end
  end
end
