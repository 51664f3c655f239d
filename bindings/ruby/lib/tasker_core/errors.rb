# frozen_string_literal: true

require "tasker_core/errors/tree"
require "tasker_core/errors/error_classifier"
