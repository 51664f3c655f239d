# frozen_string_literal: true

require "tasker_core/step_handler/base"
require "tasker_core/step_handler/mixins/decision"

module TaskerCore
  module StepHandler
    # A handler of a step of type `decision`.
    class Decision < Base
      include Mixins::Decision
    end
  end
end
