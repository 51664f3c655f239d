# frozen_string_literal: true

module TaskerCore
  module Types
    # What the value of an attribute may be, and what is made of it. Calling it returns the value, or raises ArgumentError.
    class Kind
      # What a block returns for a value that does not fit.
      REFUSED = Object.new.freeze

      # The block is called with a value, and returns it or what is made of it.
      def initialize(description, &convert)
        @description = description
        @convert = convert
      end

      # Returns the value, converted where the kind does that.
      def call(value)
        made = @convert.call(value)
        return made unless REFUSED.equal?(made)

        raise ArgumentError, "expected #{@description}, got #{value.inspect[0, 60]}"
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
          Kind.new(classes.join(" or ")) { |value| classes.any? { |kind| value.is_a?(kind) } ? value : Kind::REFUSED }
        end

        # One of some values.
        def one_of(*values)
          Kind.new("one of #{values.join(", ")}") { |value| values.include?(value) ? value : Kind::REFUSED }
        end

        # A value of a kind for which something more holds.
        def where(kind, description)
          Kind.new(description) { |value| yield(kind.call(value)) ? value : Kind::REFUSED }
        end

        # A value of a kind, or nil.
        def optional(kind)
          Kind.new("#{kind} or nil") { |value| value.nil? ? nil : kind.call(value) }
        end

        # A list of values of a kind.
        def list(kind)
          Kind.new("a list of #{kind}") { |value| value.is_a?(Array) ? value.map { |v| kind.call(v) } : Kind::REFUSED }
        end

        # An instance of a {Value} class, which is made from a Hash where it is one.
        def instance(kind)
          Kind.new(kind.name) do |value|
            case value
            when kind then value
            when Hash then kind.new(value)
            else Kind::REFUSED
            end
          end
        end
      end

      ANY = Kind.new("anything") { |value| value }
      STRING = a(::String)
      INTEGER = a(::Integer)
      BOOL = one_of(true, false)
      HASH = a(::Hash)
      FLOAT = Kind.new("a number") { |value| value.is_a?(::Numeric) ? value.to_f : Kind::REFUSED }
      # Anything, as text; and hashes, from what can become one.
      TEXT = Kind.new("text") { |value| value.nil? ? Kind::REFUSED : value.to_s }
      OBJECT = Kind.new("a Hash") { |value| value.respond_to?(:to_h) ? value.to_h : Kind::REFUSED }
      COUNT = where(INTEGER, "a whole number from 0") { |value| value >= 0 }
      POSITIVE = where(INTEGER, "a whole number from 1", &:positive?)
      STRINGS = list(STRING)
    end
  end
end
