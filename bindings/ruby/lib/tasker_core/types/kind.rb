# frozen_string_literal: true

module TaskerCore
  module Types
    # What the value of an attribute may be, and what is made of it. Calling it returns the value, or raises ArgumentError.
    class Kind
      def initialize(description, &convert)
        @description = description
        @convert = convert
      end

      # Returns the value, converted where the kind does that.
      def call(value)
        @convert.call(value) { raise ArgumentError, "expected #{@description}, got #{value.inspect[0, 60]}" }
      end
      alias [] call

      def valid?(value)
        call(value)
        true
      rescue ArgumentError
        false
      end
      alias === valid?

      def to_s
        @description
      end
    end

    # The kinds that attributes are declared with.
    module Kinds
      class << self
        # Instances of one of some classes, taken as they are.
        def a(*classes)
          Kind.new(classes.join(" or ")) { |value, &refuse| classes.any? { |kind| value.is_a?(kind) } ? value : refuse.call }
        end

        # One of some values.
        def one_of(*values)
          Kind.new("one of #{values.join(", ")}") { |value, &refuse| values.include?(value) ? value : refuse.call }
        end

        # A value of a kind for which something more holds.
        def where(kind, description)
          Kind.new(description) { |value, &refuse| yield(kind.call(value)) ? value : refuse.call }
        end

        # A value of a kind, or nil.
        def optional(kind)
          Kind.new("#{kind} or nil") { |value| value.nil? ? nil : kind.call(value) }
        end

        # A list of values of a kind.
        def list(kind)
          Kind.new("a list of #{kind}") { |value, &refuse| value.is_a?(Array) ? value.map { |v| kind.call(v) } : refuse.call }
        end

        # An instance of a {Value} class, which is made from a Hash where it is one.
        def instance(kind)
          Kind.new(kind.name) do |value, &refuse|
            case value
            when kind then value
            when Hash then kind.new(value)
            else refuse.call
            end
          end
        end
      end

      ANY = Kind.new("anything") { |value| value }
      STRING = a(::String)
      INTEGER = a(::Integer)
      BOOL = one_of(true, false)
      HASH = a(::Hash)
      FLOAT = Kind.new("a number") { |value, &refuse| value.is_a?(::Numeric) ? value.to_f : refuse.call }
      # Anything, as text; and hashes, from what can become one.
      TEXT = Kind.new("text") { |value, &refuse| value.nil? ? refuse.call : value.to_s }
      OBJECT = Kind.new("a Hash") { |value, &refuse| value.respond_to?(:to_h) ? value.to_h : refuse.call }
      COUNT = where(INTEGER, "a whole number from 0") { |value| value >= 0 }
      POSITIVE = where(INTEGER, "a whole number from 1", &:positive?)
      STRINGS = list(STRING)
    end
  end
end
