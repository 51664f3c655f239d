# frozen_string_literal: true

require "io/wait"
require "tasker_core/native/endpoint"
require "tasker_core/native/frames"

module TaskerCore
  module Native
    # A worker of the library. It is opened, told its handlers, started, polled, drained, stopped and freed, in this order.
    class Worker < Endpoint
      # The longest wait without a look around, in seconds: what changes without a frame is seen after this time.
      SLICE = 1.0
      STOP_SLICE = 0.05

      # The wait in the library that follows frames, in seconds. Where one step follows another, the call that waits for the next
      # one takes it as well. Nothing interrupts it, and this is still no time.
      SOON = 0.003
      UNINTERRUPTED = { Object => :never }.freeze
      private_constant :STOP_SLICE, :SOON, :UNINTERRUPTED

      # How many steps it holds at once.
      def slots
        Integer(info.fetch("slots", 10))
      end

      # Adds names of handlers. Steps of other handlers are left to other workers.
      def register(handlers)
        raw = Codec.dump(handlers.to_a)
        @library.ask(:tasker_worker_register, @handle, raw, raw.bytesize)
        nil
      end

      # Begins to claim steps.
      def start
        Waiting.interruptible { @library.ask(:tasker_worker_start, @handle) }
        nil
      end

      # What the worker knows of itself, without asking anybody.
      def status
        Codec.load(@library.ask(:tasker_worker_status, @handle))
      end

      # The worker's id in logs and results; the core gives it one when it starts.
      def name
        (status.dig("core", "worker", "worker_id") || info["worker_id"]).to_s
      end

      # Claims no more; what was polled can still be completed.
      def drain
        @library.check(:tasker_worker_drain, @library.plain(:tasker_worker_drain, @handle))
        nil
      end

      # Drains, and waits until all results are stored. Returns whether no step is out any more, and a summary.
      def stop(timeout)
        deadline = now + timeout
        loop do # in slices, between which the thread can be interrupted
          left = [deadline - now, 0].max
          code, document = @library.answer(:tasker_worker_stop, @handle, milliseconds([left, STOP_SLICE].min))
          @library.raise_error(:tasker_worker_stop, code, document) if code.negative?
          return [code == Status::OK, Codec.load(document)] if code == Status::OK || left.zero?
        end
      end

      # Waits for frames and yields each. Nothing interrupts the block, so that no frame is lost: it has to be quick.
      #
      # Returns {Status::OK}, {Status::TIMEOUT} or {Status::CLOSED}.
      def poll(timeout, max_frames: 0, &deliver)
        deadline = now + timeout
        left = timeout
        loop do
          code = Thread.handle_interrupt(UNINTERRUPTED) { take(max_frames, left, &deliver) }
          left = deadline - now
          return code if code != Status::TIMEOUT || !left.positive?

          wait_readable([left, SLICE].min)
        end
      end

      # Takes the frames that are there. After others it waits for them, for up to `timeout` seconds and no more than a moment:
      # in the library, where nothing interrupts it if interrupts are held back. They have to be, for no frame to be lost.
      def take(max_frames = 0, timeout = SOON, &deliver)
        code, buffer = @library.poll(@handle, max_frames, milliseconds(patience(timeout)))
        @library.raise_error(:tasker_poll, code, buffer) if code.negative?
        return code == Status::INTERRUPTED ? Status::TIMEOUT : code unless code == Status::OK

        @followed = true
        Frames.decode(buffer).each(&deliver)
        code
      end

      # Readable while there are frames. It is the library's: it must not be read or closed.
      def descriptor
        @descriptor ||= IO.for_fd(event_fd, "r", autoclose: false)
      end

      def event_fd
        @library.check(:tasker_event_fd, @library.plain(:tasker_event_fd, @handle))
      end

      # Makes one poll that waits in C return. Harmless when the worker has ended.
      def wake
        @library.plain(:tasker_wake, @handle)
        nil
      end

      # Hands over a result. Waits for room up to `timeout` seconds. An error says whether the token is still good.
      def complete(token, result, timeout)
        return @library.complete(@handle, token, result) if timeout.zero?

        @library.ask(:tasker_complete, @handle, token, result, result.bytesize, milliseconds(timeout))
        nil
      end

      # Stores how far a step got; it is delivered again with another token.
      def checkpoint(token, data, timeout)
        @library.ask(:tasker_checkpoint, @handle, token, data, data.bytesize, milliseconds(timeout))
        nil
      end

      # Says that a handler is alive. Raises {StepCancelledError} if it should stop.
      def heartbeat(token, details = nil)
        raw = details.nil? ? "" : Codec.dump(details)
        @library.ask(:tasker_heartbeat, @handle, token, raw, raw.bytesize)
        nil
      end

      # Gives a step back without using up an attempt. False: it is not this worker's any more, or there is no room.
      def release(token, reason)
        raw = Codec.dump(reason)
        @library.ask(:tasker_release, @handle, token, raw, raw.bytesize)
        true
      rescue ForkedError
        raise
      rescue CoreError
        false
      end

      private

      # How long to wait in the library: after frames, and once, so that there is no such wait where nothing happens. Other fibers
      # are not held up for that, nor the thread on which handlers of trap run: they may raise, come what may.
      def patience(timeout)
        return 0 if !@followed || Fiber.scheduler || Thread.current == Thread.main

        @followed = false
        [timeout, SOON].min
      end

      def wait_readable(seconds)
        descriptor.wait_readable(seconds)
      rescue Errno::EBADF # the worker was freed, as the next poll says
        nil
      end

      def open_function
        :tasker_worker_new
      end

      def free_function
        :tasker_worker_free
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
