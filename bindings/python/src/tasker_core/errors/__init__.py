"""The errors that handlers raise, each saying whether another attempt may help."""

from __future__ import annotations

from typing import Any, ClassVar

from tasker_core import exceptions


class TaskerError(exceptions.TaskerError):
    """The base of the errors that say how a step shall go on."""

    retryable: bool = True
    """Whether another attempt may help."""
    default_error_type: ClassVar[str] = "handler_error"
    """The kind of failure that a step ends with."""

    def __init__(
        self,
        message: str = "",
        *,
        retryable: bool | None = None,
        metadata: dict[str, Any] | None = None,
        error_code: str | None = None,
        retry_after: int | float | None = None,
        context: dict[str, Any] | None = None,
        code: str | None = None,
    ) -> None:
        """Make an error.

        Args:
            message: What operators read.
            retryable: Takes the place of the class's own answer.
            metadata: Kept with the step.
            error_code: The application's own code; `code` is short for it.
            retry_after: Seconds until the next attempt, instead of the template's backoff.
            context: Kept with the error.
            code: Short for `error_code`.
        """
        super().__init__(message)
        self.message = message
        if retryable is not None:
            self.retryable = retryable
        self.metadata = dict(metadata or {})
        self.error_code = error_code if error_code is not None else code
        self.retry_after = retry_after
        self.context = dict(context or {})

    def to_dict(self) -> dict[str, Any]:
        """Return all that the error says."""
        return {
            "error_class": type(self).__name__,
            "message": self.message,
            "retryable": self.retryable,
            "error_code": self.error_code,
            "retry_after": self.retry_after,
            "metadata": self.metadata,
            "context": self.context,
        }


class RetryableError(TaskerError):
    """Another attempt may help: the step is tried again, as often as its template allows."""

    retryable: bool = True
    default_error_type: ClassVar[str] = "retryable_error"


class PermanentError(TaskerError):
    """Another attempt would not help: the step fails for good."""

    retryable: bool = False
    default_error_type: ClassVar[str] = "permanent_error"


class TimeoutError(RetryableError):
    """Something took too long."""


class NetworkError(RetryableError):
    """Another system could not be reached."""


class RateLimitError(RetryableError):
    """Another system asks for fewer calls. Say when to try again by `retry_after`."""


class ServiceUnavailableError(RetryableError):
    """Another system is down for the moment."""


class ResourceContentionError(RetryableError):
    """Something is locked or used up for the moment."""


class ValidationError(PermanentError):
    """The input is wrong."""


class NotFoundError(PermanentError):
    """Something that the step needs does not exist."""


class AuthenticationError(PermanentError):
    """Credentials were refused."""


class AuthorizationError(PermanentError):
    """The credentials do not allow what the step does."""


class ConfigurationError(PermanentError):
    """The handler or its surroundings are set up wrongly."""


class BusinessLogicError(PermanentError):
    """A rule of the business says no."""


class FFIError(TaskerError, exceptions.FFIError):
    """The core refused a call, or could not be called."""

    retryable: bool = True


__all__ = [
    "AuthenticationError",
    "AuthorizationError",
    "BusinessLogicError",
    "ConfigurationError",
    "FFIError",
    "NetworkError",
    "NotFoundError",
    "PermanentError",
    "RateLimitError",
    "ResourceContentionError",
    "RetryableError",
    "ServiceUnavailableError",
    "TaskerError",
    "TimeoutError",
    "ValidationError",
]
