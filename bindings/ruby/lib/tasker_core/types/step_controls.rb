# frozen_string_literal: true

module TaskerCore
  module Types
    # How a running handler reaches the worker. Without a worker, as in unit tests, a step is never cancelled.
    class StepControls
      # `cancelled` is called without arguments, `heartbeat` with details or nil; that one answers false when the step is no
      # longer this attempt's.
      def initialize(cancelled: -> { false }, heartbeat: ->(_details) { true })
        @cancelled = cancelled
        @heartbeat = heartbeat
      end

      def cancelled?
        @cancelled.call ? true : false
      end

      def heartbeat(details = nil)
        @heartbeat.call(details) ? true : false
      end

      # Where there is no worker.
      NONE = new.freeze
    end
  end
end
