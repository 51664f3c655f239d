# frozen_string_literal: true

require "tasker_core/errors/tree"

module TaskerCore
  module Errors
    # Whether another attempt may help after an exception. Every failure of a handler is judged here.
    module ErrorClassifier
      PERMANENT_ERROR_CLASSES = [
        ConfigurationError, PermanentError, ValidationError, NotFoundError, DatabaseError, FFIError
      ].freeze
      RETRYABLE_ERROR_CLASSES = [RetryableError, NetworkError, TimeoutError, ServerError, OrchestrationError].freeze

      class << self
        # What an error says itself by `retryable?` counts; then its class; and of others it is hoped.
        #
        # Errors that are no StandardError, such as NotImplementedError and SyntaxError, mean that the code is at fault, and
        # the same code would run again.
        def retryable?(error)
          classify(error)[:retryable]
        end

        # The judgement, and what it was made by: `explicit_attribute`, `permanent_class`, `retryable_class` or `default`.
        def classify(error)
          retryable, reason = judge(error)
          { retryable: retryable, permanent: !retryable, error_class: error.class.name, classification: reason }
        end

        private

        def judge(error)
          explicit = error.retryable? if error.respond_to?(:retryable?)
          return [explicit, "explicit_attribute"] if [true, false].include?(explicit)
          return [false, "permanent_class"] if of?(error, PERMANENT_ERROR_CLASSES)
          return [true, "retryable_class"] if of?(error, RETRYABLE_ERROR_CLASSES)

          [error.is_a?(StandardError) || error.is_a?(SystemStackError), "default"]
        end

        def of?(error, classes)
          classes.any? { |kind| error.is_a?(kind) }
        end
      end
    end
  end
end
