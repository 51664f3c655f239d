# frozen_string_literal: true

module TaskerCore
  module Execution
    # What goes with a result for people to read: what is no JSON becomes text, so that it never fails a step.
    module Plain
      DEEPEST = 20
      LONGEST = 1_000
      private_constant :DEEPEST, :LONGEST

      class << self
        def value(item, depth = 0)
          case item
          when nil, true, false, Integer then item
          when String, Symbol then text(item)
          when Float then item.finite? ? item : item.to_s
          else depth < DEEPEST ? nested(item, depth + 1) : described(item)
          end
        end

        # Text that PostgreSQL can store: valid UTF-8 without NUL.
        def text(value)
          text = value.to_s
          text = text.encoding == Encoding::BINARY ? text.dup.force_encoding(Encoding::UTF_8) : text
          text.encode(Encoding::UTF_8, invalid: :replace, undef: :replace).scrub.tr("\0", "\u{FFFD}")
        rescue StandardError
          "(#{value.class})"
        end

        private

        def nested(item, depth)
          case item
          when Hash then item.to_h { |key, below| [text(key), value(below, depth)] }
          when Array then item.map { |below| value(below, depth) }
          else described(item)
          end
        end

        def described(value)
          return text(value.iso8601)[0, LONGEST] if value.respond_to?(:iso8601)

          text(value)[0, LONGEST]
        end
      end
    end
  end
end
