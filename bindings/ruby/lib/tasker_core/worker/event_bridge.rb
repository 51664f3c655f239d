# frozen_string_literal: true

require "singleton"
require "tasker_core/indifferent_hash"

module TaskerCore
  module Worker
    # What happens in a worker, for parts of the same process that want to know. Listeners are called on the thread of
    # whoever publishes; one that fails does not hold up the others.
    class EventBridge
      include Singleton

      STEP_EXECUTION_RECEIVED = "step.execution.received"
      STEP_COMPLETION_SENT = "step.completion.sent"
      STEP_CHECKPOINT_YIELD_SENT = "step.checkpoint_yield.sent"
      BRIDGE_ERROR = "bridge.error"
      EVENTS = [
        STEP_EXECUTION_RECEIVED, STEP_COMPLETION_SENT, STEP_CHECKPOINT_YIELD_SENT, BRIDGE_ERROR
      ].freeze

      REQUIRED = %w[event_id task_uuid step_uuid].freeze
      private_constant :REQUIRED

      attr_reader :logger, :active

      # Forgets the bridge of this process, for tests.
      def self.reset_instance!
        instance.stop!
        Singleton.__init__(self)
      end

      def initialize
        @logger = Logger.instance
        @lock = Mutex.new
        @listeners = {}
        @active = true
      end

      def active?
        @active
      end

      # Passes events on, as it does from the beginning and until {#stop!}.
      def start!
        @active = true
      end

      # Passes nothing on any more, and forgets the listeners.
      def stop!
        @lock.synchronize do
          @active = false
          @listeners = {}
        end
      end

      # Has a block called with every event of a name, and returns it, for {#unsubscribe}.
      def subscribe(name, &listener)
        raise ArgumentError, "there is no event #{name}: #{EVENTS.join(", ")}" unless EVENTS.include?(name.to_s)
        raise ArgumentError, "a block is needed, which is called with each event" unless listener

        @lock.synchronize { @listeners = @listeners.merge(name.to_s => [*@listeners[name.to_s], listener]) }
        listener
      end

      # Forgets a listener. One that is not known is no error.
      def unsubscribe(name, listener)
        @lock.synchronize do
          left = [*@listeners[name.to_s]] - [listener]
          @listeners = left.empty? ? @listeners.except(name.to_s) : @listeners.merge(name.to_s => left)
        end
        nil
      end

      def subscribe_to_step_execution(&listener)
        subscribe(STEP_EXECUTION_RECEIVED, &listener)
      end

      def listener_count(name)
        [*@listeners[name.to_s]].size
      end

      # Tells that a step was handed to this process.
      def publish_step_execution(event_data)
        publish(STEP_EXECUTION_RECEIVED, with_string_keys(event_data))
      end

      # Hands over the result of a step that this process holds, and tells of it. False: the step is not held any more.
      #
      # Raises ArgumentError when `event_id`, `task_uuid`, `step_uuid` or `success` is missing.
      def publish_step_completion(completion_data)
        data = checked(completion_data, [*REQUIRED, "success"])
        accepted = EventPoller.instance.answer(data["event_id"], result_in(data))
        publish(STEP_COMPLETION_SENT, data)
        accepted
      end

      # Stores how far a step got that this process holds, and tells of it. False: the step is not held any more.
      #
      # Raises ArgumentError when `event_id`, `step_uuid`, `cursor` or `items_processed` is missing.
      def publish_step_checkpoint_yield(checkpoint_data)
        data = checked(checkpoint_data, %w[event_id step_uuid cursor items_processed])
        accepted = EventPoller.instance.answer(data["event_id"], data.slice(*CHECKPOINT_KEYS))
        publish(STEP_CHECKPOINT_YIELD_SENT, data)
        accepted
      end

      # Tells listeners that a worker was given a step.
      def received(event)
        publish(STEP_EXECUTION_RECEIVED, IndifferentHash.wrap(event)) unless @listeners.empty?
      end

      # Tells listeners how a step ended.
      def sent(event, document)
        return if @listeners.empty?

        name = StepOutcome.checkpoint?(document) ? STEP_CHECKPOINT_YIELD_SENT : STEP_COMPLETION_SENT
        publish(name, IndifferentHash.wrap(event.slice(*REQUIRED)).merge(document))
      rescue SystemStackError => e # of a result that contains itself, there is no such copy
        failed(name, e)
      end

      private

      CHECKPOINT_KEYS = %w[step_uuid cursor items_processed accumulated_results].freeze
      private_constant :CHECKPOINT_KEYS

      def publish(name, data)
        return unless @active

        [*@listeners[name]].each do |listener|
          listener.call(data)
        rescue StandardError => e
          failed(name, e)
        end
        nil
      end

      def failed(name, error)
        logger.error("a listener of #{name} failed: #{error.full_message(highlight: false)}")
        publish(BRIDGE_ERROR, { "event" => name, "error" => error }) unless name == BRIDGE_ERROR
      end

      def checked(given, required)
        data = with_string_keys(given)
        missing = required.reject { |key| data.key?(key) }
        raise ArgumentError, "missing: #{missing.join(", ")}" unless missing.empty?

        data
      end

      # The keys that tell which step it is are no part of its result.
      def result_in(data)
        data.except("event_id", "task_uuid")
      end

      def with_string_keys(value)
        case value
        when Hash then value.to_h { |key, below| [key.to_s, with_string_keys(below)] }
        when Array then value.map { |below| with_string_keys(below) }
        else value
        end
      end
    end
  end
end
