# frozen_string_literal: true

require "securerandom"
require "tasker_core/types/names"
require "tasker_core/types/value"

module TaskerCore
  module Types
    # Requests for tasks, and what comes of them.
    module TaskTypes
      # A task that is wanted.
      class TaskRequest < Value
        attribute :namespace, Kinds::TEXT
        attribute :name, Kinds::TEXT
        attribute :version, Kinds::TEXT, default: "1.0.0"
        attribute :status, Kinds::TEXT, default: "PENDING"
        attribute :initiator, Kinds::TEXT
        attribute :source_system, Kinds::TEXT
        attribute :reason, Kinds::TEXT
        attribute :complete, Kinds::BOOL, default: false
        attribute :tags, Kinds::STRINGS, default: -> { [] }
        attribute :context, Kinds::OBJECT
        attribute? :priority, Priority
        attribute? :claim_timeout_seconds, Kinds::POSITIVE
        attribute? :max_retries, Kinds::COUNT
        attribute? :timeout_seconds, Kinds::POSITIVE
        attribute? :parent_task_uuid, Kinds::STRING
        attribute? :correlation_id, Kinds::TEXT
        # When it was asked for.
        attribute? :requested_at, Kinds::TEXT

        CREATED_BY = %i[namespace name version initiator source_system reason tags context priority correlation_id
                        requested_at].freeze
        private_constant :CREATED_BY

        # A request for tests, with everything that such a one needs.
        def self.build_test(namespace:, name:, context:, **options)
          new(
            namespace: namespace, name: name, context: context, initiator: "test", source_system: "test", reason: "test",
            correlation_id: SecureRandom.uuid, **options
          )
        end

        # Whether a task can be made of it.
        def valid_for_creation?
          [namespace, name, version, initiator, source_system, reason].none?(&:empty?)
        end

        # What `client.create_task` takes.
        def to_ffi_hash
          to_h.slice(*CREATED_BY).compact
        end

        def to_s
          "#<#{self.class} #{namespace}/#{name} #{version}>"
        end
        alias inspect to_s
      end

      # A task that was made.
      class TaskResponse < Value
        attribute :task_uuid, Kinds::STRING
        attribute :status, Kinds::TEXT
        attribute :workflow_steps, Kinds.list(Kinds::HASH), default: -> { [] }
        attribute? :created_at, Kinds::ANY
        attribute? :estimated_completion, Kinds::ANY
        attribute? :metadata, Kinds::HASH

        def to_s
          "#<#{self.class} #{task_uuid} #{status}>"
        end
      end
    end
  end
end
