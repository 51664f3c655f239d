"""Whether another attempt may help."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tasker_core import errors, exceptions
from tasker_core.errors.error_classifier import ErrorClassifier, get_classifier, is_permanent, is_retryable


class SaysSo(Exception):
    def __init__(self, retryable: Any) -> None:
        self.retryable = retryable


class UnderBoth(errors.RetryableError, ValueError):
    pass


TABLE = [
    # What an exception says itself comes first.
    (SaysSo(True), True, "explicit_attribute"),
    (SaysSo(False), False, "explicit_attribute"),
    (errors.PermanentError("x", retryable=True), True, "explicit_attribute"),
    (errors.RetryableError("x", retryable=False), False, "explicit_attribute"),
    (errors.TimeoutError("x"), True, "explicit_attribute"),
    (errors.NetworkError("x"), True, "explicit_attribute"),
    (errors.RateLimitError("x"), True, "explicit_attribute"),
    (errors.ServiceUnavailableError("x"), True, "explicit_attribute"),
    (errors.ResourceContentionError("x"), True, "explicit_attribute"),
    (errors.FFIError("x"), True, "explicit_attribute"),
    (errors.ValidationError("x"), False, "explicit_attribute"),
    (errors.NotFoundError("x"), False, "explicit_attribute"),
    (errors.AuthenticationError("x"), False, "explicit_attribute"),
    (errors.AuthorizationError("x"), False, "explicit_attribute"),
    (errors.ConfigurationError("x"), False, "explicit_attribute"),
    (errors.BusinessLogicError("x"), False, "explicit_attribute"),
    (UnderBoth("x"), True, "explicit_attribute"),
    # An attribute that is no bool says nothing.
    (SaysSo("yes"), True, "default"),
    # Mistakes do not go away.
    (ValueError("x"), False, "permanent_class"),
    (UnicodeDecodeError("utf-8", b"", 0, 1, "x"), False, "permanent_class"),
    (json.JSONDecodeError("x", "", 0), False, "permanent_class"),
    (TypeError("x"), False, "permanent_class"),
    (KeyError("x"), False, "permanent_class"),
    (AttributeError("x"), False, "permanent_class"),
    (IndexError("x"), False, "permanent_class"),
    (AssertionError("x"), False, "permanent_class"),
    (SyntaxError("x"), False, "permanent_class"),
    (NameError("x"), False, "permanent_class"),
    (ImportError("x"), False, "permanent_class"),
    (ModuleNotFoundError("x"), False, "permanent_class"),
    (NotImplementedError("x"), False, "permanent_class"),
    # The world may be better next time.
    (ConnectionError("x"), True, "retryable_class"),
    (ConnectionResetError("x"), True, "retryable_class"),
    (BrokenPipeError("x"), True, "retryable_class"),
    (TimeoutError("x"), True, "retryable_class"),
    (BlockingIOError("x"), True, "retryable_class"),
    (InterruptedError("x"), True, "retryable_class"),
    (FileNotFoundError("x"), True, "retryable_class"),
    # Of the rest nothing is known.
    (RuntimeError("x"), True, "default"),
    (ZeroDivisionError("x"), True, "default"),
    (exceptions.TaskerError("x"), True, "default"),
    (Exception("x"), True, "default"),
]


@pytest.mark.parametrize(("error", "retryable", "reason"), TABLE, ids=lambda v: type(v).__name__)
def test_an_exception_is_judged_by_itself_then_by_its_class(error: Exception, retryable: bool, reason: str) -> None:
    classifier = ErrorClassifier()
    assert classifier.retryable(error) is retryable
    assert classifier.permanent(error) is not retryable
    assert is_retryable(error) is retryable
    assert is_permanent(error) is not retryable
    assert classifier.classify(error) == {
        "retryable": retryable,
        "permanent": not retryable,
        "error_class": type(error).__name__,
        "classification": reason,
    }


def test_the_default_can_be_turned_round() -> None:
    classifier = ErrorClassifier(default_retryable=False)
    assert classifier.permanent(RuntimeError("x"))
    assert classifier.retryable(ConnectionError("x"))


def test_there_is_one_classifier_for_all() -> None:
    assert get_classifier() is get_classifier()
