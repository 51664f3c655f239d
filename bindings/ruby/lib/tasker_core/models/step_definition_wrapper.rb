# frozen_string_literal: true

require "tasker_core/models/handler_wrapper"

module TaskerCore
  module Models
    # A step as its template declares it.
    class StepDefinitionWrapper
      # Reads the `step_definition` of an event.
      def initialize(definition_data)
        @told = definition_data
      end

      def name
        told("name") || ""
      end

      def description
        told("description") || ""
      end

      def handler
        @handler ||= HandlerWrapper.new(told("handler"))
      end

      def dependencies
        told("dependencies") || []
      end

      def timeout_seconds
        told("timeout_seconds") || 30
      end

      def type
        told("type") || "standard"
      end

      # How it is tried again.
      def retry
        @retry ||= IndifferentHash.wrap(told("retry") || {})
      end

      # The domain events that it declares.
      def publishes_events
        @publishes_events ||= IndifferentHash.wrap(told("publishes_events") || [])
      end

      private

      def told(name)
        IndifferentHash.read(@told, name)
      end
    end
  end
end
