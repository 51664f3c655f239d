# frozen_string_literal: true

require "tasker_core/models/handler_wrapper"

module TaskerCore
  module Models
    # A step as its template declares it.
    class StepDefinitionWrapper
      attr_reader :name, :description, :handler, :dependencies, :retry, :timeout_seconds, :publishes_events, :type

      # Reads the `step_definition` of an event.
      def initialize(definition_data)
        data = IndifferentHash.wrap(definition_data || {})
        @name = data["name"] || ""
        @description = data["description"] || ""
        @handler = HandlerWrapper.new(data["handler"])
        @dependencies = data["dependencies"] || []
        @retry = data["retry"] || IndifferentHash.new
        @timeout_seconds = data["timeout_seconds"] || 30
        @publishes_events = data["publishes_events"] || []
        @type = data["type"] || "standard"
      end
    end
  end
end
