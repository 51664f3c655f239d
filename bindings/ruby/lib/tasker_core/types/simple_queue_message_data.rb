# frozen_string_literal: true

require "tasker_core/types/simple_step_message"

module TaskerCore
  module Types
    # A message about a step, as it stands in a queue.
    class SimpleQueueMessageData < Value
      attribute :msg_id, Kinds::INTEGER
      attribute :read_ct, Kinds::INTEGER
      attribute :enqueued_at, Kinds::TIME
      attribute :vt, Kinds::TIME
      attribute :message, Kinds::HASH

      # The message itself.
      def step_message
        SimpleStepMessage.from_hash(message)
      end

      # All but the message itself.
      def queue_message
        to_h.except(:message)
      end

      def task_uuid
        step_message.task_uuid
      end

      def step_uuid
        step_message.step_uuid
      end

      def ready_dependency_step_uuids
        step_message.ready_dependency_step_uuids
      end
    end
  end
end
