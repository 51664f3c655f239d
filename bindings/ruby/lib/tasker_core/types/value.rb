# frozen_string_literal: true

require "tasker_core/errors/tree"
require "tasker_core/types/kind"

module TaskerCore
  module Types
    # A value with named attributes that never changes. It is made by keywords, or from a Hash with strings or symbols for
    # keys; keys that are unknown are ignored. What is missing or does not fit is an {Errors::ValidationError}.
    class Value
      Attribute = Struct.new(:name, :kind, :required, :default)
      private_constant :Attribute

      class << self
        # The attributes, also those of the classes above.
        def attributes
          @attributes ||= superclass.respond_to?(:attributes) ? superclass.attributes.dup : {}
        end

        def attribute_names
          attributes.keys
        end

        # Builds an instance; one that is there already is returned.
        def new(source = nil, **attributes)
          return source if source.instance_of?(self)
          raise Errors::ValidationError, "#{name} is made from a Hash, not from #{source.class}" unless hash?(source)

          super(source ? source.to_h.merge(attributes) : attributes)
        end

        def from_hash(hash)
          new(hash)
        end

        private

        # Declares an attribute: required, unless it has a default.
        def attribute(name, kind = Kinds::ANY, **options)
          attributes[name] = Attribute.new(name, kind, !options.key?(:default), options[:default])
          define_method(name) { @values[name] }
        end

        # Declares an attribute that may be absent, and is nil then.
        def attribute?(name, kind = Kinds::ANY)
          attribute(name, Kinds.optional(kind), default: nil)
        end

        def hash?(source)
          source.nil? || source.is_a?(Hash)
        end
      end

      def initialize(given)
        @values = self.class.attributes.transform_values { |attribute| read(attribute, given) }.freeze
      end

      def [](name)
        @values[name.to_sym]
      end

      # The attributes, with values in them as hashes as well.
      def to_h
        @values.transform_values { |value| plain(value) }
      end
      alias to_hash to_h
      alias attributes to_h

      # A copy with some attributes replaced.
      def with(**changes)
        self.class.new(@values.merge(changes))
      end

      def ==(other)
        other.instance_of?(self.class) && other.to_h == to_h
      end
      alias eql? ==

      def hash
        [self.class, @values].hash
      end

      def deconstruct_keys(_keys)
        @values
      end

      def inspect
        "#<#{self.class} #{@values.map { |name, value| "#{name}=#{value.inspect}" }.join(" ")}>"
      end

      private

      def read(attribute, given)
        name = attribute.name
        value = given[name]
        if value.nil? && !given.key?(name)
          return default(attribute) unless given.key?(name.name)

          value = given[name.name]
        end
        attribute.kind.call(value)
      rescue ArgumentError => e
        raise Errors::ValidationError.new("#{self.class.name}: #{name}: #{e.message}", field: name.to_s)
      end

      def default(attribute)
        if attribute.required
          raise Errors::ValidationError.new("#{self.class.name} needs #{attribute.name}", field: attribute.name.to_s)
        end

        default = attribute.default
        default.is_a?(Proc) ? default.call : default
      end

      def plain(value)
        case value
        when Value then value.to_h
        when Array then value.map { |item| plain(item) }
        when Hash then value.each_value.any?(Value) ? value.transform_values { |item| plain(item) } : value
        else value
        end
      end
    end
  end
end
