# frozen_string_literal: true

require "tasker_core/domain_events/forwarded"
require "tasker_core/domain_events/outlet"
require "tasker_core/indifferent_hash"
require "tasker_core/logger"

module TaskerCore
  module DomainEvents
    # Shapes the events of some kind. Whatever goes wrong is logged and told to `on_publish_error`; it fails no step.
    #
    #     class PaymentPublisher < TaskerCore::DomainEvents::BasePublisher
    #       def name = "payments"
    #
    #       def transform_payload(step_result, _declaration, _context = nil)
    #         { payment_id: step_result[:result][:payment_id] }
    #       end
    #     end
    class BasePublisher
      DEFAULT_MODE = "durable"
      STEP = %w[task_uuid step_uuid step_name correlation_id].freeze
      private_constant :DEFAULT_MODE, :STEP

      attr_reader :logger

      def initialize
        @logger = Logger.instance
      end

      # What templates call the publisher by; the name of its class, unless overridden.
      def name
        self.class.name || "publisher"
      end

      # What the event is about; by default what the step returned. `step_result` has `success`, `result`, `error`
      # and `metadata`.
      def transform_payload(step_result, _event_declaration, _step_context = nil)
        step_result[:result] || {}
      end

      # Whether there is an event at all.
      def should_publish?(_step_result, _event_declaration, _step_context = nil)
        true
      end

      # What is added to the event's metadata.
      def additional_metadata(_step_result, _event_declaration, _step_context = nil)
        {}
      end

      # Sees the event before it is published; false calls it off.
      def before_publish(event_name, _payload, _metadata)
        logger.debug("publishing #{event_name}")
        true
      end

      # Hears that the event was published.
      def after_publish(event_name, _payload, _metadata)
        logger.debug("published #{event_name}")
      end

      # Hears that the event could not be published.
      def on_publish_error(event_name, error, _payload)
        logger.error("event #{event_name} could not be published by #{self.class}: #{error.class}: #{error.message}")
      end

      # Publishes an event of a step: `event_name`, `step_result`, `event_declaration` and `step_context` in a Hash. Returns
      # whether it was published.
      def publish(ctx)
        given = IndifferentHash.wrap(ctx)
        what = [given[:step_result] || {}, given[:event_declaration] || {}, given[:step_context]]
        event_name = given[:event_name] || what[1][:name]
        payload = {}
        return false unless should_publish?(*what)

        payload = transform_payload(*what)
        send_event(event_name, payload, what)
      rescue StandardError => e
        tell { on_publish_error(event_name, e, payload) }
        false
      end

      private

      def send_event(event_name, payload, what)
        context = context_of(what[2])
        metadata = { "publisher" => name, **IndifferentHash.unwrap(additional_metadata(*what)) }
        return false if before_publish(event_name, payload, metadata) == false

        hand_over(event_name, payload, metadata) { document(event_name, payload, metadata, what[1], context) }
        tell { after_publish(event_name, payload, metadata) }
        true
      end

      # Answers the event that the publisher is called for, or sends one of its own.
      def hand_over(event_name, payload, metadata)
        forwarded = Forwarded.current
        return Outlet.send_event(yield) unless forwarded && forwarded.name == event_name

        forwarded.publish(IndifferentHash.unwrap(payload), IndifferentHash.unwrap(metadata))
      end

      def document(event_name, payload, metadata, declaration, context)
        {
          "event_name" => event_name, "namespace" => context["namespace"] || "default",
          "delivery_mode" => declaration[:delivery_mode] || DEFAULT_MODE, "payload" => payload, "metadata" => metadata,
          **context.slice(*STEP)
        }.compact
      end

      # The step that an event tells of, from a Hash or from the context of a handler.
      def context_of(step_context)
        return {} if step_context.nil?
        return IndifferentHash.unwrap(step_context).compact if step_context.is_a?(Hash)

        {
          "task_uuid" => step_context.task_uuid, "step_uuid" => step_context.step_uuid, "step_name" => step_context.step_name,
          "namespace" => step_context.namespace_name, "correlation_id" => step_context.correlation_id
        }.compact
      end

      def tell
        yield
      rescue StandardError => e
        logger.error("a hook of publisher #{self.class} failed: #{e.class}: #{e.message}")
      end
    end
  end
end
