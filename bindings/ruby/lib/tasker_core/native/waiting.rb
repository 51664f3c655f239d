# frozen_string_literal: true

module TaskerCore
  module Native
    # Waiting inside the core without making anybody else wait for it.
    #
    # A thread that waits in Go cannot be interrupted. So another thread waits there, and this one in Ruby, where Ctrl-C,
    # Timeout, Thread#kill and fiber schedulers reach it.
    module Waiting
      # Seconds that the end of a program gives calls that nobody waits for any more.
      LAST_PATIENCE = 0.5

      @abandoned = []
      @lock = Mutex.new
      @process = nil

      class << self
        # Runs a call that may wait inside the core. If the wait is interrupted, `late` gets what comes of it after all.
        def interruptible(late: nil, &call)
          Thread.handle_interrupt(Object => :on_blocking) do
            waiting = Call.new(late)
            thread = start(waiting, call)
            begin
              outcome = waiting.outcome
            ensure
              abandon(thread, waiting) unless outcome
            end
            succeeded, value = outcome
            succeeded ? value : raise(value)
          end
        end

        # Waits for calls that were abandoned; the end of the program would do so without limit. Returns whether they ended.
        def settle(patience = LAST_PATIENCE)
          deadline = now + patience
          left = @lock.synchronize { @process == Process.pid ? @abandoned.dup : [] }
          left.all? { |thread| thread.join([deadline - now, 0].max) }
        end

        private

        def start(waiting, call)
          thread = Thread.new { waiting.run(call) }
          thread.name = "tasker-call"
          thread.report_on_exception = false
          thread
        end

        def abandon(thread, waiting)
          waiting.abandon
          @lock.synchronize do
            @abandoned.clear if @process != Process.pid
            @process = Process.pid
            @abandoned.keep_if(&:alive?)
            @abandoned << thread
          end
        end

        def now
          Process.clock_gettime(Process::CLOCK_MONOTONIC)
        end
      end

      # One call under way.
      class Call
        def initialize(late)
          @late = late
          @lock = Mutex.new
          @outcomes = Thread::Queue.new
          @abandoned = false
        end

        # Runs the call, on the thread that may wait.
        def run(call)
          outcome = attempt(call)
          orphaned = @lock.synchronize do
            @outcomes << outcome unless @abandoned
            @abandoned
          end
          drop(outcome) if orphaned
        end

        # Waits for what comes of it: whether it succeeded, and its value or its exception.
        def outcome
          @outcomes.pop
        end

        # Says that nobody waits any more.
        def abandon
          outcome = @lock.synchronize do
            @abandoned = true
            @outcomes.empty? ? nil : @outcomes.pop
          end
          drop(outcome) if outcome
        end

        private

        def attempt(call)
          [true, call.call]
        rescue Exception => e # rubocop:disable Lint/RescueException -- it belongs to the one who waits
          [false, e]
        end

        def drop((succeeded, value))
          @late&.call(value) if succeeded
        end
      end
    end
  end
end
