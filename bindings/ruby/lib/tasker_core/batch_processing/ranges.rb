# frozen_string_literal: true

require "tasker_core/errors/tree"

module TaskerCore
  module BatchProcessing
    # Dividing positions into ranges. Positions count from 0; a range ends before its `end_cursor`.
    module Ranges
      class << self
        # Divides `total` items into ranges of `size`; the last is what remains.
        def of_size(total, size)
          whole(total, 0, "total_items")
          whole(size, 1, "batch_size")
          (0...total).step(size).each_with_index.map { |first, index| config(index, first, [first + size, total].min) }
        end

        # Divides `total` items evenly; what remains goes to the first workers. No worker is left without items.
        def for_workers(total, workers)
          whole(total, 0, "total_items")
          whole(workers, 1, "worker_count")
          workers = [workers, total].min
          first = 0
          Array.new(workers) do |index|
            last = first + (total / workers) + (index < total % workers ? 1 : 0)
            made = config(index, first, last)
            first = last
            made
          end
        end

        private

        def config(index, first, last)
          { batch_id: format("%03<number>d", number: index + 1), start_cursor: first, end_cursor: last, batch_size: last - first }
        end

        def whole(value, least, name)
          return if value.is_a?(Integer) && value >= least

          raise Errors::ValidationError.new("#{name} must be a whole number from #{least}, and is #{value.inspect}", field: name)
        end
      end
    end
  end
end
