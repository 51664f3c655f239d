# frozen_string_literal: true

require "tasker_core/errors/tree"
require "tasker_core/indifferent_hash"
require "tasker_core/types/value"

module TaskerCore
  module Types
    # Typed values from hashes and back. Any class that is made by keywords will do: a Struct, a Data, a class of one's own, or
    # a Dry::Struct where that is installed.
    module Typed
      # Deeper nesting is no JSON that the core takes.
      DEEPEST = 512
      private_constant :DEEPEST

      class << self
        # Makes an instance of a class, and has it check itself by its `validate!` if it has one. Keys that the class does not
        # know are left out. Raises {Errors::ValidationError}, which says where, if the hash does not fit.
        def load(kind, value, where)
          return value if value.is_a?(kind)
          raise Errors::ValidationError, "#{where}: expected an object, got #{name_of(value)}" unless value.is_a?(Hash)

          made = make(kind, IndifferentHash.wrap(value).symbolize_keys, where)
          made.validate! if made.respond_to?(:validate!)
          made
        end

        # Writes the typed values in a result as hashes, whose keys are strings where they were symbols. Plain values stay as they
        # are, whether they are JSON or not; what is nested without an end, or has a key twice, stays whole to be refused.
        def dump(value)
          catch(:unwritable) { return write(value, 0) }
          value
        end

        private

        def write(value, depth)
          throw(:unwritable) if depth > DEEPEST

          case value
          when String, Integer, nil, true, false then value
          when Hash then write_hash(value, depth)
          when Array then value.map { |item| write(item, depth + 1) }
          else record?(value) ? write(value.to_h, depth) : value
          end
        end

        def write_hash(value, depth)
          written = {}
          value.each_pair { |key, item| written[key.is_a?(Symbol) ? key.name : key] = write(item, depth + 1) }
          written.size == value.size ? written : throw(:unwritable)
        end

        def make(kind, attributes, where)
          return kind.new(*kind.members.map { |name| attributes[name] }) if positional?(kind)

          kind.new(**known(kind, attributes))
        rescue ArgumentError, TypeError, KeyError => e
          raise Errors::ValidationError, "#{where}: #{e.message}"
        rescue StandardError => e
          raise unless dry_error?(e)

          raise Errors::ValidationError, "#{where}: #{e.message}"
        end

        # A Struct that is not made by keywords.
        def positional?(kind)
          kind < Struct && !kind.keyword_init?
        end

        def known(kind, attributes)
          accepted = kind.respond_to?(:members) ? kind.members : keywords(kind)
          accepted ? attributes.slice(*accepted) : attributes
        end

        # The keywords of a constructor; nil if it takes any, or sorts them out itself.
        def keywords(kind)
          parameters = kind.instance_method(:initialize).parameters
          return nil unless parameters.all? { |type, _| %i[key keyreq block].include?(type) } && parameters.any?

          parameters.filter_map { |type, name| name unless type == :block }
        end

        def record?(value)
          value.is_a?(Struct) || (defined?(Data.define) && value.is_a?(Data)) || value.is_a?(Value) || dry?(value)
        end

        def dry?(value)
          defined?(Dry::Struct) && value.is_a?(Dry::Struct)
        end

        def dry_error?(error)
          defined?(Dry::Struct::Error) && error.is_a?(Dry::Struct::Error)
        end

        def name_of(value)
          value.nil? ? "null" : value.class.name
        end
      end
    end
  end
end
