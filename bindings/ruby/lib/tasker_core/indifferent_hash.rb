# frozen_string_literal: true

module TaskerCore
  # A Hash that takes symbols for its keys, which are strings: what comes from the core is read by `cart["total"]`,
  # `cart[:total]` and `in { total: }` alike. It is a plain Hash otherwise, and becomes one by {#to_h}.
  class IndifferentHash < Hash
    class << self
      # Returns a value with all hashes in it made indifferent. What is so already, and what is no Hash, stays as it is.
      def wrap(value)
        case value
        when Hash then value.is_a?(self) ? value : new(value)
        when Array then value.map { |item| wrap(item) }
        else value
        end
      end

      # Returns a Hash whose own keys are strings; nil is an empty one. What comes from the core is so already, and not copied.
      def with_strings(hash)
        return {} if hash.nil?
        return hash if hash.keys.all?(String)

        hash.transform_keys { |key| key.is_a?(Symbol) ? key.name : key }
      end

      # Returns what a Hash has under a name, which is a string or a symbol there; nil for no Hash.
      def read(hash, name)
        hash&.fetch(name) { hash[name.to_sym] }
      end

      # Returns a value with all hashes in it as plain ones with string keys.
      def unwrap(value)
        case value
        when Hash then value.to_h { |key, item| [key.is_a?(Symbol) ? key.name : key, unwrap(item)] }
        when Array then value.map { |item| unwrap(item) }
        else value
        end
      end
    end

    def initialize(source = nil)
      super()
      source&.each_pair { |key, value| self[key] = value }
    end

    def []=(key, value)
      key = key.name if key.is_a?(Symbol)
      super(key, value.is_a?(Hash) || value.is_a?(Array) ? IndifferentHash.wrap(value) : value)
    end
    alias store []=

    def [](key)
      super(name_of(key))
    end

    def fetch(key, ...)
      super(name_of(key), ...)
    end

    def key?(key)
      super(name_of(key))
    end
    alias has_key? key?
    alias include? key?
    alias member? key?

    def dig(key, *path)
      super(name_of(key), *path)
    end

    def values_at(*keys)
      super(*names_of(keys))
    end

    def fetch_values(*keys, &block)
      super(*names_of(keys), &block)
    end

    def delete(key, &block)
      super(name_of(key), &block)
    end

    def slice(*keys)
      self.class.new(super(*names_of(keys)))
    end

    def except(*keys)
      self.class.new(super(*names_of(keys)))
    end

    # What is left of it, or made of its values, is indifferent as well.
    %i[select filter reject compact transform_values].each do |name|
      define_method(name) do |*given, &block|
        made = super(*given, &block)
        made.is_a?(Hash) ? self.class.new(made) : made
      end
    end

    def merge(...)
      dup.merge!(...)
    end

    def merge!(*others)
      others.each do |other|
        other.each do |key, value|
          name = name_of(key)
          self[name] = block_given? && key?(name) ? yield(name, self[name], value) : value
        end
      end
      self
    end
    alias update merge!

    # A plain Hash with string keys, all the way down; with a block, what it makes of the pairs.
    def to_h(&block)
      block ? super(&block) : IndifferentHash.unwrap(self)
    end

    def to_hash
      to_h
    end

    # A plain Hash with symbols for keys, all the way down.
    def deep_symbolize_keys
      symbolized(self)
    end

    # A plain Hash with symbols for its own keys.
    def symbolize_keys
      transform_keys(&:to_sym)
    end

    def with_indifferent_access
      self
    end

    # For pattern matching: `in { total: Integer => total }`.
    def deconstruct_keys(_keys)
      symbolize_keys
    end

    private

    def name_of(key)
      key.is_a?(Symbol) ? key.name : key
    end

    def names_of(keys)
      keys.map { |key| name_of(key) }
    end

    def symbolized(value)
      case value
      when Hash then value.each_pair.to_h { |key, item| [key.to_sym, symbolized(item)] }
      when Array then value.map { |item| symbolized(item) }
      else value
      end
    end
  end
end
