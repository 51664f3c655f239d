# frozen_string_literal: true

require "tasker_core/indifferent_hash"

module TaskerCore
  module Models
    # The handler that a step names.
    class HandlerWrapper
      attr_reader :callable, :initialization, :handler_method, :resolver

      # Reads the `handler` of a step definition.
      def initialize(handler_data)
        data = IndifferentHash.wrap(handler_data || {})
        @callable = data["callable"] || ""
        @initialization = data["initialization"] || IndifferentHash.new
        @handler_method = data["method"] || data["handler_method"]
        @resolver = data["resolver"]
      end
    end
  end
end
