# frozen_string_literal: true

require "tasker_core/native/worker"
require "tasker_core/worker/interruptible"

module TaskerCore
  module Worker
    # Takes frames from a worker, in a thread of its own, and passes them on. It ends when the worker has no more.
    #
    # Where work is done on that thread as well, another one can take its place.
    class Poller
      HARDEN_EVERY = 5.0
      LONGEST_PAUSE = 5.0
      private_constant :HARDEN_EVERY, :LONGEST_PAUSE

      attr_reader :thread

      # `ready` is asked before each poll, with the seconds that it may wait: without room no step is taken. `work` is called
      # after each poll.
      def initialize(worker, ready: nil, work: nil, &deliver)
        @worker = worker
        @ready = ready
        @work = work
        @deliver = deliver
        @receive = ->(frame) { pass_on(frame) }
        @lock = Mutex.new
        @turn = 0
        @working = false
        @hardened = 0.0
        @trouble = 0
      end

      def start
        @lock.synchronize { take_over }
        self
      end

      # Has another thread poll. The one that did ends when it has done its work.
      def relieve
        @lock.synchronize { take_over if @working }
      end

      # Waits until the worker has no more frames. Returns whether that was in time.
      def join(timeout)
        deadline = now + timeout
        loop do
          thread = @thread
          return false unless thread.nil? || thread.join([deadline - now, 0].max)
          return true if thread.equal?(@thread)
        end
      end

      # Ends at once; a frame that was taken is still passed on, and work that was begun is done.
      def stop
        idle = @lock.synchronize do
          @turn += 1
          !@working
        end
        @thread.kill.join if @thread && idle
      end

      def alive?
        @thread&.alive? || false
      end

      private

      def take_over
        @turn += 1
        @working = false
        @thread = Thread.new(@turn) { |turn| run(turn) }
        @thread.name = "tasker-poller"
        @thread.report_on_exception = false
      end

      # Only waits are interrupted: between a poll and the end of what is done with its frames there is none.
      def run(turn)
        Thread.handle_interrupt(Object => :never) { nil while @turn == turn && go_on? && work(turn) }
      end

      # Returns whether this thread is to go on.
      def work(turn)
        return true unless @work && @lock.synchronize { @working = @turn == turn }

        @work.call
        @lock.synchronize { @working = false if @turn == turn }
        @turn == turn
      end

      def go_on?
        harden
        return true unless ready?

        code = @worker.take(&@receive)
        code = interruptible { @worker.poll(Native::Worker::SLICE, &@receive) } if code == Native::Status::TIMEOUT
        @trouble = 0
        code != Native::Status::CLOSED
      rescue UsageError => e # freed, or forked: it will not get better
        Logger.instance.debug("polling ends: #{e.message}")
        false
      rescue StandardError => e
        pause_after(e)
      end

      def ready?
        @ready.nil? || @ready.call(0) || interruptible { @ready.call(Native::Worker::SLICE) }
      end

      def interruptible(&block)
        Thread.handle_interrupt(INTERRUPTIBLE, &block)
      end

      def pass_on(frame)
        @deliver.call(frame)
      rescue StandardError => e
        Logger.instance.error("a frame of the core was lost: #{e.full_message(highlight: false)}")
      end

      # Sees to what was installed meanwhile: a handler of trap, or a profiler's.
      def harden
        return if now - @hardened < HARDEN_EVERY

        @hardened = now
        Native.library.harden_signals
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
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
