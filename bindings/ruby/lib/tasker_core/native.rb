# frozen_string_literal: true

require "tasker_core/native/errors"
require "tasker_core/native/loading"
require "tasker_core/native/frames"
require "tasker_core/native/codec"
require "tasker_core/native/worker"
require "tasker_core/native/log_drain"
