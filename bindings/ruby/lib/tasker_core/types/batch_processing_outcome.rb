# frozen_string_literal: true

require "tasker_core/indifferent_hash"
require "tasker_core/types/value"

module TaskerCore
  module Types
    # The batches that a batchable step makes.
    module BatchProcessingOutcome
      # There is nothing to do.
      class NoBatches < Value
        attribute :type, Kinds.one_of("no_batches"), default: "no_batches"

        def requires_batch_creation?
          false
        end
      end

      # One worker step for each range of positions.
      class CreateBatches < Value
        attribute :type, Kinds.one_of("create_batches"), default: "create_batches"
        attribute :worker_template_name, Kinds::STRING
        attribute :worker_count, Kinds::POSITIVE
        attribute :cursor_configs, Kinds.where(Kinds.list(Kinds::HASH), "a list of at least one Hash") { |list| !list.empty? }
        attribute :total_items, Kinds::COUNT

        def initialize(given)
          super
          return if worker_count == cursor_configs.size

          raise Errors::ValidationError.new(
            "worker_count is #{worker_count}, but there are #{cursor_configs.size} cursor_configs", field: "worker_count"
          )
        end

        def requires_batch_creation?
          true
        end
      end

      class << self
        def no_batches
          NoBatches.new
        end

        # Asks for one worker step for each range: `batch_id`, `start_cursor`, `end_cursor` and `batch_size`.
        def create_batches(worker_template_name:, worker_count:, cursor_configs:, total_items:)
          CreateBatches.new(
            worker_template_name: worker_template_name, worker_count: worker_count, cursor_configs: cursor_configs,
            total_items: total_items
          )
        end

        # Reads an outcome as it travels, alone or within a result; nil if there is none.
        def from_hash(hash)
          said = IndifferentHash.wrap(hash)
          return nil unless said.is_a?(Hash)

          said = said["batch_processing_outcome"] if said["batch_processing_outcome"].is_a?(Hash)
          case said["type"]
          when "no_batches" then no_batches
          when "create_batches" then CreateBatches.new(said)
          end
        end
      end
    end
  end
end
