# frozen_string_literal: true

require "tasker_core/native/worker"
require "tasker_core/worker/serialization_failure"

module TaskerCore
  module Worker
    # A step that this process holds: what its handler may ask of the core, and how its result goes back.
    class Attempt
      # Seconds that a result is offered to a core that has no room for it. The core ends the attempt by then anyway.
      PATIENCE = 30.0
      CHECKPOINT_TIMEOUT = 10.0

      # How long one call may wait for room: nothing interrupts it.
      ROOM_SLICE = 0.05
      REFUSED = [Native::Status::E_INVALID, Native::Status::E_ENCODING, Native::Status::E_TOO_LARGE].freeze
      private_constant :ROOM_SLICE, :REFUSED

      attr_reader :token
      # Why it was cancelled: `timeout`, `cancelled`, `lease_lost` or `shutdown`; nil if it was not.
      attr_reader :reason

      # `id` is the event's, in 16 bytes.
      def initialize(worker, token, id)
        @worker = worker
        @token = token
        @id = id
        @reason = nil
        @answered = false
      end

      # The id of the event that announced it.
      def event_id
        Native::Frames.uuid(@id)
      end

      # Whether the result is no longer wanted.
      def cancelled?
        !@reason.nil?
      end

      # Whether the core has its result, its checkpoint, or the step itself again.
      def answered?
        @answered
      end

      # Takes the step back: its handler is told when it asks.
      def cancel(reason)
        @reason = reason.to_s unless cancelled?
      end

      # Tells the core that the handler is at work. False: it should stop.
      def heartbeat(details = nil)
        @worker.heartbeat(@token, details)
        !cancelled?
      rescue StepCancelledError, StaleTokenError => e
        cancel(e.details["reason"] || "cancelled")
        false
      rescue CoreError => e
        raise unless e.code == Native::Status::E_HANDLE # the worker has ended

        cancel("shutdown")
        false
      end

      # Hands over the result. False: the attempt was over already, and the result is dropped.
      #
      # A result that is no JSON, or that the core refuses, is replaced once by a failure that says so. If that is refused
      # as well the error is raised; the core then ends the attempt when its time is up.
      def complete(document, patience: PATIENCE)
        offer(document, patience: patience)
      rescue EncodeError, CoreError => e
        raise if e.is_a?(CoreError) && !REFUSED.include?(e.code)

        Logger.instance.error("the result of step #{document["step_uuid"] || event_id} cannot be handed over: #{e.message}")
        offer(SerializationFailure.document(document, e.message), patience: patience)
      end

      # Hands over the result as it is. False: the attempt was over already.
      #
      # Raises {EncodeError} when it is no JSON, and {CoreError} when the core refuses it or had no room for it in time. In
      # both cases the step can still be answered.
      def offer(document, patience: PATIENCE)
        raw = Native::Codec.dump(document)
        accepted { in_turn(patience) { |wait| @worker.complete(@token, raw, wait) } }
      end

      # Stores how far the step got; it comes back as another attempt. False: the attempt was over already.
      def checkpoint(data)
        raw = Native::Codec.dump(data)
        accepted { Native::Waiting.interruptible { @worker.checkpoint(@token, raw, CHECKPOINT_TIMEOUT) } }
      end

      # Gives the step back without using up an attempt.
      def release(reason)
        released = @worker.release(@token, reason)
        @answered ||= released
        released
      end

      private

      def accepted
        yield
        @answered = true
      rescue StaleTokenError => e
        @answered = true
        Logger.instance.warn("what attempt #{event_id} ended with came too late and is dropped: #{e.message}")
        false
      end

      # Calls again for as long as there is no room. The first call does not wait.
      def in_turn(patience)
        wait = 0.0
        begin
          yield wait
        rescue UnavailableError => e
          deadline ||= now + patience
          raise if e.code != Native::Status::E_BUSY || now >= deadline

          wait = ROOM_SLICE
          retry
        end
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
