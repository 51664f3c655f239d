# frozen_string_literal: true

require "tasker_core/registry/resolvers/base_resolver"
require "tasker_core/registry/resolvers/class_constant_resolver"
require "tasker_core/registry/resolvers/explicit_mapping_resolver"
require "tasker_core/registry/resolvers/registry_resolver"
