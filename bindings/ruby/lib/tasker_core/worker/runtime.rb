# frozen_string_literal: true

require "tasker_core/native/log_drain"
require "tasker_core/native/worker"

module TaskerCore
  module Worker
    # The core's worker of this process: there is one at most, and everything that needs it finds it here.
    module Runtime
      # Seconds that the core may take to store what was completed, when it stops.
      FINISH = 10.0

      @lock = Mutex.new
      @worker = nil
      @process = nil
      @summary = nil

      class << self
        # Starts the worker, with a document of {Configuration}. False: it runs already.
        #
        # Raises {WorkerBootstrapError} when it did not start; nothing is left running then.
        def start(document)
          raise Native.forked_error if @worker && @process != Process.pid

          @lock.synchronize do
            next false if @worker

            @worker = opened(document)
            @process = Process.pid
            true
          end
        end

        # The worker, if this process has one.
        def current
          @worker if @process == Process.pid
        end

        # The worker, or an error that tells how to get one.
        def require!
          worker = @worker
          unless worker
            raise WorkerNotInitializedError,
                  "no worker runs in this process; start one with TaskerCore::Worker::Bootstrap.start!"
          end
          raise Native.forked_error if @process != Process.pid

          worker
        end

        # Ends the worker, and returns what it did. Steps that nobody gave back are run again elsewhere. The block is called
        # when it has stopped, to end whatever polls it: its descriptor is closed after that.
        def end(finish = FINISH)
          @lock.synchronize do
            worker = require!
            begin
              stopped, summary = worker.stop(finish)
              Logger.instance.warn("the worker stopped with steps still out; they run again: #{summary}") unless stopped
              summary
            ensure
              yield if block_given?
              worker.free
              @worker = nil
              Native::LogDrain.flush
            end
          end
        end

        private

        def opened(document)
          Native::LogDrain.start
          worker = Native::Worker.new(document)
          begin
            worker.start
          rescue Exception # rubocop:disable Lint/RescueException -- whatever ends the start, nothing is left
            worker.free
            raise
          end
          worker
        rescue ForkedError, LibraryLoadError
          raise
        rescue CoreError => e
          Native::LogDrain.flush
          raise WorkerBootstrapError, "the worker did not start: #{e.message}"
        end
      end
    end
  end
end
