# frozen_string_literal: true

require "tasker_core/client/answers"
require "tasker_core/client/operators"
require "tasker_core/client/tasks"
require "tasker_core/native/endpoint"
require "tasker_core/native/log_drain"
require "tasker_core/worker/runtime"

module TaskerCore
  # Creates tasks and looks at them.
  #
  #     task = TaskerCore::Client.create_task(name: "checkout", namespace: "orders", context: { items: [] })
  #     TaskerCore::Client.wait_for_task(task.task_uuid)
  #
  # Where a worker runs in this process, calls go through it. Without one, or with a `url` or `settings`, a client has a
  # connection of its own, made at the first call: to the server at `url`, else to the database. It is safe for threads, and
  # makes a new connection in a forked child whose parent had not used the core.
  class Client
    include Answers
    include Operators
    include Tasks

    # A task still moved when the time to wait for it was over.
    class WaitTimeoutError < Errors::Error; end

    # @param url a server, such as `http://127.0.0.1:8080`
    # @param token what the server knows this caller by
    # @param settings keys of the configuration by their dotted names, such as `"database.url"`
    # @param timeout seconds that one call may take
    # @param initiator who creates tasks, as they record it
    # @param source_system the system they come from
    def initialize(url: nil, token: nil, settings: nil, timeout: Native::Endpoint::CALL_TIMEOUT,
                   initiator: Tasks::INITIATOR, source_system: Tasks::SOURCE_SYSTEM)
      @own = !(url.nil? && (settings.nil? || settings.empty?))
      @config = { "settings" => (settings || {}).transform_keys(&:to_s), "url" => url, "token" => token }.compact
      @timeout = timeout
      @initiator = initiator
      @source_system = source_system
      @lock = Mutex.new
      @connection = nil
    end

    # Calls one of the library's methods, such as `templates.list`.
    def call(method, params = {})
      through = (Worker::Runtime.current unless @own) || connection
      through.call(method, params, timeout: @timeout)
    end

    # Closes the client's own connection, if it has one. The next call makes another.
    def close
      connection = @lock.synchronize { @connection.tap { @connection = nil } }
      connection&.free
    end

    private

    attr_reader :initiator, :source_system

    def connection
      @lock.synchronize do
        @connection ||= begin
          Native::LogDrain.start
          Native::Client.new(@config)
        end
      end
    end

    @shared = new

    class << self
      include Answers
      include Operators
      include Tasks

      # Calls one of the library's methods by the client that this class itself is.
      def call(method, params = {})
        @shared.call(method, params)
      end

      # Closes its own connection, if it has one.
      def close
        @shared.close
      end

      private

      def initiator
        Tasks::INITIATOR
      end

      def source_system
        Tasks::SOURCE_SYSTEM
      end
    end
  end
end
