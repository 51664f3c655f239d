# frozen_string_literal: true

require "json"
require "tasker_core"
require "tasker_core/server/load"
require "tasker_core/server/options"
require "tasker_core/server/signals"

module TaskerCore
  # A worker as a program. `tasker-worker` is the same for several processes.
  #
  # SIGTERM and SIGINT let the handlers that run finish, a second one does not; SIGUSR1 logs the worker's status.
  module Server
    EXIT_OK = 0
    EXIT_CONFIG = 2
    EXIT_LIBRARY = 3
    EXIT_UNEXPECTED = 4

    # Names a pipe's descriptor, into which a line is written when steps are taken.
    READY = "TASKER_READY_FD"

    class << self
      # Runs a worker, as its arguments say. Returns an exit code.
      def main(arguments)
        serve(Options.new.parse(arguments))
      rescue OptionParser::ParseError => e
        warn("tasker-worker: #{e.message}")
        EXIT_CONFIG
      end

      # Runs a worker until a signal ends it. Returns an exit code.
      def serve(options)
        log_at(options.log_level)
        signals = Signals.watch
        begin
          worker = start(options)
        rescue LibraryLoadError => e
          return failed(e, EXIT_LIBRARY)
        rescue Errors::Error, LoadError, SyntaxError => e
          return failed(e, configured_wrongly?(e) ? EXIT_CONFIG : EXIT_UNEXPECTED)
        end
        Logger.instance.info("worker #{worker.worker_id} serves #{worker.handlers.size} handlers, #{worker.slots} steps at once")
        tell_ready
        wait_for_stop(signals, worker)
        stop(worker, signals, options.grace)
        EXIT_OK
      end

      # Loads handlers, and starts the worker.
      def start(options)
        Worker::Bootstrap.start!(workflows: Load.handlers(options.handlers), **options.start_options)
      end

      # Waits for a signal to stop, and answers those that ask for the status.
      def wait_for_stop(signals, worker)
        Logger.instance.info("status: #{JSON.generate(worker.status)}") while signals.pop == "USR1"
      end

      # Stops a worker. Another signal meanwhile ends the grace of its handlers.
      def stop(worker, signals, grace)
        Logger.instance.info("stopping; #{worker.in_flight} steps run")
        hurry = false
        watch = Thread.new do
          wait_for_stop(signals, worker)
          Logger.instance.warn("stopping at once")
          hurry = true
        end
        worker.shutdown!(grace: grace, hurry: -> { hurry })
        watch.kill
        Logger.instance.info("stopped")
      end

      def log_at(level)
        Logger.instance.backend.level = { "trace" => :debug }.fetch(level, level)
      end

      private

      # Tells whoever started this program, if they want to know.
      def tell_ready
        descriptor = ENV.delete(READY)
        IO.open(Integer(descriptor), "w") { |pipe| pipe.puts("ready") } if descriptor
      end

      def failed(error, code)
        Logger.instance.error(error.message)
        code
      end

      # Whether starting it again would lead to the same.
      def configured_wrongly?(error)
        return true unless error.is_a?(WorkerBootstrapError)

        error.cause.is_a?(CoreConfigError)
      end
    end
  end
end
