# frozen_string_literal: true

module TaskerCore
  module Types
    # The usual kinds of failure; handlers may use others.
    module ErrorTypes
      PERMANENT_ERROR = "PermanentError"
      RETRYABLE_ERROR = "RetryableError"
      VALIDATION_ERROR = "ValidationError"
      UNEXPECTED_ERROR = "UnexpectedError"
      STEP_COMPLETION_ERROR = "StepCompletionError"
      ALL = [PERMANENT_ERROR, RETRYABLE_ERROR, VALIDATION_ERROR, UNEXPECTED_ERROR, STEP_COMPLETION_ERROR].freeze

      # What results call them, which is the same in all languages; kinds of the application's own stay as they are.
      WIRE_NAMES = {
        PERMANENT_ERROR => "permanent_error",
        RETRYABLE_ERROR => "retryable_error",
        VALIDATION_ERROR => "validation_error",
        UNEXPECTED_ERROR => "handler_error",
        STEP_COMPLETION_ERROR => "step_completion_error"
      }.freeze

      class << self
        def valid?(error_type)
          ALL.include?(error_type)
        end

        # Whether trying again often helps after a failure of this kind.
        def typically_retryable?(error_type)
          [RETRYABLE_ERROR, UNEXPECTED_ERROR].include?(error_type)
        end

        def typically_permanent?(error_type)
          [PERMANENT_ERROR, VALIDATION_ERROR].include?(error_type)
        end

        def wire_name(error_type)
          WIRE_NAMES.fetch(error_type, error_type)
        end
      end
    end
  end
end
