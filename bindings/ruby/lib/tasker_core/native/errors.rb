# frozen_string_literal: true

require "tasker_core/errors"
require "tasker_core/native/status"

module TaskerCore
  # libtasker was not found, or does not fit this gem or this system.
  class LibraryLoadError < Errors::FFIError; end

  # The core refused a call, or could not do what it asked.
  class CoreError < Errors::FFIError
    # The status code, and what the core tells beside its message: a key, a limit, a reason.
    attr_reader :code, :details

    def initialize(message, code: Native::Status::E_INTERNAL, retryable: false, details: nil, operation: nil)
      super(message, operation: operation, context: details || {})
      @code = code
      @retryable = retryable
      @details = details || {}
    end

    # Whether the same call may succeed later.
    def retryable?
      @retryable
    end
  end

  # A mistake of the program: the same call would fail again.
  class UsageError < CoreError; end

  # The core was used in a process that was forked from the one it runs in.
  class ForkedError < UsageError; end

  # The attempt is over: it was completed, its time was up, or it was taken away. `details["reason"]` tells which.
  class StaleTokenError < UsageError; end

  # Something around the core does not answer, or not in time: the database, the server, a full queue.
  class UnavailableError < CoreError; end

  # The step was cancelled or taken away: its handler should stop.
  class StepCancelledError < CoreError; end

  # The configuration is wrong; `details["keys"]` lists the keys.
  class CoreConfigError < CoreError; end

  # There is no such task, step or template.
  class CoreNotFoundError < CoreError; end

  # What is there already differs from what was asked for.
  class CoreConflictError < CoreError; end

  # The server does not let this caller do that.
  class CoreDeniedError < CoreError; end

  # The core caught a bug in itself, or had no memory. It goes on, but wants a report and a restart.
  class CoreBugError < CoreError; end

  # Errors about the worker of this process, rather than from the core.
  class WorkerError < Errors::Error; end

  # Something needs a worker, and none runs in this process.
  class WorkerNotInitializedError < WorkerError; end

  # The worker did not start; `cause` is the reason.
  class WorkerBootstrapError < WorkerError; end

  module Native
    ERROR_CLASSES = {
      Status::E_FORKED => ForkedError,
      Status::E_STALE_TOKEN => StaleTokenError,
      Status::E_BUSY => UnavailableError,
      Status::E_CANCELLED => StepCancelledError,
      Status::E_DEADLINE => UnavailableError,
      Status::E_CONFIG => CoreConfigError,
      Status::E_DATABASE => UnavailableError,
      Status::E_NOT_FOUND => CoreNotFoundError,
      Status::E_CONFLICT => CoreConflictError,
      Status::E_DENIED => CoreDeniedError,
      Status::E_NOMEM => CoreBugError,
      Status::E_PANIC => CoreBugError,
      Status::E_INTERNAL => CoreBugError
    }.freeze

    # The exception for an error code; codes of a newer library are told apart by their range only.
    def self.error_class(code)
      ERROR_CLASSES.fetch(code) do
        next UsageError if code > -20

        code > -40 ? UnavailableError : CoreBugError
      end
    end
  end
end
