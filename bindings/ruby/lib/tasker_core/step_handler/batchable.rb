# frozen_string_literal: true

require "tasker_core/step_handler/base"
require "tasker_core/step_handler/mixins/batchable"

module TaskerCore
  module StepHandler
    # A handler of a batchable step, of its workers, or of the step that brings them together.
    class Batchable < Base
      include Mixins::Batchable
    end
  end
end
