"""Errors, and exceptions as failures of steps."""

from __future__ import annotations

import pickle

import pytest

from tasker_core import errors, exceptions
from tasker_core.errors._failure import clean, failure_from_exception


class TestErrors:
    def test_an_error_says_all_that_it_was_told(self) -> None:
        error = errors.RateLimitError(
            "slow down", error_code="E429", retry_after=30, metadata={"a": 1}, context={"host": "x"}
        )
        assert str(error) == "slow down"
        assert error.to_dict() == {
            "error_class": "RateLimitError",
            "message": "slow down",
            "retryable": True,
            "error_code": "E429",
            "retry_after": 30,
            "metadata": {"a": 1},
            "context": {"host": "x"},
        }

    def test_code_is_short_for_error_code(self) -> None:
        assert errors.PermanentError("x", code="C1").error_code == "C1"
        assert errors.PermanentError("x", error_code="C2", code="C1").error_code == "C2"

    def test_retryable_takes_the_place_of_the_class_s_answer(self) -> None:
        assert errors.PermanentError("x").retryable is False
        assert errors.PermanentError("x", retryable=True).retryable is True
        assert errors.PermanentError.retryable is False

    def test_all_are_caught_as_errors_of_the_package(self) -> None:
        for name in errors.__all__:
            assert issubclass(getattr(errors, name), exceptions.TaskerError)
        assert issubclass(errors.FFIError, exceptions.FFIError)

    def test_an_error_crosses_processes(self) -> None:
        copy = pickle.loads(pickle.dumps(errors.PermanentError("x", error_code="C1", context={"a": 1})))
        assert (str(copy), copy.error_code, copy.context) == ("x", "C1", {"a": 1})


class Unfinished(errors.RetryableError):
    def __init__(self, order: int) -> None:
        Exception.__init__(self, f"order {order}")


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class TestFailures:
    @pytest.mark.parametrize(
        ("error", "error_type", "retryable"),
        [
            (errors.PermanentError("x"), "permanent_error", False),
            (errors.ValidationError("x"), "permanent_error", False),
            (errors.RetryableError("x"), "retryable_error", True),
            (errors.NetworkError("x"), "retryable_error", True),
            (errors.TaskerError("x", retryable=False), "handler_error", False),
            (errors.TaskerError("x"), "handler_error", True),
            (ValueError("x"), "handler_error", False),
            (RuntimeError("x"), "handler_error", True),
            (SystemExit(3), "handler_panic", False),
            (KeyboardInterrupt(), "handler_panic", False),
            (GeneratorExit(), "handler_panic", False),
        ],
        ids=lambda v: type(v).__name__,
    )
    def test_an_exception_becomes_a_failure_of_its_kind(
        self, error: BaseException, error_type: str, retryable: bool
    ) -> None:
        failure = failure_from_exception(error)
        assert (failure.is_success, failure.error_type, failure.retryable) == (False, error_type, retryable)
        assert failure.metadata["exception_class"] == type(error).__name__

    def test_what_an_error_was_told_is_kept(self) -> None:
        failure = failure_from_exception(
            errors.RetryableError("x", error_code="C", retry_after=2.5, metadata={"a": 1}, context={"b": 2})
        )
        assert failure.error_code == "C"
        assert failure.metadata["a"] == 1
        assert failure.metadata["retry_after"] == 2.5
        assert failure.metadata["error_context"] == {"b": 2}

    def test_where_it_came_from_is_kept_without_what_variables_held(self) -> None:
        def charge(card: str) -> None:
            raise RuntimeError("refused")

        with pytest.raises(RuntimeError) as caught:
            charge("4111-CANARY")
        trace = failure_from_exception(caught.value).metadata["traceback"]
        assert 'raise RuntimeError("refused")' in trace
        assert "4111-CANARY" not in trace.replace('charge("4111-CANARY")', "")

    def test_a_subclass_without_our_constructor_is_no_trouble(self) -> None:
        failure = failure_from_exception(Unfinished(7))
        assert (failure.error_message, failure.error_type, failure.retryable) == ("order 7", "retryable_error", True)

    def test_an_error_without_text_is_named_by_its_class(self) -> None:
        assert failure_from_exception(RuntimeError()).error_message == "RuntimeError"
        assert failure_from_exception(Unspeakable()).error_message == "Unspeakable"

    def test_a_text_that_the_database_cannot_hold_is_mended(self) -> None:
        assert clean("a\0b\ud800c") == "a\ufffdb?c"
        assert failure_from_exception(RuntimeError("a\0b")).error_message == "a\ufffdb"

    def test_a_text_without_end_is_cut(self) -> None:
        message = failure_from_exception(RuntimeError("x" * 1_000_000)).error_message
        assert message is not None
        assert len(message) == 8_000

    def test_endless_recursion_has_a_short_trace(self) -> None:
        def again(n: int) -> int:
            return again(n + 1)

        with pytest.raises(RecursionError) as caught:
            again(0)
        assert len(failure_from_exception(caught.value).metadata["traceback"].splitlines()) < 200
