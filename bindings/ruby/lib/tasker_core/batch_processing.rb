# frozen_string_literal: true

require "tasker_core/batch_processing/aggregation"
require "tasker_core/batch_processing/batch_aggregation_scenario"
require "tasker_core/batch_processing/batch_worker_context"
require "tasker_core/batch_processing/ranges"
