# frozen_string_literal: true

require "tasker_core/errors/tree"

module TaskerCore
  class Workflow
    # What can be said of a step beside its handler, in the words of templates.
    module Options
      UNITS = { "ms" => 0.001, "s" => 1.0, "m" => 60.0, "h" => 3600.0 }.freeze
      BACKOFFS = %w[none linear exponential fibonacci].freeze
      KNOWN = %i[retries timeout backoff backoff_base max_backoff config publishes method resolver description].freeze
      private_constant :UNITS, :BACKOFFS, :KNOWN

      class << self
        # The fields of a step in its template that options stand for; what is left at its default is left out.
        def document(options)
          unknown = options.keys - KNOWN
          unless unknown.empty?
            raise Errors::ConfigurationError, "a step has no option #{unknown.join(", ")}; there are #{KNOWN.join(", ")}"
          end

          {
            "retry" => retry_document(options), "timeout_seconds" => (seconds(options[:timeout]).ceil if options[:timeout]),
            "publishes_events" => events(options[:publishes]), "description" => options[:description],
            "handler" => handler(options)
          }.reject { |_, value| value.nil? || value == {} || value == [] }
        end

        # A duration in seconds.
        def seconds(duration)
          length = duration.is_a?(String) ? parse(duration) : duration.to_f
          return length if length.positive? && length.finite?

          raise Errors::ConfigurationError,
                "#{duration.inspect} is no duration; write seconds, or text such as 500ms, 5s, 2m or 1h"
        end

        private

        def parse(text)
          said = text.strip.match(/\A(\d+(?:\.\d+)?)\s*(ms|s|m|h)\z/)
          said ? said[1].to_f * UNITS.fetch(said[2]) : 0.0
        end

        def retry_document(options)
          written = attempts(options[:retries])
          written["backoff"] = backoff(options[:backoff]) if options[:backoff]
          written["backoff_base_ms"] = (seconds(options[:backoff_base]) * 1000).ceil if options[:backoff_base]
          written["max_backoff_ms"] = (seconds(options[:max_backoff]) * 1000).ceil if options[:max_backoff]
          written
        end

        def attempts(retries)
          return {} if retries.nil?
          return { "retryable" => retries.positive?, "max_attempts" => retries + 1 } if retries.is_a?(Integer) && retries >= 0

          raise Errors::ConfigurationError, "retries must be a whole number from 0, and is #{retries.inspect}"
        end

        def backoff(kind)
          return kind.to_s if BACKOFFS.include?(kind.to_s)

          raise Errors::ConfigurationError, "backoff is one of #{BACKOFFS.join(", ")}, not #{kind.inspect}"
        end

        def events(published)
          (published.is_a?(Hash) ? [published] : Array(published)).map do |event|
            event.is_a?(Hash) ? event : { "name" => event.to_s }
          end
        end

        def handler(options)
          written = { "method" => options[:method]&.to_s, "resolver" => options[:resolver]&.to_s }.compact
          written["initialization"] = options[:config] unless options[:config].nil? || options[:config].empty?
          written
        end
      end
    end
  end
end
