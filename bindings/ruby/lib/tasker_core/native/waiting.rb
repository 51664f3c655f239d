# frozen_string_literal: true

module TaskerCore
  module Native
    # Waiting inside the core without making anybody else wait for it.
    #
    # A thread that waits in Go cannot be interrupted. So another thread waits there, and this one in Ruby, where Ctrl-C,
    # Timeout, Thread#kill and fiber schedulers reach it.
    module Waiting
      @threads = {}
      @lock = Mutex.new
      @process = nil

      class << self
        # Runs a call that may wait inside the core. If the wait is interrupted, `late` gets what comes of it after all.
        def interruptible(late: nil, &call)
          Thread.handle_interrupt(Object => :on_blocking) do
            waiting = Call.new(late)
            start(waiting, call)
            begin
              outcome = waiting.outcome
            ensure
              waiting.abandon unless outcome
            end
            succeeded, value = outcome
            succeeded ? value : raise(value)
          end
        end

        # Whether calls are under way in this process.
        def under_way?
          !threads.empty?
        end

        # Waits for all calls that are under way. Returns whether they have ended in time.
        def settle(patience)
          deadline = now + patience
          threads.all? { |thread| thread.join([deadline - now, 0].max) }
        end

        private

        def start(waiting, call)
          thread = Thread.new do
            waiting.run(call)
          ensure
            @lock.synchronize { @threads.delete(Thread.current) }
          end
          thread.name = "tasker-call"
          thread.report_on_exception = false
          note(thread)
        end

        def note(thread)
          @lock.synchronize do
            @threads.clear if @process != Process.pid
            @process = Process.pid
            @threads[thread] = true if thread.alive?
          end
        end

        def threads
          @lock.synchronize { @process == Process.pid ? @threads.keys.select(&:alive?) : [] }
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
