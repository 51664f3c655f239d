# frozen_string_literal: true

require "logger"
require "tasker_core/resettable"

module TaskerCore
  # The log of the gem and of handlers. It writes to stderr until another logger takes its place:
  #
  #     TaskerCore::Logger.instance.backend = Rails.logger
  class Logger
    include Singleton
    extend Resettable

    LEVELS = { error: ::Logger::ERROR, warn: ::Logger::WARN, info: ::Logger::INFO, debug: ::Logger::DEBUG, fatal: ::Logger::FATAL,
               trace: ::Logger::DEBUG }.freeze

    # Anything with the methods of Ruby's own Logger.
    attr_accessor :backend

    # The level is that of TASKER_LOG_LEVEL, else of RUST_LOG, else `info`.
    def initialize
      @backend = ::Logger.new($stderr, level: level_of(ENV["TASKER_LOG_LEVEL"] || ENV.fetch("RUST_LOG", nil)), progname: "tasker")
    end

    %i[debug info warn error fatal].each do |level|
      define_method(level) { |message = nil, &block| backend.public_send(level, message, &block) }
      define_method(:"#{level}?") { backend.public_send(:"#{level}?") }
    end

    def log_task(level, operation, **data)
      log(level, "task", operation, data)
    end

    def log_queue_worker(level, operation, namespace: nil, **data)
      log(level, "queue_worker", operation, { namespace: namespace, **data })
    end

    def log_orchestrator(level, operation, **data)
      log(level, "orchestrator", operation, data)
    end

    def log_step(level, operation, **data)
      log(level, "step", operation, data)
    end

    def log_database(level, operation, **data)
      log(level, "database", operation, data)
    end

    def log_ffi(level, operation, component: nil, **data)
      log(level, "ffi", operation, { component: component, **data })
    end

    def log_config(level, operation, **data)
      log(level, "config", operation, data)
    end

    def log_registry(level, operation, namespace: nil, name: nil, **data)
      log(level, "registry", operation, { namespace: namespace, name: name, **data })
    end

    # Writes a message with its fields after it, as `message key=value`.
    def log_fields(level, message, fields = {})
      backend.add(LEVELS.fetch(level.to_sym, ::Logger::INFO)) { [message, *pairs(fields)].join(" ") }
    end

    private

    def log(level, part, operation, data)
      log_fields(level, "#{part}: #{operation}", data)
    end

    def pairs(fields)
      fields.filter_map { |key, value| "#{key}=#{value}" unless value.nil? }
    end

    # RUST_LOG may hold directives of single modules; the first plain word in it is the level.
    def level_of(text)
      word = text.to_s.downcase.split(/[,\s]+/).find { |part| LEVELS.key?(part.to_sym) }
      LEVELS.fetch(word&.to_sym, ::Logger::INFO)
    end
  end
end
