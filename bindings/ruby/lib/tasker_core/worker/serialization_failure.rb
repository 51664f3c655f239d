# frozen_string_literal: true

require "time"

module TaskerCore
  module Worker
    # The failure that stands for a result that could not be handed over.
    module SerializationFailure
      MOST_TEXT = 500
      private_constant :MOST_TEXT

      # Always JSON that the core takes, whatever the result was.
      def self.document(document, problem)
        text = problem.to_s.encode(Encoding::UTF_8, invalid: :replace, undef: :replace).scrub.tr("\0", "?")
        {
          "success" => false,
          "status" => "error",
          "result" => {},
          "metadata" => {
            "execution_time_ms" => 0,
            "retryable" => false,
            "completed_at" => Time.now.utc.iso8601(6),
            "worker_id" => worker_id(document),
            "custom" => {
              "ffi_serialization_error" => text[0, MOST_TEXT], "original_success" => document["success"] == true
            }
          },
          "error" => {
            "error_type" => "FFI_SERIALIZATION_ERROR", "retryable" => false,
            "message" => "FFI serialization failed: #{text}"[0, MOST_TEXT]
          }
        }
      end

      def self.worker_id(document)
        metadata = document["metadata"]
        found = metadata["worker_id"] if metadata.is_a?(Hash)
        found.is_a?(String) ? found : ""
      end
      private_class_method :worker_id
    end
  end
end
