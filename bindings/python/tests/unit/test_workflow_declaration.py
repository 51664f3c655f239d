"""Declaring steps: options mean what they say, and what cannot work is refused."""

from __future__ import annotations

from typing import Any

import pytest
from order_workflow import Cart, validate_cart

from tasker_core import Workflow, result
from tasker_core.errors import ConfigurationError


class TestDeclaration:
    @pytest.mark.parametrize(
        ("duration", "seconds"), [("500ms", 1), ("5s", 5), ("1.5s", 2), ("2m", 120), ("1h", 3600), (7, 7), (0.2, 1)]
    )
    def test_durations_are_texts_or_seconds(self, duration: Any, seconds: int) -> None:
        flow = Workflow("w")

        @flow.step(timeout=duration)
        def only() -> None: ...

        assert flow.template()["steps"][0]["timeout_seconds"] == seconds

    @pytest.mark.parametrize("duration", ["", "5", "5 days", "-1s", 0, -1, float("inf"), float("nan")])
    def test_what_is_no_duration_is_refused(self, duration: Any) -> None:
        with pytest.raises(ConfigurationError, match="is no duration"):
            Workflow("w").step(timeout=duration)

    def test_retries_are_not_negative(self) -> None:
        with pytest.raises(ConfigurationError, match="retries must be 0 or more"):
            Workflow("w").step(retries=-1)

    def test_two_steps_of_one_name_are_refused(self) -> None:
        flow = Workflow("w")

        def one() -> None: ...

        flow.step(one)
        with pytest.raises(ConfigurationError, match="two steps called 'one'"):
            flow.step(name="one")(lambda: None)

    def test_a_step_of_another_workflow_cannot_be_needed(self) -> None:
        flow = Workflow("w")

        def needs(cart: Cart = result(validate_cart)) -> None: ...

        with pytest.raises(ConfigurationError, match="'needs' needs 'validate_cart', which is no step of workflow w"):
            flow.step(needs)
        with pytest.raises(ConfigurationError, match="which is no step of workflow w"):
            flow.step(after=[validate_cart])(lambda: None)

    @pytest.mark.parametrize("function", [lambda *args: None, lambda **kwargs: None, lambda a, /: None])
    def test_parameters_that_cannot_be_given_by_name_are_refused(self, function: Any) -> None:
        with pytest.raises(ConfigurationError, match="cannot be given by its name"):
            Workflow("w").step(function)

    def test_a_type_that_is_not_there_is_an_error_that_says_so(self) -> None:
        flow = Workflow("w")

        @flow.step
        def only(x: NoSuchType) -> None: ...  # type: ignore[name-defined]  # noqa: F821

        with pytest.raises(ConfigurationError, match="types of step only cannot be read: name 'NoSuchType'"):
            flow.template()

    def test_steps_agree_on_the_type_of_an_input(self) -> None:
        flow = Workflow("w")

        @flow.step
        def first(n: int) -> None: ...

        @flow.step
        def second(n: str) -> None: ...

        with pytest.raises(ConfigurationError, match="step 'second' reads input 'n' in another type"):
            flow.template()
