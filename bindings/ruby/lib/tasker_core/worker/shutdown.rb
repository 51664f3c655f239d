# frozen_string_literal: true

require "tasker_core/worker/event_poller"
require "tasker_core/worker/runtime"

module TaskerCore
  module Worker
    # The end of a worker: no further steps, handlers that finish, results that are stored, and steps that are given back.
    class Shutdown
      # Seconds for handlers that were told to stop, for publishers, and for the poller; and between looks whether to hurry.
      LAST_GRACE = 1.0
      FLUSH_TIMEOUT = 5.0
      CLOSE_TIMEOUT = 2.0
      HURRY_SLICE = 0.1
      private_constant :LAST_GRACE, :FLUSH_TIMEOUT, :CLOSE_TIMEOUT, :HURRY_SLICE

      # `runner` is what runs the steps, or nil if nothing did yet.
      def initialize(worker, runner)
        @worker = worker
        @runner = runner
        @logger = Logger.instance
      end

      # Handlers have `grace` seconds, unless `hurry` answers true.
      def run(grace, hurry)
        begin
          @worker.drain
          let_finish(grace, hurry) if @runner
        ensure # also where another Ctrl-C ends the wait
          give_back if @runner
          flush_events
          Runtime.end { EventPoller.instance.stop!(timeout: CLOSE_TIMEOUT) }
        end
      rescue CoreError, WorkerNotInitializedError => e
        @logger.warn("the worker was stopped already: #{e.message}")
      end

      private

      def let_finish(grace, hurry)
        deadline = now + grace
        until @runner.wait_idle([hurry ? HURRY_SLICE : grace, deadline - now].min.clamp(0.0, nil))
          break if now >= deadline || hurry&.call
        end
        return if @runner.in_flight.zero?

        @runner.cancel_all("shutdown")
        @runner.wait_idle(LAST_GRACE)
      end

      def give_back
        left = @runner.release_all("shutdown")
        @logger.warn("#{left} steps are given back: their handlers did not end in time") if left.positive?
      end

      # Waits until the publishers of this program, if it has any, have published the events of all steps that ended.
      def flush_events
        return if DomainEvents::PublisherRegistry.instance.custom_names.empty?

        @worker.call("events.flush", timeout: FLUSH_TIMEOUT)
      rescue CoreError => e
        @logger.warn("domain events may be lost: their publishers did not end in time: #{e.message}")
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
