# frozen_string_literal: true

require "tasker_core/models/handler_wrapper"

module TaskerCore
  module Models
    # A step as its template declares it.
    class StepDefinitionWrapper
      attr_reader :name, :description, :handler, :dependencies, :timeout_seconds, :type

      # Reads the `step_definition` of an event.
      def initialize(definition_data)
        data = IndifferentHash.with_strings(definition_data)
        @name = data["name"] || ""
        @description = data["description"] || ""
        @handler = HandlerWrapper.new(data["handler"])
        @dependencies = data["dependencies"] || []
        @timeout_seconds = data["timeout_seconds"] || 30
        @type = data["type"] || "standard"
        @told = data
      end

      # How it is tried again.
      def retry
        @retry ||= IndifferentHash.wrap(@told["retry"] || {})
      end

      # The domain events that it declares.
      def publishes_events
        @publishes_events ||= IndifferentHash.wrap(@told["publishes_events"] || [])
      end
    end
  end
end
