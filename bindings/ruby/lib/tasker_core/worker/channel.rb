# frozen_string_literal: true

require "tasker_core/domain_events/forwarding"
require "tasker_core/worker/poller"
require "tasker_core/worker/runner"

module TaskerCore
  module Worker
    # Polls the steps of a worker and has them run.
    class Channel
      attr_reader :runner, :poller

      def initialize(worker, subscriber, bridge)
        @worker = worker
        @forwarding = DomainEvents::Forwarding.new(worker)
        @runner = Runner.new(subscriber, worker.slots, bridge) { @poller.relieve }
        ready = @runner.method(:wait_for_room)
        @poller = Poller.new(worker, ready: ready, work: @runner.method(:work_off)) { |frame| on_frame(frame) }
      end

      def start
        @poller.start
        self
      end

      # Ends the threads, once the worker has ended.
      def close(timeout)
        @poller.stop unless @poller.join(timeout)
        @forwarding.close(timeout)
        @runner.close
      end

      private

      def on_frame(frame)
        case frame.type
        when Native::FrameType::STEP
          @runner.run(Attempt.new(@worker, frame.number, frame.id), frame.payload)
        when Native::FrameType::CANCEL
          @runner.cancel(frame.number, Native::Codec.load(frame.payload)["reason"] || "cancelled")
        when Native::FrameType::DOMAIN_EVENT
          forward(Native::Codec.load(frame.payload))
        when Native::FrameType::DROPPED
          Logger.instance.warn("the core dropped what was not polled in time: #{frame.payload}")
        end
      end

      # The thread that calls publishers is made here, and can be interrupted where it waits.
      def forward(event)
        Thread.handle_interrupt(Object => :on_blocking) { @forwarding.put(event) }
      end
    end
  end
end
