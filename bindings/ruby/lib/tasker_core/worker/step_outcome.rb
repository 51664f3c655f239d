# frozen_string_literal: true

require "tasker_core/worker/attempt"

module TaskerCore
  module Worker
    # What a step ended with: a result, or a checkpoint to go on from.
    module StepOutcome
      class << self
        def checkpoint?(document)
          !document.key?("success") && document.key?("cursor")
        end

        # Hands it over. False: the attempt was over already.
        def answer(attempt, document)
          return attempt.complete(document) unless checkpoint?(document)

          begin
            attempt.checkpoint(document)
          rescue CoreError, EncodeError => e
            may_help = e.is_a?(CoreError) && e.code != Native::Status::E_UNSUPPORTED
            attempt.complete(failed("the checkpoint could not be stored: #{e.message}", "checkpoint_error", may_help))
          end
        end

        # The result of a step that something around its handler kept from running.
        def not_run(error)
          Logger.instance.error("a step could not be run: #{error.full_message(highlight: false)}")
          failed("the step could not be run: #{error.class}: #{error.message}", "handler_error", true)
        end

        # The result of a step whose handler ended its thread.
        def thread_ended
          failed("the handler's thread was ended before it returned", "handler_error", true)
        end

        private

        def failed(message, error_type, retryable)
          {
            "success" => false,
            "metadata" => { "retryable" => retryable },
            "error" => { "message" => message[0, 2000], "error_type" => error_type, "retryable" => retryable }
          }
        end
      end
    end
  end
end
