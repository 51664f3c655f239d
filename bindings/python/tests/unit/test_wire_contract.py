"""The helper that holds documents against the contract really does."""

from __future__ import annotations

import pytest
from unit_helpers import check_contract, contract


@pytest.mark.parametrize("kind", ["step_result", "checkpoint"])
def test_what_the_core_accepts_fits(kind: str) -> None:
    for example in contract(kind)["accept"]:
        check_contract(example["document"])


@pytest.mark.parametrize(
    "name",
    ["an unknown key", "an unknown key of metadata", "error_message belongs into error", "message belongs into error"],
)
def test_keys_that_the_core_refuses_do_not(name: str) -> None:
    example = next(e for e in contract("step_result")["refuse"] if e["name"] == name)
    with pytest.raises(AssertionError):
        check_contract(example["document"])
