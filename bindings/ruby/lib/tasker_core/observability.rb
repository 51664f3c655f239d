# frozen_string_literal: true

require "time"
require "tasker_core/indifferent_hash"
require "tasker_core/observability/settings"
require "tasker_core/observability/types"

module TaskerCore
  # Health, counters and configuration of the worker of this process. Without one, all but the questions `ready?` and `alive?`
  # raise WorkerNotInitializedError.
  module Observability
    WORKER_TYPE = "ruby"
    GOOD = %w[healthy ready alive ok].freeze
    private_constant :WORKER_TYPE, :GOOD

    class << self
      def health_basic
        Types::BasicHealth.new(ask("health.basic"))
      end

      # Whether the worker is alive, as a sign of life.
      def health_live
        Types::BasicHealth.new({ "worker_id" => ask("health.basic")["worker_id"], **ask("health.live") })
      end

      # Whether the worker can take work, with what that depends on.
      def health_ready
        ready = ask("health.ready")
        detailed(ready, ready["checks"].transform_values { |check| Types::HealthCheck.new(check) })
      end

      # What the worker and the database say of themselves.
      def health_detailed
        health = ask("health.detailed")
        detailed(health, health["checks"].transform_values { |check| check_of(check) })
      end

      # Whether the worker can take work; false also if it cannot be asked.
      def ready?
        GOOD.include?(ask("health.ready")["status"])
      rescue StandardError
        false
      end

      # Whether the worker is alive; false also if it cannot be asked.
      def alive?
        GOOD.include?(ask("health.live")["status"])
      rescue StandardError
        false
      end

      # The worker's counters: `worker`, `ffi_dispatch` and `domain_events`.
      def metrics_worker
        ask("metrics.worker")
      end

      # What became of domain events.
      def event_stats
        metrics = ask("metrics.worker")
        Types::DomainEventStats.new(
          **metrics["domain_events"].slice("router", "in_process_bus").symbolize_keys,
          captured_at: Time.now.utc.iso8601(6), worker_id: metrics["worker"]["worker_id"]
        )
      end

      # The worker's counters in Prometheus' text format, for an endpoint of the application.
      def prometheus_metrics
        ask("metrics.prometheus")["text"]
      end

      # The templates that are registered: `namespaces`, `templates` and `total_count`.
      def templates_list(include_cache_stats: false)
        list = ask("templates.list")
        include_cache_stats ? list.merge(cache_stats: cache_stats_of(list).to_h) : list
      end

      def template_get(namespace:, name:, version:)
        ask("templates.get", namespace: namespace, name: name, version: version)
      end

      # Whether this worker has the handlers of a template.
      def template_validate(namespace:, name:, version:)
        wanted = { namespace: namespace, name: name, version: version }
        answer = ask("templates.validate", wanted)
        handlers = answer["step_handlers"]
        Types::TemplateValidation.new(
          **wanted, valid: answer["valid"], issues: answer["errors"], handler_count: handlers.size, handler_metadata: handlers
        )
      end

      # How many templates there are. How they are cached is the core's own business.
      def cache_stats
        cache_stats_of(ask("templates.list"))
      end

      # The configuration that the worker runs with.
      def config
        told = ask("config.runtime")
        settings = Settings.read(told["toml"])
        Types::RuntimeConfig.new(
          metadata: { timestamp: Time.now.utc.iso8601(6), environment: told["environment"], version: told["version"] },
          worker_id: ask("health.basic")["worker_id"], worker_type: WORKER_TYPE, settings: settings,
          auth: { enabled: settings["web.insecure_allow_unauthenticated"] != true },
          messaging: { backend: "postgresql", queues: namespaces(settings).map { |name| "worker_#{name}_queue" } }
        )
      end

      # The environment that the worker runs in, such as `development`.
      def environment
        ask("config.environment")["environment"]
      end

      private

      def ask(method, params = {})
        IndifferentHash.wrap(Worker::Runtime.require!.call(method, params))
      end

      def detailed(health, checks)
        basic = ask("health.basic")
        Types::DetailedHealth.new(
          status: health["status"], timestamp: health["timestamp"], worker_id: basic["worker_id"], checks: checks,
          system_info: system_info
        )
      end

      # A check is told as a word, or as an object of its own.
      def check_of(check)
        return Types::HealthCheck.new(status: check.to_s) unless check.is_a?(Hash)

        Types::HealthCheck.new(status: check["status"] || check["state"] || "healthy")
      end

      def system_info
        info = ask("health.ready")["info"]
        worker = ask("metrics.worker")["worker"]
        {
          version: info["version"], environment: info["environment"], uptime_seconds: worker["uptime_seconds"],
          worker_type: WORKER_TYPE, command_processor_active: worker["status"] == "healthy",
          database_pool_size: info["web_database_pool_size"] + info["orchestration_database_pool_size"],
          supported_namespaces: namespaces(Settings.read(ask("config.runtime")["toml"]))
        }
      end

      def namespaces(settings)
        settings.fetch("worker.namespaces", [])
      end

      def cache_stats_of(list)
        Types::CacheStats.new(total_entries: list["total_count"])
      end
    end
  end
end
