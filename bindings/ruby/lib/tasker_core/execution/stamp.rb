# frozen_string_literal: true

require "socket"
require "tasker_core/execution/moment"

module TaskerCore
  module Execution
    # Who makes an attempt, and when.
    class Stamp
      HOSTNAME = Socket.gethostname
      private_constant :HOSTNAME

      attr_reader :step_uuid

      # Takes the time.
      def initialize(step_uuid, worker_id)
        @step_uuid = step_uuid
        @worker_id = worker_id
        @started_at = Moment.now
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
        told = {
          "execution_time_ms" => ((now - @began) * 1000).round,
          "started_at" => Moment.text(@started_at),
          "completed_at" => Moment.text(Moment.now),
          "worker_hostname" => HOSTNAME
        }
        told["worker_id"] = @worker_id unless @worker_id.to_s.empty?
        told["handler_version"] = @version unless @version.to_s.empty?
        told
      end

      private

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
