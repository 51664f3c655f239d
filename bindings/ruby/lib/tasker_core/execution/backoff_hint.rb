# frozen_string_literal: true

module TaskerCore
  module Execution
    # The delay that another system asked for, as orchestration is told of it.
    module BackoffHint
      LONGEST_DELAY = (2**32) - 1
      TYPES = { "rate_limited" => "RateLimit", "service_unavailable" => "ServiceUnavailable" }.freeze
      CLASSES = { "RateLimitError" => "RateLimit", "ServiceUnavailableError" => "ServiceUnavailable" }.freeze
      private_constant :TYPES, :CLASSES

      class << self
        # The hint of a failure that says `retry_after` and may be tried again; nil of others. Seconds are rounded up.
        def of(failure, error_type)
          seconds = said(failure.metadata, :retry_after)
          return nil unless failure.retryable && delay?(seconds)

          raised = said(failure.metadata, :exception_class).to_s.split("::").last
          {
            "backoff_type" => TYPES[error_type] || CLASSES[raised] || "ServerRequested",
            "delay_seconds" => [seconds.ceil, LONGEST_DELAY].min,
            "context" => "retry_after of #{error_type}"
          }
        end

        private

        def said(metadata, key)
          metadata.fetch(key) { metadata[key.name] }
        end

        def delay?(seconds)
          (seconds.is_a?(Integer) || (seconds.is_a?(Float) && seconds.finite?)) && !seconds.negative?
        end
      end
    end
  end
end
