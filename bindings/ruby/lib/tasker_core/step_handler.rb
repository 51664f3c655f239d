# frozen_string_literal: true

require "tasker_core/step_handler/api"
require "tasker_core/step_handler/base"
require "tasker_core/step_handler/batchable"
require "tasker_core/step_handler/decision"
require "tasker_core/step_handler/functional"
require "tasker_core/step_handler/mixins"

module TaskerCore
  autoload :Handlers, "tasker_core/handlers"

  # What programs of the existing gem may still ask for.
  module Internal
    autoload :NullOrchestrationSystem, "tasker_core/internal/orchestration_manager"
    autoload :OrchestrationManager, "tasker_core/internal/orchestration_manager"
  end
end
