# frozen_string_literal: true

require "tasker_core/indifferent_hash"

module TaskerCore
  module BatchProcessing
    # The batch that a worker step works off, and how far earlier attempts got.
    class BatchWorkerContext
      # The range, what the template says of it, whether there is nothing to do, and what was saved, or nil.
      attr_reader :cursor, :batch_metadata, :is_no_op, :checkpoint

      # Reads the batch of a worker step, from its row or from the context of its attempt.
      def self.from_step_data(workflow_step)
        workflow_step = workflow_step.workflow_step if workflow_step.respond_to?(:workflow_step)
        new(workflow_step)
      end

      def initialize(workflow_step)
        inputs = IndifferentHash.wrap(workflow_step.inputs || {})
        @cursor = inputs["cursor"] || IndifferentHash.new
        @batch_metadata = inputs["batch_metadata"] || IndifferentHash.new
        @is_no_op = inputs["is_no_op"] == true
        @checkpoint = IndifferentHash.wrap(workflow_step.checkpoint)
      end

      # First position; 0 if the step was not told.
      def start_cursor
        cursor.fetch("start_cursor", 0)
      end

      # First position after the range.
      def end_cursor
        cursor.fetch("end_cursor", 0)
      end

      # How many items the range holds.
      def batch_size
        cursor.fetch("batch_size", 0)
      end

      def batch_id
        cursor.fetch("batch_id", "unknown")
      end

      # Whether this is the one worker of a batchable step that found nothing to do.
      def no_op?
        is_no_op
      end

      # Where to go on, as it was saved.
      def checkpoint_cursor
        checkpoint && checkpoint["cursor"]
      end

      # The partial results that were saved.
      def accumulated_results
        checkpoint && checkpoint["accumulated_results"]
      end

      def has_checkpoint?
        !checkpoint_cursor.nil?
      end

      # How many items were done when it was saved.
      def checkpoint_items_processed
        (checkpoint && checkpoint["items_processed"]) || 0
      end
    end
  end
end
