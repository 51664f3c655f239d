"""Events of the business, which steps publish and subscribers hear of. They never fail a step."""

from tasker_core.domain_events._poller import DomainEventCallback, ErrorCallback, InProcessDomainEventPoller
from tasker_core.domain_events._publisher import BasePublisher, DefaultPublisher
from tasker_core.domain_events._publisher_registry import PublisherRegistry, RegistryFrozenError
from tasker_core.domain_events._subscriber import BaseSubscriber
from tasker_core.domain_events._subscriber_registry import SubscriberRegistry
from tasker_core.domain_events._types import EventDeclaration, PublishContext, StepEventContext, StepResult

__all__ = [
    "BasePublisher",
    "BaseSubscriber",
    "DefaultPublisher",
    "DomainEventCallback",
    "ErrorCallback",
    "EventDeclaration",
    "InProcessDomainEventPoller",
    "PublishContext",
    "PublisherRegistry",
    "RegistryFrozenError",
    "StepEventContext",
    "StepResult",
    "SubscriberRegistry",
]
