# frozen_string_literal: true

require "tasker_core/indifferent_hash"

module TaskerCore
  module Models
    # The handler that a step names.
    class HandlerWrapper
      attr_reader :callable, :handler_method, :resolver

      # Reads the `handler` of a step definition.
      def initialize(handler_data)
        @callable = IndifferentHash.read(handler_data, "callable") || ""
        @told = IndifferentHash.read(handler_data, "initialization") || {}
        @handler_method = IndifferentHash.read(handler_data, "method") || IndifferentHash.read(handler_data, "handler_method")
        @resolver = IndifferentHash.read(handler_data, "resolver")
      end

      # Configuration for it.
      def initialization
        @initialization ||= IndifferentHash.wrap(@told)
      end
    end
  end
end
