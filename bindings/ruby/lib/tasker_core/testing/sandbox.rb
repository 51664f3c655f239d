# frozen_string_literal: true

require "tmpdir"
require "fileutils"
require "tasker_core/testing/task_run"

module TaskerCore
  module Testing
    # A worker in this process, with a private PostgreSQL in a folder that goes away with it.
    #
    # Starting takes a second or two, so tests share one. As there is one worker per process, there is one sandbox.
    class Sandbox
      CLOSE_GRACE = 5.0
      private_constant :CLOSE_GRACE

      attr_reader :client

      # Opens a sandbox for as long as a block runs.
      def self.open(**options)
        sandbox = new(**options).start
        yield sandbox
      ensure
        sandbox&.stop
      end

      # Describes a sandbox; {#start} opens it.
      #
      # @param templates folders and files of templates
      # @param workflows classes of workflows
      # @param settings keys of the configuration, such as `"database.url"` for a database that is there already
      # @param data_dir keep the private PostgreSQL here, which makes the next start faster
      # @param options what {Worker::Bootstrap.start!} takes
      def initialize(templates: [], workflows: [], settings: {}, data_dir: nil, **options)
        @options = { workflows: workflows, templates: templates, log_level: "warn", **options }
        @settings = settings.transform_keys(&:to_s)
        @data_dir = data_dir
        @client = Client.new(initiator: "tasker_core.testing", source_system: "test")
      end

      def start
        settings = @settings
        unless settings["database.url"]
          settings = settings.merge("database.url" => "", "database.data_dir" => @data_dir || temporary_folder)
        end
        Worker::Bootstrap.start!(settings: settings, **@options)
        self
      rescue StandardError
        remove_folder
        raise
      end

      # Closes it, and removes its database.
      def stop
        worker.shutdown!(grace: CLOSE_GRACE)
        remove_folder
      end

      # The worker in it.
      def worker
        Worker::Bootstrap.instance
      end

      # Creates a task and waits until it has ended, or is blocked by failures. Takes what {Client#create_task} takes.
      def run(name, timeout: 30.0, **options)
        wait(client.create_task(name: name, **options).task_uuid, timeout: timeout)
      end

      # Waits for a task that was created before.
      def wait(task_uuid, timeout: 30.0)
        task = client.wait_for_task(task_uuid, timeout: timeout)
        TaskRun.new(task, client.list_task_steps(task_uuid).to_h { |step| [step.name, step] })
      end

      private

      def temporary_folder
        @temporary = Dir.mktmpdir("tasker-test-")
        File.chmod(0o755, @temporary) # PostgreSQL refuses to run as root: another user may have to get there
        File.join(@temporary, "pg")
      end

      def remove_folder
        FileUtils.rm_rf(@temporary) if @temporary
        @temporary = nil
      end
    end
  end
end
