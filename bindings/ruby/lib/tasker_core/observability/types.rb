# frozen_string_literal: true

require "tasker_core/types/names"
require "tasker_core/types/value"

module TaskerCore
  module Observability
    # What is told of a worker. What the core does not tell is nil.
    module Types
      Kinds = TaskerCore::Types::Kinds
      Value = TaskerCore::Types::Value
      private_constant :Kinds, :Value

      # A sign of life.
      class BasicHealth < Value
        attribute :status, Kinds::STRING
        attribute :worker_id, Kinds::STRING
        attribute :timestamp, Kinds::STRING
      end

      # The outcome of one check.
      class HealthCheck < Value
        attribute :status, Kinds::STRING
        attribute? :message, Kinds::STRING
        attribute? :duration_ms, Kinds::INTEGER
        attribute? :last_checked, Kinds::STRING
      end

      # What a worker runs on.
      class WorkerSystemInfo < Value
        attribute :version, Kinds::STRING
        attribute :environment, Kinds::STRING
        attribute :uptime_seconds, Kinds::INTEGER
        attribute :worker_type, Kinds::STRING
        attribute :database_pool_size, Kinds::INTEGER
        attribute :command_processor_active, Kinds::BOOL
        attribute :supported_namespaces, Kinds::STRINGS, default: -> { [] }
      end

      # Health, check by check.
      class DetailedHealth < Value
        attribute :status, Kinds::STRING
        attribute :timestamp, Kinds::STRING
        attribute :worker_id, Kinds::STRING
        attribute :checks, Kinds::HASH
        attribute :system_info, Kinds.instance(WorkerSystemInfo)
      end

      # The events that were passed on, by where they went.
      class EventRouterStats < Value
        attribute :total_routed, Kinds::INTEGER
        attribute :durable_routed, Kinds::INTEGER
        attribute :fast_routed, Kinds::INTEGER
        attribute :broadcast_routed, Kinds::INTEGER
        attribute :fast_delivery_errors, Kinds::INTEGER
        attribute :routing_errors, Kinds::INTEGER
      end

      # The events within this process. `rust_` stands for the core, under the name that it has always had here.
      class InProcessEventBusStats < Value
        attribute :total_events_dispatched, Kinds::INTEGER
        attribute :rust_handler_dispatches, Kinds::INTEGER
        attribute :ffi_channel_dispatches, Kinds::INTEGER
        attribute :rust_handler_errors, Kinds::INTEGER
        attribute :ffi_channel_drops, Kinds::INTEGER
        attribute :rust_subscriber_patterns, Kinds::INTEGER
        attribute :rust_handler_count, Kinds::INTEGER
        attribute :ffi_subscriber_count, Kinds::INTEGER
      end

      # The domain events of a worker.
      class DomainEventStats < Value
        attribute :router, Kinds.instance(EventRouterStats)
        attribute :in_process_bus, Kinds.instance(InProcessEventBusStats)
        attribute :captured_at, Kinds::STRING
        attribute :worker_id, Kinds::STRING
      end

      # The templates that are at hand.
      class CacheStats < Value
        attribute :total_entries, Kinds::INTEGER
        attribute? :hits, Kinds::INTEGER
        attribute? :misses, Kinds::INTEGER
        attribute? :evictions, Kinds::INTEGER
        attribute? :last_maintenance, Kinds::STRING
      end

      # What came of something that was done to the templates at hand.
      class CacheOperationResult < Value
        attribute :success, Kinds::BOOL
        attribute :message, Kinds::STRING
        attribute :timestamp, Kinds::STRING
      end

      # Whether a worker has the handlers of a template.
      class TemplateValidation < Value
        attribute :valid, Kinds::BOOL
        attribute :namespace, Kinds::STRING
        attribute :name, Kinds::STRING
        attribute :version, Kinds::STRING
        attribute :handler_count, Kinds::INTEGER
        attribute :issues, Kinds::STRINGS, default: -> { [] }
        attribute? :handler_metadata, Kinds::ANY
      end

      # What a configuration is of.
      class ConfigMetadata < Value
        attribute :timestamp, Kinds::STRING
        attribute :environment, Kinds::STRING
        attribute :version, Kinds::STRING
      end

      # How callers are known, without secrets.
      class SafeAuthConfig < Value
        attribute :enabled, Kinds::BOOL
        attribute? :verification_method, Kinds::STRING
        attribute? :jwt_issuer, Kinds::STRING
        attribute? :jwt_audience, Kinds::STRING
        attribute? :api_key_header, Kinds::STRING
        attribute? :api_key_count, Kinds::INTEGER
        attribute? :strict_validation, Kinds::BOOL
        attribute :allowed_algorithms, Kinds::STRINGS, default: -> { [] }
      end

      # What carries messages.
      class SafeMessagingConfig < Value
        attribute :backend, Kinds::STRING
        attribute :queues, Kinds::STRINGS, default: -> { [] }
      end

      # The configuration that a worker runs with. `settings` has its keys by their dotted names, without secrets.
      class RuntimeConfig < Value
        attribute :metadata, Kinds.instance(ConfigMetadata)
        attribute :worker_id, Kinds::STRING
        attribute :worker_type, Kinds::STRING
        attribute :auth, Kinds.instance(SafeAuthConfig)
        attribute :messaging, Kinds.instance(SafeMessagingConfig)
        attribute :settings, Kinds::HASH, default: -> { {} }
      end
    end
  end
end
