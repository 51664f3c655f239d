# frozen_string_literal: true

module TaskerCore
  module Execution
    # Who makes an attempt, and how long it takes. What else there is to tell of it the core knows.
    class Stamp
      attr_reader :step_uuid

      # Takes the time.
      def initialize(step_uuid, worker_id)
        @step_uuid = step_uuid
        @worker_id = worker_id
        @began = now
        @version = nil
      end

      # Tells whose version is kept with the result.
      def handler=(handler)
        kind = handler.respond_to?(:unwrap) ? handler.unwrap.class : handler.class
        @version = kind.handler_version if kind.respond_to?(:handler_version)
      end

      # What every result tells.
      def metadata
        told = { "execution_time_ms" => (now - @began).round }
        told["worker_id"] = @worker_id unless @worker_id.to_s.empty?
        told["handler_version"] = @version unless @version.to_s.empty?
        told
      end

      private

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC, :float_millisecond)
      end
    end
  end
end
