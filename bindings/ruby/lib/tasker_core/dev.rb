# frozen_string_literal: true

require "fileutils"
require "json"
require "tmpdir"
require "tasker_core/server"
require "tasker_core/dev/follower"

module TaskerCore
  # Everything in one process, to try handlers out: a private PostgreSQL, the orchestration and a worker.
  #
  #     tasker-dev handlers.rb --templates config/tasks
  #     tasker-dev handlers.rb --run orders/checkout --context '{"cart": [1]}'
  #
  # The first runs until Ctrl-C, the second runs one task, shows how it goes, and exits with 0 if it completes. With `--fresh`
  # templates may have changed since the last time. {TaskerCore.dev} is the same within a program.
  module Dev
    # What the command line says beside what every worker is told.
    Wishes = Struct.new(:fresh, :run, :context, :timeout)

    class << self
      # The command `tasker-dev`. Returns an exit code.
      def main(arguments)
        wishes = Wishes.new(false, nil, "{}", 300.0)
        options = Server::Options.new
        options.log_level = "warn"
        options.parse(arguments, program: "tasker-dev [HANDLERS...]") { |parser| add(parser, wishes) }
        options.handlers.concat(options.rest)
        Server.log_at(options.log_level)
        in_database(wishes.fresh) do |settings|
          options.settings.merge!(settings)
          serve(options, wishes)
        end
      rescue OptionParser::ParseError, JSON::ParserError => e
        warn("tasker-dev: #{e.message}")
        Server::EXIT_CONFIG
      end

      # Runs a block beside a worker that does everything in this process, on a private PostgreSQL unless the environment or
      # the settings name another one. Takes what {Worker::Bootstrap.start!} takes; `fresh` is for an empty database. Without
      # a block it runs until Ctrl-C. It is {TaskerCore.dev}.
      #
      #     TaskerCore.dev(workflows: [OrderWorkflow]) { OrderWorkflow.perform_async(items: []).wait }
      def within(fresh: false, settings: {}, **options, &block)
        block ||= ->(_worker) { wait_for_interrupt }
        in_database(fresh) do |private_database|
          Worker.start(settings: private_database.merge(settings.transform_keys(&:to_s)), **options, &block)
        end
      end

      # Yields the settings of an empty database, which goes away in the end.
      def in_database(fresh)
        return yield({}) unless fresh

        Dir.mktmpdir("tasker-dev-") do |folder|
          File.chmod(0o755, folder) # PostgreSQL refuses to run as root: another user may have to get there
          yield({ "database.url" => "", "database.data_dir" => File.join(folder, "pg") })
        end
      end

      private

      def wait_for_interrupt
        sleep
      rescue Interrupt
        nil
      end

      def add(parser, wishes)
        parser.on("--fresh", "begin with an empty database, and remove it in the end") { wishes.fresh = true }
        parser.on("--run NAMESPACE/NAME[@VERSION]", "run one task of this template, and exit") { |value| wishes.run = value }
        parser.on("--context JSON", "what the task is given") { |value| wishes.context = value }
        parser.on("--timeout S", Float, "how long the task may take (default: 300)") { |value| wishes.timeout = value }
      end

      def serve(options, wishes)
        signals = Server::Signals.watch
        worker = Server.start(options)
        begin
          introduce(worker)
          return run(wishes) if wishes.run

          puts "ready; Ctrl-C stops it"
          $stdout.flush
          Server.wait_for_stop(signals, worker)
          Server::EXIT_OK
        ensure
          Server.stop(worker, signals, options.grace)
        end
      rescue Errors::Error, LoadError => e
        warn("error: #{e.message}")
        warn("or add --fresh, to begin with an empty database each time") if e.message.include?("registered with other content")
        Server::EXIT_CONFIG
      end

      # Says what is here, and what is missing.
      def introduce(worker)
        private_database = worker.status.dig(:core, "core", "embedded_database")
        database = private_database ? "a private PostgreSQL" : "the PostgreSQL of DATABASE_URL"
        puts "worker #{worker.worker_id} on #{database}, #{worker.slots} steps at once"
        puts "handlers: #{worker.handlers.empty? ? "none" : worker.handlers.join(", ")}"
        Client.call("templates.list")["templates"].each do |template|
          name = template.slice("namespace", "name", "version")
          puts "template #{name["namespace"]}/#{name["name"]} #{name["version"]}"
          Client.call("templates.validate", name)["errors"].each { |problem| puts "  #{problem}" }
        end
      end

      def run(wishes)
        path, version = wishes.run.split("@", 2)
        namespace, name = path.split("/", 2)
        raise Errors::ConfigurationError, "--run #{wishes.run}: write NAMESPACE/NAME, as in the list above" unless name

        task = Client.create_task(
          name: name, namespace: namespace, version: version || "1.0.0", context: JSON.parse(wishes.context),
          initiator: "tasker-dev", reason: "tried out"
        )
        Follower.new(task.task_uuid, wishes.timeout).follow == "complete" ? 0 : 1
      end
    end
  end
end
