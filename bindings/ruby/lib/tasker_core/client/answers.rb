# frozen_string_literal: true

require "tasker_core/types"

module TaskerCore
  class Client
    # What clients are answered, as objects.
    module Answers
      # Makes an object of a class of an answer, and an array of objects of an array.
      def wrap_response(raw, type_class)
        return raw.map { |item| wrap_response(item, type_class) } if raw.is_a?(Array)

        type_class.new(**deep_to_hash(raw).transform_keys(&:to_sym))
      end

      # A value in which everything that can be a Hash is one.
      def deep_to_hash(obj)
        case obj
        when Hash then obj.transform_values { |value| deep_to_hash(value) }
        when Array then obj.map { |value| deep_to_hash(value) }
        when nil, String, Symbol, Numeric, true, false then obj
        else obj.respond_to?(:to_h) ? deep_to_hash(obj.to_h) : obj
        end
      end
    end
  end
end
