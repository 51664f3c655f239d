# frozen_string_literal: true

require "tasker_core/step_handler/api"
require "tasker_core/step_handler/base"
require "tasker_core/step_handler/batchable"
require "tasker_core/step_handler/decision"
require "tasker_core/step_handler/functional"
require "tasker_core/step_handler/mixins"
