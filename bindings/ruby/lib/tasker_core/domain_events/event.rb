# frozen_string_literal: true

require "securerandom"
require "time"
require "tasker_core/indifferent_hash"

module TaskerCore
  module DomainEvents
    # An event as subscribers are given it, a Hash that takes strings and symbols: `event_id`, `event_name`, `event_version`,
    # `metadata`, `business_payload`, `execution_result`, `context` with the task and the step that it tells of, and `payload`
    # as the core has it.
    module Event
      STEP = %w[task_uuid step_uuid step_name namespace correlation_id].freeze
      private_constant :STEP

      class << self
        # Makes the event of what the core hands out. An event that has its parts already stays as it is.
        def from_core(document)
          event = IndifferentHash.wrap(document)
          return event if event.key?("business_payload")

          parts = event["payload"].is_a?(Hash) ? event["payload"] : IndifferentHash.new
          event.merge(
            business_payload: parts["payload"],
            execution_result: parts["execution_result"] || {},
            context: context_of(event["metadata"] || {}, parts["task_sequence_step"] || {})
          )
        end

        # Makes the event of what a publisher sends in a process without a worker.
        def from_publisher(document)
          from_core(
            "event_id" => SecureRandom.uuid,
            "event_name" => document["event_name"],
            "event_version" => "1.0",
            "payload" => { "task_sequence_step" => nil, "execution_result" => nil, "payload" => document["payload"] },
            "metadata" => (document["metadata"] || {}).merge(document.slice(*STEP)).merge(
              "fired_at" => Time.now.utc.iso8601(6), "fired_by" => "host"
            )
          )
        end

        private

        def context_of(metadata, sequence)
          {
            task_uuid: metadata["task_uuid"], task_name: sequence.dig("task", "task_name"), namespace: metadata["namespace"],
            step_name: metadata["step_name"], step_uuid: metadata["step_uuid"]
          }
        end
      end
    end
  end
end
