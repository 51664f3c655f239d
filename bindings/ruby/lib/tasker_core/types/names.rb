# frozen_string_literal: true

require "time"
require "tasker_core/indifferent_hash"
require "tasker_core/types/kind"

module TaskerCore
  # The kinds of values that templates and requests are made of: `Types::Namespace.valid?("payments")`.
  module Types
    UUID_REGEX = /\A\h{8}-\h{4}-\h{4}-\h{4}-\h{12}\z/

    Namespace = Kinds.where(Kinds::STRING, "a namespace") do |text|
      text.match?(/\A[A-Za-z]\w*[\w-]*\z/)
    end
    StepName = Kinds.where(Kinds::STRING, "a step's name") { |text| !text.empty? }
    TaskName = Kinds.where(Kinds::STRING, "a template's name") { |text| !text.empty? }
    TaskVersion = Kinds.where(Kinds::STRING, "a version such as 1.0.0") { |text| text.match?(/\A\d+\.\d+\.\d+(?:[-+].+)?\z/) }
    Priority = Kinds::INTEGER
    RetryCount = Kinds::COUNT
    TimeoutMs = Kinds::POSITIVE
    ExecutionContext = Kinds::HASH
    QueueMessageEnvelope = Kinds::HASH

    module Kinds
      UUID = where(STRING, "a UUID") { |text| text.match?(UUID_REGEX) }
      # A Hash that is read by strings and symbols alike.
      RECORD = Kind.new("a Hash") { |value| value.is_a?(::Hash) ? IndifferentHash.wrap(value) : Kind::REFUSED }
      # A moment, from text as well.
      TIME = Kind.new("a time") do |value|
        value.respond_to?(:to_time) || value.is_a?(::Time) ? value : ::Time.iso8601(value.to_s)
      rescue ArgumentError
        Kind::REFUSED
      end
    end
  end
end
