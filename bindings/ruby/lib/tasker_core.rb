# frozen_string_literal: true

# Tasker runs the steps of durable workflows on PostgreSQL. This is its gem: handlers in Ruby, over the core in libtasker.
module TaskerCore
end

require "tasker_core/version"
require "tasker_core/logger"
require "tasker_core/tracing"
require "tasker_core/errors"
require "tasker_core/types"
require "tasker_core/models"
require "tasker_core/batch_processing"
require "tasker_core/step_handler"
require "tasker_core/registry"
require "tasker_core/execution"
require "tasker_core/domain_events"
require "tasker_core/template_discovery"
require "tasker_core/workflow"
require "tasker_core/native"
require "tasker_core/worker"
require "tasker_core/client"
require "tasker_core/observability"
require "tasker_core/rails/railtie" if defined?(Rails::Railtie)

module TaskerCore
  # Everything in one process, to try handlers out; see {Dev.within}.
  def self.dev(...)
    require "tasker_core/dev"
    Dev.within(...)
  end
end
