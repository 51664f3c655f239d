# frozen_string_literal: true

module TaskerCore
  module Worker
    # How a worker is started. Everything has a default: what is left out is left to files and environment.
    class Configuration
      SLOTS = "worker.mpsc_channels.handler_dispatch.max_concurrent_handlers"
      TEMPLATES = "task_templates.search_paths"
      DEFAULT_FOLDER = "config/tasks"
      ROLES = %w[full worker].freeze
      private_constant :SLOTS, :DEFAULT_FOLDER, :ROLES

      attr_reader :settings, :role, :files, :domain_events

      # @param settings keys of the configuration by their dotted names, such as `"database.url"`
      # @param role `"full"` does a server's work as well; `"worker"` leaves queued results to servers
      # @param files TOML files, read after `config/tasker`
      # @param domain_events patterns of events that are delivered to this process
      # @param concurrency how many steps run at once; 10 unless configured otherwise
      # @param worker_id the worker's name in logs and results
      # @param namespaces run only steps of these
      # @param templates folders and files of templates to register
      # @param log_level the least that the core logs: trace, debug, info, warn or error
      def initialize(settings: {}, role: "full", files: [], domain_events: [], concurrency: nil, worker_id: nil,
                     namespaces: nil, templates: nil, log_level: nil)
        raise ArgumentError, "role: #{role.inspect} is neither full nor worker" unless ROLES.include?(role.to_s)

        @role = role.to_s
        @files = Array(files).map(&:to_s)
        @domain_events = Array(domain_events).map(&:to_s)
        @settings = {
          SLOTS => concurrency, "worker.worker_id" => worker_id, "worker.namespaces" => namespaces && Array(namespaces),
          TEMPLATES => templates && Array(templates).map { |path| File.expand_path(path) },
          "telemetry.log_level" => log_level&.to_s
        }.compact.merge(settings.transform_keys(&:to_s))
      end

      # The folders of templates that the core searches: those in the settings or in TASKER_TEMPLATE_PATH, or `config/tasks`.
      def template_paths
        named = settings[TEMPLATES]
        return Array(named) if named

        from_environment = ENV.fetch("TASKER_TEMPLATE_PATH", "")
        return from_environment.split(",") unless from_environment.empty?

        File.directory?(DEFAULT_FOLDER) ? [DEFAULT_FOLDER] : []
      end

      # As the library takes it.
      def document(handlers, more_templates = [], publishers: [])
        searched = more_templates.empty? ? {} : { TEMPLATES => template_paths + more_templates }
        document = { "settings" => settings.merge(searched), "role" => role, "handlers" => handlers.map(&:to_s) }
        document["files"] = files unless files.empty?
        document["domain_events"] = domain_events unless domain_events.empty?
        document["publishers"] = publishers unless publishers.empty?
        document
      end
    end
  end
end
