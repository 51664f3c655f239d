# frozen_string_literal: true

require "singleton"

module TaskerCore
  module Internal
    # Answers every call with nil: orchestration happens in the core, and handlers have no part in it.
    class NullOrchestrationSystem
      def method_missing(_method_name, *_args, **_kwargs)
        nil
      end

      def respond_to_missing?(_method_name, _include_private = false)
        true
      end
    end

    # What the existing gem reached its orchestration by.
    class OrchestrationManager
      include Singleton

      def orchestration_system
        @orchestration_system ||= NullOrchestrationSystem.new
      end
    end
  end
end
