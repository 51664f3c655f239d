# frozen_string_literal: true

require "tasker_core/indifferent_hash"

module TaskerCore
  module Models
    # The handler that a step names.
    class HandlerWrapper
      attr_reader :callable, :handler_method, :resolver

      # Reads the `handler` of a step definition.
      def initialize(handler_data)
        data = IndifferentHash.with_strings(handler_data)
        @callable = data["callable"] || ""
        @told = data["initialization"] || {}
        @handler_method = data["method"] || data["handler_method"]
        @resolver = data["resolver"]
      end

      # Configuration for it.
      def initialization
        @initialization ||= IndifferentHash.wrap(@told)
      end
    end
  end
end
