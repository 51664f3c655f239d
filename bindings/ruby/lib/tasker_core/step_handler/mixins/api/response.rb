# frozen_string_literal: true

require "json"
require "time"
require "tasker_core/step_handler/mixins/api/status"

module TaskerCore
  module StepHandler
    module Mixins
      module API
        # An answer of an HTTP API, with its body decoded if it is JSON. Names of headers are in lower case.
        Response = Struct.new(:status, :headers, :body, :reason_phrase, keyword_init: true) do
          # Reads an answer of Net::HTTP.
          def self.from_net_http(response)
            headers = response.to_hash.to_h { |name, values| [name.downcase, values.join(", ")] }
            new(
              status: response.code.to_i, headers: headers, reason_phrase: response.message,
              body: decode(response.body, headers["content-type"])
            )
          end

          def self.decode(body, content_type)
            return nil if body.nil? || body.empty?

            content_type.to_s.include?("json") ? JSON.parse(body, max_nesting: 512) : body
          rescue JSON::ParserError
            body
          end

          def success?
            Status.success?(status)
          end

          def retryable?
            Status.retryable?(status)
          end
        end

        # Seconds after which a server wants to be asked again, if its headers say so.
        def self.retry_after(headers)
          said = headers.to_h.find { |name, _| name.to_s.downcase.tr("_", "-") == "retry-after" }&.last.to_s.strip
          return said.to_i if said.match?(/\A\d+\z/)

          [(Time.httpdate(said) - Time.now).round, 0].max
        rescue ArgumentError
          nil
        end
      end
    end
  end
end
