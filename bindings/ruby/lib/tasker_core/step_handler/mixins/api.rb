# frozen_string_literal: true

require "tasker_core/errors"
require "tasker_core/indifferent_hash"
require "tasker_core/types/step_handler_call_result"
require "tasker_core/step_handler/mixins/api/connection"
require "tasker_core/step_handler/mixins/api/multipart"
require "tasker_core/step_handler/mixins/api/pages"
require "tasker_core/step_handler/mixins/api/response"

module TaskerCore
  module StepHandler
    module Mixins
      # An HTTP client for handlers, and results that fit the answers. It is configured by the template: `url` (or `base_url`),
      # `headers`, `timeout` and `open_timeout` in seconds. Faraday is used where it is installed.
      module API
        DEFAULT_TIMEOUT = 30
        DEFAULT_OPEN_TIMEOUT = 10
        SECRET_HEADERS = %w[set-cookie authorization proxy-authorization x-api-key].freeze
        private_constant :SECRET_HEADERS

        def capabilities
          (defined?(super) ? super : []) + %w[http api]
        end

        def config_schema
          {
            type: "object",
            properties: {
              url: { type: "string" }, headers: { type: "object" },
              timeout: { type: "number", default: DEFAULT_TIMEOUT },
              open_timeout: { type: "number", default: DEFAULT_OPEN_TIMEOUT }
            },
            required: ["url"],
            additionalProperties: true
          }
        end

        # The client, made on first use.
        def connection
          @connection ||= build_connection
        end

        # Makes the client anew. A block is given Faraday's builder, or the {Connection} where there is no Faraday.
        def configure_connection(&)
          @connection = build_connection(&)
        end

        def get(path, params: {}, headers: {})
          request { connection.get(path, params, headers) }
        end

        def post(path, data: {}, headers: {})
          request { connection.post(path, data, headers) }
        end

        def put(path, data: {}, headers: {})
          request { connection.put(path, data, headers) }
        end

        def patch(path, data: {}, headers: {})
          request { connection.patch(path, data, headers) }
        end

        def delete(path, params: {}, headers: {})
          request { connection.delete(path, params, headers) }
        end

        # Sends a file, and further fields, as a form.
        def api_upload_file(path, file_path, field_name: "file", additional_fields: {})
          raise Errors::PermanentError, "there is no file #{file_path}" unless File.file?(file_path)

          form = Multipart.new(field_name, file_path, additional_fields)
          post(path, data: form.body, headers: { "Content-Type" => form.content_type })
        end

        # Asks for page after page, and returns the items of all. A page is a list, or an object with the items in `data`,
        # `items` or `results`, and the place of the next page in `next_<key>` or `<key>`, there or below `pagination` or `meta`.
        def api_paginated_request(path, method: :get, pagination_key: "cursor", limit_key: "limit", max_pages: 100)
          size = (config || {})["page_size"] || Pages::SIZE
          Pages.collect(pagination_key.to_s, max_pages) do |place|
            wanted = { limit_key => size, pagination_key => place }.compact
            method.to_sym == :get ? get(path, params: wanted).body : public_send(method, path, data: wanted).body
          end
        end

        # Says that the step is done.
        def api_success(data:, status: 200, headers: {}, execution_time_ms: nil, metadata: {})
          Types::StepHandlerCallResult.success(result: data, metadata: told(status, headers, execution_time_ms).merge(metadata))
        end

        # Says that the attempt failed. The status decides whether another may help; Retry-After delays it.
        def api_failure(message:, status: nil, error_type: nil, headers: {}, execution_time_ms: nil, metadata: {})
          told = told(status, headers, execution_time_ms)
          told[:retry_after] = API.retry_after(headers) if API.retry_after(headers)
          Types::StepHandlerCallResult.error(
            message: message, error_type: error_type || (status ? Status.error_type(status) : "api_error"),
            error_code: status && "HTTP_#{status}", retryable: status.nil? || Status.retryable?(status),
            metadata: told.merge(metadata)
          )
        end

        # Returns an answer that is a success, and raises what any other one means for the step.
        def process_response(response)
          return response if Status.success?(response.status)

          reason = response.respond_to?(:reason_phrase) ? response.reason_phrase : nil
          message = "the API answered #{response.status} #{reason}".rstrip
          context = { status_code: response.status, response_body: response.body.to_s[0, 2000] }
          raise failure_of(response, message, context)
        end

        private

        def failure_of(response, message, context)
          code = "HTTP_#{response.status}"
          return Errors::PermanentError.new(message, error_code: code, context: context) unless Status.retryable?(response.status)

          kind = { 429 => Errors::RateLimitError, 503 => Errors::ServiceUnavailableError }
                 .fetch(response.status, Errors::RetryableError)
          kind.new(message, error_code: code, context: context, retry_after: API.retry_after(response.headers))
        end

        def request
          process_response(yield)
        rescue ::Timeout::Error => e
          raise Errors::TimeoutError, "the API did not answer in time: #{e.message}"
        rescue SystemCallError, SocketError, IOError => e
          raise Errors::NetworkError, "the API could not be reached: #{e.message}"
        end

        def told(status, headers, execution_time_ms)
          shown = headers.to_h.reject { |name, _| SECRET_HEADERS.include?(name.to_s.downcase) }
          { status_code: status, headers: (shown unless shown.empty?), execution_time_ms: execution_time_ms }.compact
        end

        def build_connection(&)
          said = IndifferentHash.wrap(config || {})
          options = {
            url: said["url"] || said["base_url"], headers: said["headers"] || {},
            timeout: said["timeout"] || DEFAULT_TIMEOUT, open_timeout: said["open_timeout"] || DEFAULT_OPEN_TIMEOUT
          }
          raise Errors::ConfigurationError, "#{handler_name} needs the `url` of its API in its configuration" unless options[:url]

          faraday? ? faraday(options, &) : Connection.new(**options, &)
        end

        def faraday?
          require "faraday"
          true
        rescue LoadError
          false
        end

        def faraday(options)
          limits = { timeout: options[:timeout], open_timeout: options[:open_timeout] }
          ::Faraday.new(url: options[:url], headers: options[:headers].to_h, request: limits) do |builder|
            builder.request(:json)
            builder.response(:json)
            yield(builder) if block_given?
            builder.adapter(::Faraday.default_adapter)
          end
        end
      end
    end
  end
end
