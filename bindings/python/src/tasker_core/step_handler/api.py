"""The base of handlers that call HTTP APIs."""

from __future__ import annotations

from tasker_core.step_handler.base import StepHandler
from tasker_core.step_handler.mixins.api import APIMixin


class ApiHandler(APIMixin, StepHandler):
    """A handler with an HTTP client."""

    @property
    def capabilities(self) -> list[str]:
        """What the handler can do."""
        return ["process", *self.api_capabilities]
