# frozen_string_literal: true

require "tasker_core/models/dependency_results_wrapper"
require "tasker_core/models/step_definition_wrapper"
require "tasker_core/models/task_sequence_step_wrapper"
require "tasker_core/models/task_wrapper"
require "tasker_core/models/workflow_step_wrapper"

module TaskerCore
  # What a step event tells of task, step and template, as methods instead of keys. Hashes in them take strings and symbols.
  module Models
  end
end
