# frozen_string_literal: true

require "tasker_core/template_discovery/handler_discovery"
require "tasker_core/template_discovery/template_parser"
require "tasker_core/template_discovery/template_path"
