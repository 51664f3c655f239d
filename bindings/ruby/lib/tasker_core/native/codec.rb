# frozen_string_literal: true

require "json"

module TaskerCore
  # A value that is no JSON. The message says where it stands.
  class EncodeError < StandardError; end

  # Bytes that are no JSON.
  class DecodeError < StandardError; end

  module Native
    # JSON in and out, strictly: what JSON cannot say is an error, never a guess.
    module Codec
      # Deepest nesting that is tried; the core's own limit (`limits.max_json_depth`) is lower.
      MAX_DEPTH = 512

      # How documents are written. Each is written by a copy, which knows how deep it is.
      WRITE = JSON::State.new(max_nesting: MAX_DEPTH, allow_nan: false, script_safe: false).freeze
      READ = { max_nesting: MAX_DEPTH, allow_nan: false, create_additions: false }.freeze
      private_constant :WRITE, :READ

      class << self
        # Encodes a value, or raises {EncodeError} naming the place that is no JSON.
        #
        # Strings of text, whole and finite numbers, true, false, nil, arrays, and hashes whose keys are strings or symbols
        # are JSON; symbols are written as strings. Nothing else is turned into a string behind your back.
        def dump(value)
          raise EncodeError, Explanation.call(value) unless json?(value, MAX_DEPTH)

          WRITE.dup.generate(value)
        rescue JSON::GeneratorError, JSON::NestingError, EncodingError => e
          raise EncodeError, e.message[0, 500]
        end

        # Decodes a document. Integers stay exact, whatever their size.
        def load(raw)
          JSON.parse(raw, READ)
        rescue JSON::ParserError, EncodingError => e
          raise DecodeError, "not JSON: #{e.message.scrub("?")[0, 500]}"
        end

        # Whether a value can be written as it is. The order is that of how often things occur.
        def json?(value, depth)
          case value
          when String then value.ascii_only? || text?(value)
          when Hash then depth.positive? && object?(value, depth - 1)
          when Integer, nil, true, false then true
          when Array then depth.positive? && value.all? { |below| json?(below, depth - 1) }
          when Symbol then text?(value.name)
          when Float then value.finite?
          else false
          end
        end

        def key?(key)
          case key
          when String then key.ascii_only? || text?(key)
          when Symbol then text?(key.name)
          else false
          end
        end

        # Whether no name is there twice, once as a string and once as a symbol.
        def distinct?(hash)
          hash.keys.uniq(&:to_s).size == hash.size
        end

        def text?(string)
          string.encoding.equal?(Encoding::UTF_8) ? string.valid_encoding? : convertible?(string)
        end

        private

        def object?(hash, depth)
          symbols = 0
          hash.each_pair do |key, below|
            unless key.is_a?(String) && key.ascii_only? # as nearly all are
              return false unless key?(key)

              symbols += 1 if key.is_a?(Symbol)
            end
            next if below.is_a?(String) && below.ascii_only? # as most are
            return false unless json?(below, depth)
          end
          symbols.zero? || symbols == hash.size || distinct?(hash)
        end

        def convertible?(string)
          case string.encoding
          when Encoding::US_ASCII then string.valid_encoding?
          when Encoding::BINARY then string.ascii_only?
          else string.encode(Encoding::UTF_8).valid_encoding?
          end
        rescue EncodingError
          false
        end
      end
    end

    # What is wrong with a value, and where: the slow search that only failures pay for.
    module Explanation
      class << self
        def call(value, path = "", depth = Codec::MAX_DEPTH)
          case value
          when Hash then members(value, path, depth)
          when Array then elements(value, path, depth)
          else "#{where(path)}: #{scalar(value)}" unless Codec.json?(value, depth)
          end
        end

        private

        def members(hash, path, depth)
          return too_deep(path) unless depth.positive?

          hash.each do |key, below|
            return "#{where(path)}: the key #{short(key)} #{key_problem(key)}" unless Codec.key?(key)

            problem = call(below, path.empty? ? key.to_s : "#{path}.#{key}", depth - 1)
            return problem if problem
          end
          "#{where(path)}: a key is there twice, as a string and as a symbol" unless Codec.distinct?(hash)
        end

        def elements(array, path, depth)
          return too_deep(path) unless depth.positive?

          array.each_with_index do |below, i|
            problem = call(below, "#{path}[#{i}]", depth - 1)
            return problem if problem
          end
          nil
        end

        def where(path)
          path.empty? ? "the value" : path
        end

        def too_deep(path)
          "#{path[0, 40]}...: nested deeper than #{Codec::MAX_DEPTH} levels; does it contain itself?"
        end

        def key_problem(key)
          return "is no valid UTF-8" if key.is_a?(String) || key.is_a?(Symbol)

          "is of #{key.class}, and JSON keys are strings"
        end

        def scalar(value)
          case value
          when Float then "#{value} is no JSON number"
          when String then "#{short(value)} is #{value.encoding} and no valid UTF-8; encode it, or pack it as base64"
          else "#{short(value)} is of #{value.class}, which JSON does not have#{hint(value)}"
          end
        end

        def hint(value)
          return "; pass .iso8601" if value.is_a?(Time) || value.respond_to?(:iso8601)
          return "; pass .to_s, or .to_f" if value.is_a?(Numeric)
          return "; pass .to_h" if value.respond_to?(:to_h)

          ""
        end

        def short(value)
          text = value.inspect
          text.length > 60 ? "#{text[0, 57]}..." : text
        rescue StandardError
          "(no inspect)"
        end
      end
    end
  end
end
