# frozen_string_literal: true

module TaskerCore
  module Testing
    # What became of an attempt, as the core would be told.
    #
    # `result` and `metadata` are what the handler gave, `checkpoint` is where it yielded, `retry_after` how many seconds it
    # asked to wait, and `document` is all of it.
    Outcome = Struct.new(:success, :result, :error_message, :error_type, :error_code, :retryable, :retry_after, :metadata,
                         :checkpoint, :document, keyword_init: true) do
      # Reads a document that a worker would send. One that is no JSON becomes the failure that the worker would make of it.
      def self.of(document)
        carried = Native::Codec.load(Native::Codec.dump(document))
      rescue EncodeError => e
        of(Worker::SerializationFailure.document(document, e.message))
      else
        Worker::StepOutcome.checkpoint?(carried) ? of_checkpoint(carried) : of_result(carried)
      end

      def self.of_checkpoint(carried)
        new(success: true, retryable: false, metadata: {}, checkpoint: carried, document: carried)
      end
      private_class_method :of_checkpoint

      def self.of_result(carried)
        metadata = carried["metadata"] || {}
        error = carried["error"] || {}
        new(
          success: carried["success"], result: (carried["result"] if carried["success"]), error_message: error["message"],
          error_type: error["error_type"], error_code: metadata["error_code"], retryable: error["retryable"] == true,
          retry_after: carried.dig("orchestration_metadata", "backoff_hint", "delay_seconds"),
          metadata: metadata["custom"] || {}, document: carried
        )
      end
      private_class_method :of_result

      def success?
        success
      end

      def retryable?
        retryable
      end
    end
  end
end
