# frozen_string_literal: true

require "singleton"
require "tasker_core/worker/channel"
require "tasker_core/worker/runtime"

module TaskerCore
  module Worker
    # Takes steps from the worker of this process and has them run. {Bootstrap} starts and stops it.
    #
    # Its thread sleeps until there is a step, and sees it at once.
    class EventPoller
      include Singleton

      # Kept for programs that read them: nothing sleeps between polls, and the core itself looks for steps that starve.
      POLL_INTERVAL = 0.01
      STARVATION_CHECK_INTERVAL = 100

      METRICS = %w[
        pending_count oldest_pending_age_ms newest_pending_age_ms oldest_event_id starvation_detected starving_event_count
      ].freeze
      private_constant :METRICS

      attr_reader :logger

      # Stops the poller of this process and forgets it, for tests.
      def self.reset_instance!
        instance.stop!
        Singleton.__init__(self)
      end

      def initialize
        @logger = Logger.instance
        @lock = Mutex.new
        @process = nil
        @channel = nil
      end

      # Begins to poll, for a worker that runs. Harmless when it polls already.
      def start!(subscriber: nil)
        worker = Runtime.require!
        @lock.synchronize do
          next if active?

          subscriber ||= StepExecutionSubscriber.new(worker_id: worker.name)
          @process = Process.pid
          @channel = Channel.new(worker, subscriber, EventBridge.instance).start
        end
        self
      end

      # Polls no more. Waits up to `timeout` seconds for the worker's last frames; handlers that run go on.
      def stop!(timeout: 0.0)
        @lock.synchronize do
          channel = @channel if @process == Process.pid
          @channel = nil
          channel&.close(timeout)
        end
        nil
      end

      def active?
        @process == Process.pid && (@channel&.poller&.alive? || false)
      end
      alias active active?

      # The thread that polls, or nil.
      def polling_thread
        @channel&.poller&.thread if @process == Process.pid
      end

      # What runs the steps, or nil.
      def runner
        @channel&.runner if @process == Process.pid
      end

      # Hands over what a step ended with that this process holds. False: it is not held any more.
      def answer(event_id, document)
        attempt = runner&.attempt_of(event_id.to_s)
        return false if attempt.nil? || attempt.answered?

        StepOutcome.answer(attempt, document)
      end

      # The steps that wait for this process, and those that it holds; nil without a worker.
      def ffi_dispatch_metrics
        Runtime.current&.status&.fetch("steps")&.slice(*METRICS)&.transform_keys(&:to_sym)
      end
    end
  end
end
