# frozen_string_literal: true

require "tasker_core/domain_events/base_publisher"
require "tasker_core/domain_events/base_subscriber"
require "tasker_core/domain_events/event"
require "tasker_core/domain_events/forwarding"
require "tasker_core/domain_events/publisher_registry"
require "tasker_core/domain_events/subscriber_registry"

module TaskerCore
  # Events of the application's own that steps publish, and those who hear of them.
  module DomainEvents
    DefaultPublisher = PublisherRegistry::DefaultPublisher
    ValidationError = PublisherRegistry::ValidationError
    PublisherNotFoundError = PublisherRegistry::PublisherNotFoundError
    RegistryFrozenError = PublisherRegistry::RegistryFrozenError
  end
end
