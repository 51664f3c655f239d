# frozen_string_literal: true

require "tasker_core/worker/interruptible"

module TaskerCore
  module Worker
    # Has steps run on the thread that polled them, which costs no change of threads, for as long as no handler waits.
    #
    # A handler that waits holds up polling and the steps behind it. Another thread sees that within ten milliseconds: it has
    # somebody else poll, and steps are given to the pool for a while. How long depends on how often that happened before.
    class Relay
      # Seconds between looks: where handlers wait now and then, or to look at a step again; and where all have been quick.
      LOOK_EVERY = 0.002
      LOOK_RARELY = 0.008

      # Looks at nothing new after which nobody looks until there is a step, and at quick handlers after which looks are rare.
      LAST_LOOK = 25

      # Seconds that a handler may compute before others go on without its thread.
      LONG = 0.1

      # How many steps are given to the pool after a handler waited: the first time, and at most.
      DETOUR = 64
      LONGEST_DETOUR = 65_536
      private_constant :LOOK_EVERY, :LOOK_RARELY, :LAST_LOOK, :LONG, :DETOUR, :LONGEST_DETOUR

      # The steps that one thread runs: how many it began, and whether it was left behind, or ended.
      Shift = Struct.new(:thread, :began, :left, :over)
      private_constant :Shift

      # `run` is called with a step on the thread that polled it, `pass_on` has the pool run it, and `relieve` has another thread
      # poll. A thread that is held up uses one of the pool's places.
      def initialize(pool, run:, pass_on:, relieve:)
        @pool = pool
        @run = run
        @pass_on = pass_on
        @relieve = relieve
        @lock = Mutex.new
        @began = ConditionVariable.new
        @steps = []
        @detour = 0
        @longer = DETOUR
        @streak = 0
        @shift = nil
        @watcher = nil
        @resting = true
        @closed = false
      end

      # Takes a step, for {#work_off} or for the pool.
      def put(step)
        return @steps << step if @detour.zero?

        @detour -= 1
        @pass_on.call(step)
      end

      # Runs the steps that were taken, on the thread that polled them.
      def work_off
        return if @steps.empty?

        shift = @lock.synchronize { begin_shift }
        while (step = @steps.shift)
          shift.began += 1
          @run.call(step)
          return if shift.left
        end
        @lock.synchronize { @shift = nil unless shift.left }
        praise(shift.began)
      ensure
        end_shift(shift) if shift
      end

      # Nothing is polled any more: the pool runs what is left.
      def close
        @lock.synchronize do
          @closed = true
          @began.signal
        end
        pass_on_all
      end

      private

      def begin_shift
        @watcher ||= Thread.new { Thread.handle_interrupt(INTERRUPTIBLE) { watch } }
        @began.signal if @resting
        @shift = Shift.new(Thread.current, 0, false, false)
      end

      def end_shift(shift)
        @lock.synchronize do
          shift.over = true
          @pool.vacate if shift.left
        end
      end

      # After enough steps that did not wait, the next that does is a first one again.
      def praise(steps)
        @streak += steps
        @longer = DETOUR if @streak > @longer
      end

      def watch
        Thread.current.name = "tasker-watcher"
        looks = quick = 0
        pause = LOOK_EVERY
        seen = since = nil
        until @closed
          sleep(pause)
          sight = look
          quick += 1
          if sight != seen
            seen = sight
            since = now
            looks = 0
          elsif sight && held_up?(sight.first.thread, now - since)
            change_over(*sight)
            quick = 0
          end
          again = sight && looks.zero? && pause == LOOK_RARELY # whether what a rare look saw runs still
          pause = again || quick < LAST_LOOK ? LOOK_EVERY : LOOK_RARELY
          rest if (looks += 1) > LAST_LOOK
        end
      end

      # The step that runs on the thread that polls.
      def look
        shift = @shift
        shift && [shift, shift.began]
      end

      # A thread that only waits for its turn to compute is not held up.
      def held_up?(thread, seconds)
        seconds > LONG || (seconds >= LOOK_EVERY && thread.status != "run")
      end

      def rest
        @lock.synchronize do
          @resting = true
          @began.wait(@lock) if @shift.nil? && !@closed
          @resting = false
        end
      end

      # The step that was seen runs still: others go on without its thread, even if its handler has ended that.
      def change_over(shift, began)
        @lock.synchronize do
          return unless @shift.equal?(shift) && shift.began == began

          @shift = nil
          shift.left = !shift.over
          @pool.occupy if shift.left
          @detour = @longer
          @longer = [@longer * 2, LONGEST_DETOUR].min
          @streak = 0
        end
        pass_on_all
        @relieve.call
      end

      def pass_on_all
        while (step = @steps.shift)
          @pass_on.call(step)
        end
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
