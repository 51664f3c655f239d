# frozen_string_literal: true

module TaskerCore
  # The errors that handlers raise, and those that the gem raises around them.
  module Errors
    # The base of all of them.
    class Error < StandardError; end

    # The application, or what surrounds it, is set up wrongly.
    class ConfigurationError < Error; end

    # The base of what goes wrong while a step is run.
    class ProceduralError < Error; end

    # The orchestration refused something, or could not be reached.
    class OrchestrationError < Error; end

    # The database refused something.
    class DatabaseError < Error; end

    # Another attempt may help: the step is tried again, as often as its template allows.
    class RetryableError < ProceduralError
      # Seconds until the next attempt, instead of the template's backoff; and what is kept with the error.
      attr_reader :retry_after, :context
      # The application's own code, if it has one.
      attr_reader :error_code

      def initialize(message = nil, retry_after: nil, context: {}, error_code: nil, code: nil)
        super(message)
        @retry_after = retry_after
        @context = context || {}
        @error_code = error_code || code
      end

      def error_class
        "RetryableError"
      end
    end

    # Another attempt would not help: the step fails for good. `code` is short for `error_code`.
    class PermanentError < ProceduralError
      attr_reader :error_code, :context

      def initialize(message = nil, error_code: nil, context: {}, code: nil)
        super(message)
        @error_code = error_code || code
        @context = context || {}
      end

      def error_class
        "PermanentError"
      end
    end

    # Something took too long.
    class TimeoutError < ProceduralError
      attr_reader :timeout_duration, :context

      def initialize(message = nil, timeout_duration: nil, context: {})
        super(message)
        @timeout_duration = timeout_duration
        @context = context || {}
      end

      def error_class
        "TimeoutError"
      end
    end

    # Another system could not be reached, or answered with a failure.
    class NetworkError < ProceduralError
      attr_reader :status_code, :context

      def initialize(message = nil, status_code: nil, context: {})
        super(message)
        @status_code = status_code
        @context = context || {}
      end

      def error_class
        "NetworkError"
      end
    end

    # The input is wrong.
    class ValidationError < PermanentError
      attr_reader :field

      def initialize(message = nil, field: nil, **more)
        super(message, **more)
        @field = field
      end

      def error_class
        "ValidationError"
      end
    end

    # Something that the step needs does not exist.
    class NotFoundError < PermanentError
      attr_reader :resource_type

      def initialize(message = nil, resource_type: nil, **more)
        super(message, **more)
        @resource_type = resource_type
      end

      def error_class
        "NotFoundError"
      end
    end

    # Another system asks for fewer calls. Say when to try again by `retry_after`.
    class RateLimitError < RetryableError; end

    # Another system is down for the moment.
    class ServiceUnavailableError < RetryableError; end

    # Something is locked or used up for the moment.
    class ResourceContentionError < RetryableError; end

    # Credentials were refused.
    class AuthenticationError < PermanentError; end

    # The credentials do not allow what the step does.
    class AuthorizationError < PermanentError; end

    # A rule of the business says no.
    class BusinessLogicError < PermanentError; end

    # The core refused a call, or could not be called.
    class FFIError < Error
      attr_reader :operation, :context

      def initialize(message = nil, operation: nil, context: {})
        super(message)
        @operation = operation
        @context = context || {}
      end

      def error_class
        "FFIError"
      end
    end

    # A server failed.
    class ServerError < Error
      attr_reader :operation, :context

      def initialize(message = nil, operation: nil, context: {})
        super(message)
        @operation = operation
        @context = context || {}
      end

      def error_class
        "ServerError"
      end
    end
  end
end
