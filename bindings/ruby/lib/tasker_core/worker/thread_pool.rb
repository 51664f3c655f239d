# frozen_string_literal: true

require "tasker_core/worker/interruptible"

module TaskerCore
  module Worker
    # Threads for handlers, made when needed and kept.
    #
    # Ruby runs the code of one thread at a time. So beyond a few threads another one is made only when those that there are
    # wait for something else, while jobs wait for them: threads that compute would only be in each other's way.
    class ThreadPool
      # How many threads are made without a second look.
      AT_ONCE = 10

      # Threads with something to run that are enough to keep Ruby busy, and seconds between looks.
      ENOUGH = 2
      LOOK_EVERY = 0.002
      private_constant :ENOUGH, :LOOK_EVERY

      # It takes no more jobs.
      class ClosedError < StandardError; end

      def initialize(size, name)
        @size = size
        @name = name
        @jobs = Thread::Queue.new
        @lock = Mutex.new
        @room = ConditionVariable.new
        @backlog = ConditionVariable.new
        @threads = {}
        @started = 0
        @busy = 0
        @closed = false
        @watcher = nil
      end

      # Runs a job, now or when a thread is free. Raises {ClosedError}, and ThreadError if the system has no more threads.
      def submit(&job)
        Thread.handle_interrupt(Object => :never) do
          @lock.synchronize do
            raise ClosedError, "the pool is closed" if @closed

            make_room
            @busy += 1
          end
          @jobs << job
        end
      end

      # Counts a thread that is none of the pool's as one, until {#vacate}.
      def occupy
        @lock.synchronize { @busy += 1 }
      end

      # Undoes {#occupy}.
      def vacate
        @lock.synchronize do
          @busy -= 1
          @room.signal
        end
      end

      # Waits until there is a thread for a job, or place for one.
      def wait_for_room(timeout)
        @lock.synchronize do
          @room.wait(@lock, timeout) if @busy >= @size && !@closed
          @busy < @size || @closed
        end
      end

      # Takes no more jobs; threads end when theirs is done.
      def close
        @lock.synchronize do
          @closed = true
          @room.broadcast
          @backlog.broadcast
        end
        @jobs.close
      end

      # How many threads there are.
      def size
        @lock.synchronize { @threads.size }
      end

      private

      def make_room
        return if @busy < @threads.size || @threads.size >= @size
        return start if @threads.size < AT_ONCE

        @watcher ||= Thread.new { Thread.handle_interrupt(INTERRUPTIBLE) { watch } }
        @backlog.signal
      end

      # Makes threads for jobs that wait although nobody computes.
      def watch
        Thread.current.name = "#{@name}-watcher"
        until @closed
          sleep(LOOK_EVERY)
          @lock.synchronize do
            grow
            @backlog.wait(@lock) if @jobs.empty? && !@closed
          end
        end
      end

      def grow
        return if @jobs.empty? || @threads.each_key.count { |thread| thread.status == "run" } >= ENOUGH

        [@jobs.size, @size - @threads.size].min.times { start }
      rescue ThreadError => e
        Logger.instance.warn("no more threads for handlers: #{e.message}")
      end

      def start
        thread = Thread.new { work }
        @started += 1
        @threads[thread] = true
        thread.name = "#{@name}-#{@started}"
        thread.report_on_exception = false
      end

      # Jobs are responsible for their interrupts: here they are held back, so that the count stays right.
      def work
        Thread.handle_interrupt(Object => :never) do
          while (job = next_job)
            perform(job)
          end
        ensure
          @lock.synchronize { @threads.delete(Thread.current) }
        end
      end

      def next_job
        Thread.handle_interrupt(Object => :on_blocking) { @jobs.pop }
      end

      def perform(job)
        job.call
      rescue Exception => e # rubocop:disable Lint/RescueException -- it must not take the thread from the next job
        Logger.instance.error("a job of #{@name} failed: #{e.full_message(highlight: false)}")
      ensure
        vacate
      end
    end
  end
end
