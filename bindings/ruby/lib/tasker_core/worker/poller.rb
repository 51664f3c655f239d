# frozen_string_literal: true

require "tasker_core/native/worker"

module TaskerCore
  module Worker
    # Takes frames from a worker, in a thread of its own, and passes them on. It ends when the worker has no more.
    class Poller
      HARDEN_EVERY = 5.0
      LONGEST_PAUSE = 5.0
      private_constant :HARDEN_EVERY, :LONGEST_PAUSE

      attr_reader :thread

      # `ready` is asked before each poll, with the seconds that it may wait: without room no step is taken.
      def initialize(worker, ready: nil, &deliver)
        @worker = worker
        @ready = ready
        @deliver = deliver
        @hardened = 0.0
        @trouble = 0
      end

      def start
        @thread = Thread.new { run }
        @thread.name = "tasker-poller"
        @thread.report_on_exception = false
        self
      end

      # Waits until the worker has no more frames. Returns whether that was in time.
      def join(timeout)
        @thread.nil? || !@thread.join(timeout).nil?
      end

      # Ends at once; a frame that was taken is still passed on.
      def stop
        @thread&.kill
        @thread&.join
      end

      def alive?
        @thread&.alive? || false
      end

      private

      # Only waits are interrupted: between a poll and the end of what is done with its frames there is none.
      def run
        Thread.handle_interrupt(Object => :never) { nil while go_on? }
      end

      def go_on?
        harden
        return true if @ready && !interruptible { @ready.call(Native::Worker::SLICE) }

        code = interruptible { @worker.poll(Native::Worker::SLICE) { |frame| pass_on(frame) } }
        @trouble = 0
        code != Native::Status::CLOSED
      rescue UsageError => e # freed, or forked: it will not get better
        Logger.instance.debug("polling ends: #{e.message}")
        false
      rescue StandardError => e
        pause_after(e)
      end

      def interruptible(&block)
        Thread.handle_interrupt(Object => :immediate, &block)
      end

      def pass_on(frame)
        @deliver.call(frame)
      rescue StandardError => e
        Logger.instance.error("a frame of the core was lost: #{e.full_message(highlight: false)}")
      end

      # Sees to what was installed meanwhile: a handler of trap, or a profiler's.
      def harden
        now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        return if now - @hardened < HARDEN_EVERY

        @hardened = now
        Native.library.harden_signals
      end

      def pause_after(error)
        @trouble += 1
        Logger.instance.error("polling failed; trying again: #{error.full_message(highlight: false)}")
        interruptible { sleep([0.1 * (2**[@trouble, 6].min), LONGEST_PAUSE].min) }
        true
      end
    end
  end
end
