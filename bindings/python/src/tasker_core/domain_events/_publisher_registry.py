"""The publishers of this process, by name."""

from __future__ import annotations

import threading

from tasker_core.domain_events._publisher import BasePublisher, DefaultPublisher
from tasker_core.errors import ConfigurationError


class RegistryFrozenError(ConfigurationError, RuntimeError):
    """A publisher comes too late: the registry was frozen when the worker started."""


class PublisherRegistry:
    """Knows publishers. The one named `default` is always there."""

    _instance: PublisherRegistry | None = None
    _instance_lock = threading.Lock()

    def __init__(self) -> None:
        self._publishers: dict[str, BasePublisher] = {}
        self._default = DefaultPublisher()
        self._frozen = False
        self._lock = threading.Lock()

    @classmethod
    def instance(cls) -> PublisherRegistry:
        """Return the registry of this process."""
        with cls._instance_lock:
            if cls._instance is None:
                cls._instance = cls()
            return cls._instance

    @classmethod
    def reset(cls) -> None:
        """Forget the registry of this process, between tests."""
        with cls._instance_lock:
            cls._instance = None

    def register(self, publisher: BasePublisher, name: str | None = None) -> None:
        """Register a publisher under its own name or another one, in place of one that has it.

        Raises:
            RegistryFrozenError: The registry is frozen.
        """
        with self._lock:
            if self._frozen:
                raise RegistryFrozenError("the publisher registry is frozen: register publishers before the worker starts")
            self._publishers[name or publisher.publisher_name] = publisher

    def get(self, name: str) -> BasePublisher | None:
        """Return the publisher of a name."""
        found = self._publishers.get(name)
        return self._default if found is None and name == self._default.publisher_name else found

    def get_or_default(self, name: str) -> BasePublisher:
        """Return the publisher of a name, or the one that publishes what steps return as it is."""
        return self.get(name) or self._default

    def validate_required(self, names: list[str]) -> list[str]:
        """Return those of the names that no publisher has."""
        return [name for name in names if self.get(name) is None]

    def freeze(self) -> None:
        """Take no further publishers."""
        self._frozen = True

    def unfreeze(self) -> None:
        """Take publishers again."""
        self._frozen = False

    @property
    def is_frozen(self) -> bool:
        """Whether publishers are refused."""
        return self._frozen

    def list_publishers(self) -> list[str]:
        """Return the names that are registered, sorted."""
        return sorted(self._publishers)

    def clear(self) -> None:
        """Forget all publishers, and take new ones."""
        with self._lock:
            self._publishers.clear()
            self._frozen = False
