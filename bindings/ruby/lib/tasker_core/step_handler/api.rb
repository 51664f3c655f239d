# frozen_string_literal: true

require "tasker_core/step_handler/base"
require "tasker_core/step_handler/mixins/api"

module TaskerCore
  module StepHandler
    # A handler with an HTTP client.
    class Api < Base
      include Mixins::API

      # What older handlers override in place of {#call}.
      def process(_task, _sequence, _step)
        raise NotImplementedError, "#{self.class.name || self.class} does not say what it does: write `def call(context)`"
      end
    end
  end
end
