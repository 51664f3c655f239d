"""Whether another attempt may help after an exception. Every failure of a handler is judged here."""

from __future__ import annotations

import builtins

from tasker_core import errors


class ErrorClassifier:
    """Judges exceptions: by what they say themselves, then by their class, then by a default."""

    PERMANENT_ERROR_CLASSES: tuple[type[Exception], ...] = (
        errors.PermanentError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        IndexError,
        AssertionError,
        SyntaxError,
        NameError,
        ImportError,
        NotImplementedError,
    )
    RETRYABLE_ERROR_CLASSES: tuple[type[Exception], ...] = (
        errors.RetryableError,
        ConnectionError,
        BrokenPipeError,
        builtins.TimeoutError,
        BlockingIOError,
        InterruptedError,
        OSError,
    )

    def __init__(self, *, default_retryable: bool = True) -> None:
        """Make a classifier; the default is for exceptions of which nothing is known."""
        self._default_retryable = default_retryable

    def retryable(self, exception: BaseException) -> bool:
        """Tell whether another attempt may help."""
        return self._judge(exception)[0]

    def permanent(self, exception: BaseException) -> bool:
        """Tell whether another attempt would not help."""
        return not self.retryable(exception)

    def classify(self, exception: BaseException) -> dict[str, bool | str]:
        """Return the judgement, and what it was made by."""
        retryable, reason = self._judge(exception)
        return {
            "retryable": retryable,
            "permanent": not retryable,
            "error_class": type(exception).__name__,
            "classification": reason,
        }

    def _judge(self, exception: BaseException) -> tuple[bool, str]:
        explicit = getattr(exception, "retryable", None)
        if isinstance(explicit, bool):
            return explicit, "explicit_attribute"
        if isinstance(exception, self.PERMANENT_ERROR_CLASSES):
            return False, "permanent_class"
        if isinstance(exception, self.RETRYABLE_ERROR_CLASSES):
            return True, "retryable_class"
        return self._default_retryable, "default"


_classifier = ErrorClassifier()


def get_classifier() -> ErrorClassifier:
    """Return the classifier that handlers are judged by."""
    return _classifier


def is_retryable(exception: BaseException) -> bool:
    """Tell whether another attempt may help."""
    return _classifier.retryable(exception)


def is_permanent(exception: BaseException) -> bool:
    """Tell whether another attempt would not help."""
    return _classifier.permanent(exception)
