# frozen_string_literal: true

require "tasker_core/indifferent_hash"

module TaskerCore
  module Models
    # The records of the steps before one, by name.
    class DependencyResultsWrapper
      # Returns what a step returned, out of its record.
      def self.unwrap(record)
        record.is_a?(Hash) && record.key?("result") ? record["result"] : record
      end

      # Reads the `dependency_results` of an event.
      def initialize(results_data)
        @results = IndifferentHash.with_strings(results_data)
        @read = {}
      end

      # The record of a step, with what it returned under `result`; nil if there is none.
      def get_result(step_name)
        name = step_name.to_s
        @read[name] ||= IndifferentHash.wrap(@results[name])
      end
      alias [] get_result

      # What a step returned, or nil.
      def get_results(step_name)
        self.class.unwrap(get_result(step_name))
      end

      # The names of the steps.
      def keys
        @results.keys
      end

      def key?(step_name)
        @results.key?(step_name.to_s)
      end

      def each_key(&)
        @results.each_key(&)
      end

      def to_h
        IndifferentHash.unwrap(@results)
      end
    end
  end
end
