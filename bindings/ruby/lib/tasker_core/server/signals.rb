# frozen_string_literal: true

module TaskerCore
  module Server
    # Signals as a queue. Programs may do that; a library leaves signals alone.
    module Signals
      # Names a pipe's descriptor. When its other end closes, whoever started this program has died, and it stops.
      LIFELINE = "TASKER_LIFELINE_FD"

      # Has signals put into a queue instead of ending the program, and returns the queue. Nothing else happens in the
      # handlers of trap, where nothing may wait.
      def self.watch
        queue = Thread::Queue.new
        %w[TERM INT USR1].each { |name| trap(name) { queue << name } }
        descriptor = ENV.delete(LIFELINE)
        watch_lifeline(Integer(descriptor), queue) if descriptor
        queue
      end

      def self.watch_lifeline(descriptor, queue)
        pipe = IO.for_fd(descriptor, "r")
        pipe.close_on_exec = true
        Thread.new do
          pipe.read
          Logger.instance.warn("the supervisor has died; stopping")
          queue << "TERM"
        end
      end
      private_class_method :watch_lifeline
    end
  end
end
