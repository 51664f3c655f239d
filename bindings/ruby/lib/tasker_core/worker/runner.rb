# frozen_string_literal: true

require "tasker_core/worker/attempt"
require "tasker_core/worker/interruptible"
require "tasker_core/worker/relay"
require "tasker_core/worker/step_outcome"
require "tasker_core/worker/thread_pool"

module TaskerCore
  module Worker
    # Runs as many steps at once as a worker has slots, and answers each.
    class Runner
      # `subscriber` executes steps: it answers to `execute(event, attempt)`. `bridge` is told of what happens. The block is
      # called to have another thread poll, in place of one that a handler holds up.
      def initialize(subscriber, slots, bridge, &relieve)
        @subscriber = subscriber
        @bridge = bridge
        # A handler that hangs keeps its thread when the core has given its slot to another step. Beyond that reserve there
        # is no room, steps are not polled, and the core gives them to other workers.
        @pool = ThreadPool.new(2 * slots, "tasker-handler")
        @relay = Relay.new(@pool, run: method(:work), pass_on: method(:pass_on), relieve: relieve)
        @attempts = {}
        @lock = Mutex.new
        @changed = ConditionVariable.new
      end

      # Takes a step, whose event is read on the thread of its handler.
      def run(attempt, payload)
        @lock.synchronize { @attempts[attempt.token] = attempt }
        @relay.put([attempt, payload])
      end

      # Runs steps that were taken on this thread, the one that polls, unless their handlers wait.
      def work_off
        @relay.work_off
      end

      def wait_for_room(timeout)
        @pool.wait_for_room(timeout)
      end

      # Tells the handler of a step to stop, if it still runs.
      def cancel(token, reason)
        attempt = @lock.synchronize { @attempts[token] }
        attempt&.cancel(reason)
      end

      def cancel_all(reason)
        running.each { |attempt| attempt.cancel(reason) }
      end

      # Gives back what still runs, and returns how many steps that were.
      def release_all(reason)
        running.count { |attempt| attempt.release(reason) }
      end

      # The attempt of an event, if it still runs.
      def attempt_of(event_id)
        running.find { |attempt| attempt.event_id == event_id }
      end

      def in_flight
        @lock.synchronize { @attempts.size }
      end

      # Waits until no step runs. Returns whether that was in time.
      def wait_idle(timeout)
        deadline = now + timeout
        @lock.synchronize do
          until @attempts.empty?
            left = deadline - now
            return false unless left.positive?

            @changed.wait(@lock, left)
          end
        end
        true
      end

      # Runs nothing any more. Threads end when their handlers do.
      def close
        @relay.close
        @pool.close
      end

      private

      def running
        @lock.synchronize { @attempts.values }
      end

      def pass_on(step)
        @pool.submit { work(step) }
      rescue ThreadPool::ClosedError, ThreadError => e
        attempt = step.first
        attempt.release("no thread: #{e.message}")
        forget(attempt)
      end

      # Only the handler can be interrupted. If it ends its own thread, the step is answered all the same.
      def work((attempt, payload))
        event = nil
        document = Thread.handle_interrupt(INTERRUPTIBLE) do
          event = Native::Codec.load(payload)
          @bridge.received(event)
          Worker.around_step { @subscriber.execute(event, attempt) }
        end
      rescue Exception => e # rubocop:disable Lint/RescueException -- whatever it is, the step has to be answered
        document = StepOutcome.not_run(e)
      ensure
        finish(attempt, event || {}, document || StepOutcome.thread_ended)
      end

      def finish(attempt, event, document)
        return if attempt.answered?

        @bridge.sent(event, document) if StepOutcome.answer(attempt, document)
      rescue StandardError => e
        Logger.instance.error(
          "step #{event["step_uuid"] || attempt.event_id} could not be answered; " \
          "it runs again when its time is up: #{e.full_message(highlight: false)}"
        )
      ensure
        forget(attempt)
      end

      def forget(attempt)
        @lock.synchronize do
          @attempts.delete(attempt.token)
          @changed.broadcast if @attempts.empty?
        end
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
