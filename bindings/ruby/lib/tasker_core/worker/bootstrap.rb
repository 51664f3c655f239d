# frozen_string_literal: true

require "singleton"
require "tasker_core/worker/configuration"
require "tasker_core/worker/event_bridge"
require "tasker_core/worker/event_poller"
require "tasker_core/worker/runtime"
require "tasker_core/worker/shutdown"
require "tasker_core/worker/step_execution_subscriber"
require "tasker_core/worker/workflow_templates"

module TaskerCore
  module Worker
    # Starts and stops the worker of this process: the core, and everything around it that runs steps.
    #
    #     TaskerCore::Worker::Bootstrap.start!
    #     at_exit { TaskerCore::Worker::Bootstrap.instance.shutdown! }   # done for you; shown for what it does
    #
    # Nothing here touches signals, so that it can be used within any program; `tasker-worker` is a program of its own.
    class Bootstrap
      include Singleton

      # Seconds that handlers may take to finish when the worker is shut down, and when the program ends without that.
      GRACE = 30.0
      EXIT_GRACE = 2.0

      attr_reader :logger, :config, :handlers

      # Shuts down the worker of this process and forgets it, for tests.
      def self.reset_instance!
        instance.shutdown!(grace: EXIT_GRACE)
        Singleton.__init__(self)
      end

      # Starts the worker of this process, and returns it. Takes what {Configuration} takes.
      def self.start!(**options)
        instance.start!(**options)
      end

      def initialize
        @logger = Logger.instance
        @lock = Mutex.new
        @hooks = []
        @handlers = []
        @process = nil
        @worker = nil
      end

      # Starts the worker. Harmless when it runs already.
      #
      # @param workflows classes of {Workflow} whose templates are registered, and whose steps are run
      # @param registry the handlers; by default those that were registered in this process
      # @param only names of the handlers to serve; others are left to other workers. None: all
      # @raise [WorkerBootstrapError] the core did not start; the message says why
      # @raise [Errors::ConfigurationError] `only` names a handler that is not there
      # @raise [ForkedError] the core was started before this process was forked
      def start!(workflows: [], registry: Registry::HandlerRegistry.instance, only: [], **options)
        raise Native.forked_error if @worker && !here?

        @lock.synchronize do
          begin_with(Configuration.new(**options), workflows, registry, only) unless running?
        end
        self
      end

      # Whether this process has a worker that takes steps. False in a process that was forked from the worker's.
      def running?
        here? && !@worker.nil? && Runtime.current.equal?(@worker)
      end

      # Whether the core itself answers.
      def rust_handle_running?
        running? && %w[running draining].include?(@worker.status["state"])
      rescue CoreError
        false
      end

      # The core's worker, or nil.
      def rust_handle
        @worker if running?
      end

      # Calls a block with the core's worker, and returns what it returns.
      def with_rust_handle
        yield Runtime.require!
      end

      # The worker's name in logs and results; empty without a worker.
      def worker_id
        running? ? @worker.name : ""
      end

      # How many steps it runs at once.
      def slots
        running? ? @worker.slots : 0
      end

      # How many steps it runs now.
      def in_flight
        EventPoller.instance.runner&.in_flight || 0
      end

      # What the worker is doing, asking nobody else.
      def status
        {
          running: running?, process: Process.pid, worker_id: worker_id, slots: slots, in_flight: in_flight,
          handlers: handlers, core: running? ? @worker.status : { "state" => "stopped" }
        }
      end

      # The worker's health, as it and the database see it.
      def health_check
        return { healthy: false, status: "unhealthy", error: "no worker runs in this process" } unless running?

        health = @worker.call("health.detailed")
        { healthy: health["status"] == "healthy", status: health["status"], checks: health["checks"] }
      rescue CoreError => e
        { healthy: false, status: "unhealthy", error: e.message }
      end

      # Has a block called when the worker has shut down.
      def on_shutdown(&block)
        @hooks << block
        nil
      end

      # Stops: takes no further steps, lets handlers finish, and stores their results. Harmless when nothing runs.
      #
      # Steps whose handlers still run after `grace` seconds are told that they are cancelled, and a second later given back,
      # to run again elsewhere without having used up an attempt. `hurry` is asked now and then; true ends the grace.
      #
      # In a handler of `trap`, where nothing may wait, another thread does this.
      def shutdown!(grace: GRACE, hurry: nil)
        return Thread.new { shutdown!(grace: grace, hurry: hurry) } && nil if Native.in_trap?

        @lock.synchronize { stop(grace, hurry) if running? }
        nil
      end

      private

      def here?
        @process == Process.pid
      end

      def begin_with(configuration, workflows, registry, only)
        @config = configuration
        publishers = DomainEvents::PublisherRegistry.instance
        WorkflowTemplates.of(workflows, registry) do |folders|
          @handlers = chosen(registry.served_handlers, only)
          logger.warn("no handlers are registered: this worker will run no steps") if @handlers.empty?
          document = configuration.document(@handlers, folders, publishers: publishers.custom_names)
          Runtime.start(document) || raise(WorkerBootstrapError, "a worker runs already")
        end
        publishers.freeze!
        run(Runtime.require!, registry)
      end

      def chosen(served, only)
        unknown = only.find { |name| !served.include?(name) }
        return only.empty? ? served : only.sort unless unknown

        raise Errors::ConfigurationError,
              "there is no handler #{unknown.inspect} to serve alone; there are #{served.empty? ? "none" : served.join(", ")}"
      end

      def run(worker, registry)
        stop_at_exit
        @process = Process.pid
        @worker = worker
        EventBridge.instance.start!
        EventPoller.instance.start!(
          subscriber: StepExecutionSubscriber.new(handler_registry: registry, worker_id: worker.name)
        )
      rescue Exception # rubocop:disable Lint/RescueException -- whatever ends the start, nothing is left
        stop(0.0, nil)
        raise
      end

      def stop(grace, hurry)
        Shutdown.new(@worker, EventPoller.instance.runner).run(grace, hurry)
      ensure
        @worker = nil
        DomainEvents::PublisherRegistry.instance.unfreeze!
        call_hooks
      end

      def call_hooks
        @hooks.each do |hook|
          hook.call
        rescue StandardError => e
          logger.error("a hook of the shutdown failed: #{e.full_message(highlight: false)}")
        end
      end

      # Leaves no lease behind, also when nobody shuts the worker down.
      def stop_at_exit
        return if @at_exit

        @at_exit = true
        at_exit do
          if running?
            logger.info("the program ends; stopping the worker")
            shutdown!(grace: EXIT_GRACE)
          end
        end
      end
    end

    class << self
      # Starts the worker of this process. With a block, it runs for as long as the block does.
      #
      #     TaskerCore::Worker.start(workflows: [OrderWorkflow]) { sleep }
      def start(**options)
        worker = Bootstrap.start!(**options)
        return worker unless block_given?

        begin
          yield worker
        ensure
          worker.shutdown!
        end
      end
    end
  end
end
