# frozen_string_literal: true

require "socket"

module TaskerCore
  module Execution
    # Who makes an attempt, and when.
    class Stamp
      HOSTNAME = Socket.gethostname
      MOMENT = "%Y-%m-%dT%H:%M:%S.%6NZ"
      private_constant :HOSTNAME, :MOMENT

      attr_reader :step_uuid

      # Takes the time.
      def initialize(step_uuid, worker_id)
        @step_uuid = step_uuid
        @worker_id = worker_id
        @started_at = Time.now.utc
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
          "started_at" => @started_at.strftime(MOMENT),
          "completed_at" => Time.now.utc.strftime(MOMENT),
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
