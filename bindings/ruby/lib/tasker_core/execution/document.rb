# frozen_string_literal: true

require "tasker_core/execution/backoff_hint"
require "tasker_core/execution/plain"
require "tasker_core/types/error_types"
require "tasker_core/types/step_handler_call_result"
require "tasker_core/types/typed"

module TaskerCore
  module Execution
    # Results of handlers as the documents that the core takes.
    module Document
      MAX_MESSAGE = 8_000
      # Where failures tell of themselves, and what stands there belongs to the error instead.
      BACKTRACE = %w[stack_trace backtrace traceback].freeze
      CONTEXT = %w[error_context context].freeze
      private_constant :MAX_MESSAGE, :BACKTRACE, :CONTEXT

      class << self
        def of(result, stamp)
          case result
          when Types::StepHandlerCallResult::Success then success(result, stamp)
          when Types::StepHandlerCallResult::CheckpointYield then checkpoint(result)
          else failure(result, stamp)
          end
        end

        private

        def success(result, stamp)
          metadata = stamp.metadata
          metadata["retryable"] = false
          metadata["custom"] = Plain.value(result.metadata)
          value = result.result.nil? ? {} : Types::Typed.dump(result.result)
          document = { "success" => true, "status" => "completed", "result" => value, "metadata" => metadata }
          document["step_uuid"] = stamp.step_uuid if stamp.step_uuid
          document
        end

        def checkpoint(result)
          {
            "cursor" => Types::Typed.dump(result.cursor), "items_processed" => result.items_processed,
            "accumulated_results" => Types::Typed.dump(result.accumulated_results)
          }
        end

        def failure(result, stamp)
          custom = Plain.value(result.metadata)
          error = error_of(result, custom)
          metadata = stamp.metadata.merge(
            "retryable" => result.retryable, "error_type" => error["error_type"], "custom" => custom
          )
          metadata["error_code"] = Plain.text(result.error_code) if result.error_code
          document = {
            "step_uuid" => stamp.step_uuid, "success" => false, "status" => "error", "result" => {}, "metadata" => metadata,
            "error" => error
          }
          hint = BackoffHint.of(result, error["error_type"])
          document["orchestration_metadata"] = { "backoff_hint" => hint } if hint
          document.compact
        end

        # Takes out of the metadata what is told by the error.
        def error_of(result, custom)
          backtraces = BACKTRACE.filter_map { |key| custom.delete(key) }
          contexts = CONTEXT.filter_map { |key| custom.delete(key) if custom[key].is_a?(Hash) }
          message = Plain.text(result.message)[0, MAX_MESSAGE]
          error = {
            "message" => message.empty? ? "the handler failed and gave no reason" : message,
            "error_type" => Types::ErrorTypes.wire_name(Plain.text(result.error_type)),
            "retryable" => result.retryable,
            "backtrace" => lines(backtraces.first),
            "context" => contexts.reduce({}, :merge)
          }
          status = custom["status_code"]
          error["status_code"] = status if status.is_a?(Integer) && (0...(2**16)).cover?(status)
          error
        end

        def lines(backtrace)
          backtrace.is_a?(Array) ? backtrace.map(&:to_s) : backtrace.to_s.lines(chomp: true)
        end
      end
    end
  end
end
