# frozen_string_literal: true

require "json"
require "net/http"
require "uri"
require "tasker_core/errors/tree"
require "tasker_core/step_handler/mixins/api/response"

module TaskerCore
  module StepHandler
    module Mixins
      module API
        # A small HTTP client on Net::HTTP, for where Faraday is not installed. It has the part of Faraday's interface that
        # handlers use: what is a Hash or an Array is sent as JSON, text is taken for JSON unless its Content-Type says otherwise,
        # and JSON that comes is decoded.
        class Connection
          # Seconds that a call, and making its connection, may take.
          Options = Struct.new(:timeout, :open_timeout)

          attr_reader :url, :headers, :options

          def initialize(url:, headers: {}, timeout: nil, open_timeout: nil)
            @url = url.to_s
            @headers = { "Accept" => "application/json" }.merge(text(headers))
            @options = Options.new(timeout, open_timeout)
            yield(self) if block_given?
          end

          def get(path, params = nil, headers = nil)
            request(Net::HTTP::Get, path, params: params, headers: headers)
          end

          def delete(path, params = nil, headers = nil)
            request(Net::HTTP::Delete, path, params: params, headers: headers)
          end

          def post(path, body = nil, headers = nil)
            request(Net::HTTP::Post, path, body: body, headers: headers)
          end

          def put(path, body = nil, headers = nil)
            request(Net::HTTP::Put, path, body: body, headers: headers)
          end

          def patch(path, body = nil, headers = nil)
            request(Net::HTTP::Patch, path, body: body, headers: headers)
          end

          private

          def text(headers)
            (headers || {}).to_h { |name, value| [name.to_s, value.to_s] }
          end

          def request(kind, path, params: nil, body: nil, headers: nil)
            target = address(path, params)
            sent = kind.new(target, self.headers.merge(text(headers)))
            write(sent, body) unless body.nil?
            Response.from_net_http(client(target).start { |http| http.request(sent) })
          end

          def client(target)
            http = Net::HTTP.new(target.hostname, target.port)
            http.use_ssl = target.scheme == "https"
            http.read_timeout = http.write_timeout = options.timeout if options.timeout
            http.open_timeout = options.open_timeout || options.timeout if options.open_timeout || options.timeout
            http.max_retries = 0 # whether to try again is for the step to say
            http
          end

          # A path is below that of the base; a whole address stands for itself.
          def address(path, params)
            text = path.to_s.match?(%r{\Ahttps?://}) ? path.to_s : "#{url.chomp("/")}/#{path.to_s.delete_prefix("/")}"
            target = URI(text)
            raise Errors::ConfigurationError, "#{text.inspect} is no address; `url` is to be one" unless target.hostname

            target.query = [target.query, URI.encode_www_form(params)].compact.join("&") unless params.nil? || params.empty?
            target
          end

          def write(sent, body)
            sent.body = body.is_a?(String) ? body : JSON.generate(body)
            sent["Content-Type"] ||= "application/json"
          end
        end
      end
    end
  end
end
