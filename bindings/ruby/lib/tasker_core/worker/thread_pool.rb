# frozen_string_literal: true

module TaskerCore
  module Worker
    # Threads for handlers, made when needed and kept.
    class ThreadPool
      # It takes no more jobs.
      class ClosedError < StandardError; end

      def initialize(size, name)
        @size = size
        @name = name
        @jobs = Thread::Queue.new
        @lock = Mutex.new
        @room = ConditionVariable.new
        @threads = 0
        @busy = 0
        @closed = false
      end

      # Runs a job, now or when a thread is free. Raises {ClosedError}, and ThreadError if the system has no more threads.
      def submit(&job)
        Thread.handle_interrupt(Object => :never) do
          @lock.synchronize do
            raise ClosedError, "the pool is closed" if @closed

            start if @busy >= @threads && @threads < @size
            @busy += 1
          end
          @jobs << job
        end
      end

      # Waits until a job would run at once.
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
        end
        @jobs.close
      end

      private

      def start
        number = @threads + 1
        thread = Thread.new { work }
        @threads = number
        thread.name = "#{@name}-#{number}"
        thread.report_on_exception = false
      end

      # Jobs are responsible for their interrupts: here they are held back, so that the count stays right.
      def work
        Thread.handle_interrupt(Object => :never) do
          while (job = next_job)
            perform(job)
          end
        ensure
          @lock.synchronize { @threads -= 1 }
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
        @lock.synchronize do
          @busy -= 1
          @room.signal
        end
      end
    end
  end
end
