# frozen_string_literal: true

require "tasker_core/step_handler"

module TaskerCore
  # Other names for what handlers are made with.
  module Handlers
    # The bases of handlers, and their mixins.
    module Steps
      Base = StepHandler::Base
      Mixins = StepHandler::Mixins
      API = StepHandler::Api
      Decision = StepHandler::Decision
      Batchable = StepHandler::Batchable

      class << self
        # Makes a handler.
        def create(handler_class, config: {})
          handler_class.new(config: config)
        end

        # Whether a class is one whose instances do the work of steps.
        def validate(handler_class)
          handler_class.is_a?(Class) && handler_class.method_defined?(:call) &&
            handler_class.instance_method(:call).owner != StepHandler::Base
        end
      end
    end
  end
end
