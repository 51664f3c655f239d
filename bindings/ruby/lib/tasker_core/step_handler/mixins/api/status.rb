# frozen_string_literal: true

module TaskerCore
  module StepHandler
    module Mixins
      module API
        # What an HTTP status means for a step.
        module Status
          # Those after which another attempt may help.
          RETRYABLE = [408, 429, 500, 502, 503, 504].freeze

          NAMES = {
            400 => "bad_request", 401 => "unauthorized", 402 => "payment_required", 403 => "forbidden", 404 => "not_found",
            405 => "method_not_allowed", 406 => "not_acceptable", 408 => "request_timeout", 409 => "conflict", 410 => "gone",
            412 => "precondition_failed", 413 => "request_entity_too_large", 415 => "unsupported_media_type",
            422 => "unprocessable_entity", 423 => "locked", 429 => "rate_limited", 500 => "internal_server_error",
            501 => "not_implemented", 502 => "bad_gateway", 503 => "service_unavailable", 504 => "gateway_timeout"
          }.freeze

          class << self
            def success?(status)
              (200..299).cover?(status)
            end

            def retryable?(status)
              RETRYABLE.include?(status)
            end

            # The kind of failure, such as `not_found` or `rate_limited`.
            def error_type(status)
              NAMES.fetch(status) do
                case status
                when 400..499 then "client_error"
                when 500..599 then "server_error"
                else "http_error"
                end
              end
            end
          end
        end
      end
    end
  end
end
