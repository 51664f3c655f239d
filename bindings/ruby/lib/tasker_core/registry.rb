# frozen_string_literal: true

require "tasker_core/registry/handler_registry"
require "tasker_core/registry/method_dispatch_wrapper"
require "tasker_core/registry/resolver_chain"
require "tasker_core/registry/resolvers"

module TaskerCore
  autoload :TestEnvironment, "tasker_core/test_environment"

  # How the handler that a template names is found.
  module Registry
  end
end
