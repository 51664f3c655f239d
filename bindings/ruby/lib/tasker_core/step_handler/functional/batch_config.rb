# frozen_string_literal: true

module TaskerCore
  module StepHandler
    module Functional
      # What the block of a batch analyzer returns: how many items there are, and how many a batch holds. `metadata` is part of
      # the step's result.
      class BatchConfig
        attr_reader :total_items, :batch_size, :metadata

        def initialize(total_items:, batch_size:, metadata: {})
          @total_items = total_items
          @batch_size = batch_size
          @metadata = metadata || {}
        end
      end
    end
  end
end
