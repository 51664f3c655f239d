# frozen_string_literal: true

require "tasker_core/errors"
require "tasker_core/types/error_types"
require "tasker_core/types/value"

module TaskerCore
  module Types
    # What a handler returns: that the step is done, that the attempt failed, or how far it got.
    module StepHandlerCallResult
      # The step is done. `result` is any JSON; `metadata` is kept with it.
      class Success < Value
        attribute :success, Kinds.one_of(true), default: true
        attribute :result
        attribute :metadata, Kinds::OBJECT, default: -> { {} }

        def success?
          true
        end

        def checkpoint?
          false
        end
      end

      # The attempt failed, and `retryable` says whether another may help. `metadata[:retry_after]` (seconds) delays it.
      class Error < Value
        attribute :success, Kinds.one_of(false), default: false
        attribute :error_type, Kinds::TEXT
        attribute :message, Kinds::TEXT
        attribute :error_code, Kinds.optional(Kinds::TEXT), default: nil
        attribute :retryable, Kinds::BOOL, default: false
        attribute :metadata, Kinds::OBJECT, default: -> { {} }

        def success?
          false
        end

        def checkpoint?
          false
        end
      end

      # How far the work got. The step is handed out again and goes on from there; that is no new attempt.
      class CheckpointYield < Value
        attribute :cursor
        attribute :items_processed, Kinds::COUNT
        attribute :accumulated_results, Kinds::ANY, default: nil

        def success?
          false
        end

        def checkpoint?
          true
        end

        # The checkpoint as `EventBridge#publish_step_checkpoint_yield` takes it.
        def to_checkpoint_data(event_id:, step_uuid:)
          data = { event_id: event_id, step_uuid: step_uuid, cursor: cursor, items_processed: items_processed }
          data[:accumulated_results] = accumulated_results unless accumulated_results.nil?
          data
        end
      end

      KINDS = [Success, Error, CheckpointYield].freeze
      SUCCESS_KEYS = %w[success result metadata].freeze
      ERROR_KEYS = %w[error_type message error_message error].freeze
      MOST_FRAMES = 30
      private_constant :KINDS, :SUCCESS_KEYS, :ERROR_KEYS, :MOST_FRAMES

      class << self
        def success(result:, metadata: {})
          Success.new(result: result, metadata: metadata || {})
        end

        def error(error_type:, message:, error_code: nil, retryable: false, metadata: {})
          Error.new(
            error_type: error_type, message: message, error_code: error_code, retryable: retryable, metadata: metadata || {}
          )
        end

        def checkpoint_yield(cursor:, items_processed:, accumulated_results: nil)
          CheckpointYield.new(cursor: cursor, items_processed: items_processed, accumulated_results: accumulated_results)
        end

        # Makes a result of whatever a handler returned: a result as it is, a Hash in the shape of one, and anything else as
        # the result of a step that is done.
        def from_handler_output(output)
          case output
          when *KINDS then output
          when nil then success(result: {})
          when Hash then from_hash(output)
          else success(result: output)
          end
        end

        # Says what an exception means for the step. The judgement is the ErrorClassifier's.
        def from_exception(exception)
          error(
            error_type: error_type_of(exception),
            message: message_of(exception),
            error_code: (exception.error_code if exception.respond_to?(:error_code)),
            retryable: Errors::ErrorClassifier.retryable?(exception),
            metadata: metadata_of(exception)
          )
        end

        private

        def from_hash(output)
          return success(result: output) unless output.key?("success") || output.key?(:success)

          said = output.transform_keys(&:to_s)
          case said["success"]
          when true then (said.keys - SUCCESS_KEYS).empty? && said.key?("result") ? Success.new(said) : success(result: output)
          when false then said.keys.intersect?(ERROR_KEYS) ? from_error_hash(said) : success(result: output)
          else success(result: output)
          end
        end

        def from_error_hash(said)
          nested = said["error"].is_a?(Hash) ? said["error"].transform_keys(&:to_s) : { "message" => said["error"] }
          error(
            error_type: said["error_type"] || nested["error_type"] || ErrorTypes::UNEXPECTED_ERROR,
            message: said["message"] || said["error_message"] || nested["message"] || "the handler failed and gave no reason",
            error_code: said["error_code"] || nested["error_code"],
            retryable: (said["retryable"] || nested["retryable"]) == true,
            metadata: said["metadata"] || {}
          )
        end

        def message_of(exception)
          message = exception.message.to_s
          message.empty? ? exception.class.to_s : message
        rescue StandardError
          exception.class.to_s
        end

        def error_type_of(exception)
          case exception
          when Errors::PermanentError then ErrorTypes::PERMANENT_ERROR
          when Errors::RetryableError, Errors::NetworkError, Errors::TimeoutError then ErrorTypes::RETRYABLE_ERROR
          else ErrorTypes::UNEXPECTED_ERROR
          end
        end

        def metadata_of(exception)
          told = { exception_class: exception.class.name, stack_trace: (exception.backtrace || []).first(MOST_FRAMES) }
          %i[context retry_after status_code timeout_duration field resource_type operation].each do |detail|
            value = exception.public_send(detail) if exception.is_a?(Errors::Error) && exception.respond_to?(detail)
            told[detail] = value unless value.nil? || value == {}
          end
          told
        end
      end
    end
  end
end
