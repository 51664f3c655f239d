# frozen_string_literal: true

require "tasker_core/logger"

module TaskerCore
  # Logging with fields: `TaskerCore::Tracing.info("charged", { task_uuid: task.uuid, amount: 5 })`.
  class Tracing
    include Singleton

    class << self
      %i[error warn info debug trace].each do |level|
        define_method(level) { |message, fields = {}| Logger.instance.log_fields(level, message, normalize_fields(fields)) }
      end

      # Fields with strings for keys and values, as logs have them.
      def normalize_fields(fields)
        (fields || {}).to_h { |key, value| [key.to_s, normalize_value(value)] }
      end

      # A value as text. Exceptions tell their class as well.
      def normalize_value(value)
        case value
        when nil then "nil"
        when String, Symbol, Numeric, true, false then value.to_s
        when Exception then "#{value.class}: #{value.message}"
        else value.respond_to?(:iso8601) ? value.iso8601 : value.inspect
        end
      end
    end
  end
end
