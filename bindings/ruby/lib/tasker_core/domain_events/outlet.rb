# frozen_string_literal: true

require "tasker_core/indifferent_hash"

module TaskerCore
  module DomainEvents
    # Where events go that publishers send: to the worker of this process; without one, to the subscribers here.
    module Outlet
      class << self
        # `event_name` and `namespace` are required; `payload`, `delivery_mode` (`durable`, `fast` or `broadcast`), `task_uuid`,
        # `step_uuid`, `step_name`, `correlation_id` and `metadata` are not.
        def send_event(document)
          document = IndifferentHash.unwrap(document)
          worker = Worker::Runtime.current if defined?(Worker::Runtime)
          return worker.call("events.publish", document) if worker

          require "tasker_core/domain_events/subscriber_registry"
          SubscriberRegistry.instance.deliver(document)
        end
      end
    end
  end
end
