# frozen_string_literal: true

require "tasker_core/worker/around_step"
require "tasker_core/worker/bootstrap"
require "tasker_core/worker/in_process_domain_event_poller"
