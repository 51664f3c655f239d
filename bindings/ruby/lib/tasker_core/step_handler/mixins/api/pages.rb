# frozen_string_literal: true

module TaskerCore
  module StepHandler
    module Mixins
      module API
        # Lists that come page by page.
        module Pages
          # How many items are asked for at once.
          SIZE = 100
          ITEMS = %w[data items results].freeze
          BELOW = %w[pagination meta].freeze
          private_constant :ITEMS, :BELOW

          class << self
            # Calls the block with the place of each page, nil for the first, and returns the items of all pages.
            def collect(key, max_pages)
              items = []
              place = nil
              max_pages.times do
                page = yield(place)
                items.concat(items_of(page))
                place = next_place(page, key)
                break if place.nil? || place == ""
              end
              items
            end

            private

            def items_of(page)
              case page
              when Array then page
              when Hash then Array(page.values_at(*ITEMS).compact.first)
              else []
              end
            end

            def next_place(page, key)
              return nil unless page.is_a?(Hash)

              [page, *page.values_at(*BELOW).grep(Hash)].each do |told|
                place = told["next_#{key}"] || told[key]
                return place if place
              end
              nil
            end
          end
        end
      end
    end
  end
end
