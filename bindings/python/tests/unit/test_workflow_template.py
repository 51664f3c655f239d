"""The template of a workflow has all that its functions say, in YAML that others read."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from order_workflow import Payment, orders

from tasker_core import Workflow
from tasker_core.errors import ConfigurationError
from tasker_core.workflow._schema import schema_of
from tasker_core.workflow._yaml import to_yaml


@dataclasses.dataclass
class Tree:
    children: list[Tree]


class TestTemplate:
    def test_edges_inputs_and_options_are_in_it(self) -> None:
        item = {
            "type": "object",
            "required": ["sku", "cents"],
            "properties": {"sku": {"type": "string"}, "cents": {"type": "integer"}},
        }
        assert orders.template() == {
            "name": "order_processing",
            "namespace_name": "ecommerce",
            "version": "2.0.0",
            "description": "Sells things",
            "input_schema": {
                "type": "object",
                "required": ["items", "address"],
                "properties": {
                    "items": {"type": "array", "items": item},
                    "method": {"enum": ["card"]},
                    "address": {"type": "object", "required": ["street"], "properties": {"street": {"type": "string"}}},
                    "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                },
            },
            "steps": [
                {
                    "name": "validate_cart",
                    "description": "Check the items and add them up.",
                    "handler": {"callable": "ecommerce.order_processing.validate_cart", "initialization": {"limit": 3}},
                    "timeout_seconds": 5,
                },
                {
                    "name": "charge",
                    "handler": {"callable": "ecommerce.order_processing.charge"},
                    "dependencies": ["validate_cart"],
                    "retry": {
                        "retryable": True,
                        "max_attempts": 4,
                        "backoff": "linear",
                        "backoff_base_ms": 500,
                        "max_backoff_ms": 60_000,
                    },
                    "timeout_seconds": 30,
                    "publishes_events": [{"name": "order.paid"}],
                },
                {
                    "name": "reserve",
                    "handler": {"callable": "ecommerce.order_processing.reserve"},
                    "dependencies": ["validate_cart"],
                },
                {
                    "name": "ship_order",
                    "handler": {"callable": "ecommerce.order_processing.ship_order"},
                    "dependencies": ["charge", "reserve"],
                    "retry": {"retryable": False, "max_attempts": 1},
                },
            ],
        }

    def test_it_is_yaml_that_others_read(self, tmp_path: Path) -> None:
        assert yaml.safe_load(orders.to_yaml()) == orders.template()
        path = orders.write_template(tmp_path)
        assert path == tmp_path / "order_processing.yaml"
        assert yaml.safe_load(path.read_text()) == orders.template()

    def test_the_least_is_a_name_and_a_step(self) -> None:
        flow = Workflow("least", identity_strategy="always_unique")

        @flow.step
        def only() -> None: ...

        assert flow.template() == {
            "name": "least",
            "namespace_name": "default",
            "version": "1.0.0",
            "identity_strategy": "always_unique",
            "steps": [{"name": "only", "handler": {"callable": "default.least.only"}}],
        }

    def test_a_workflow_without_steps_has_no_template(self) -> None:
        with pytest.raises(ConfigurationError, match="workflow empty has no steps"):
            Workflow("empty").template()

    @pytest.mark.parametrize(
        "value",
        [
            "", "plain", "two words", "1.0.0", "1", "1e3", "true", "No", "null", "~", "a: b", "a #b", "- x", "é\n\t\"'", "{a}", "*x",
            "0x1f", "12:30:00", "2026-01-31", " lead", "trail ", "%", "@", "a,b", "x]", "!tag", "&a", "|", ">", "?", ":", "-",
            0, -1.5, True, None, [], {}, [[], [1, [2]], {"a": []}], {"a": {"b": [{"c": {"d": [1]}}]}, "1": 2, "on": 3},
        ],
        ids=repr,
    )  # fmt: skip
    def test_every_value_survives_yaml(self, value: Any) -> None:
        document = {"value": value, "list": [value, {"deep": value}]}
        assert yaml.safe_load(to_yaml(document)) == document

    @pytest.mark.parametrize(
        ("hint", "schema"),
        [
            (Any, {}),
            (object, {}),
            (bool, {"type": "boolean"}),
            (float, {"type": "number"}),
            (None, {"type": "null"}),
            (list, {"type": "array"}),
            (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
            (tuple[int, str], {"type": "array"}),
            (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
            (dict, {"type": "object"}),
            (Literal["a", 1], {"enum": ["a", 1]}),
            (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
            (datetime.date, {"type": "string"}),
            (Payment, {"type": "object"}),
        ],
        ids=str,
    )
    def test_types_are_described_as_far_as_json_schema_goes(self, hint: Any, schema: Any) -> None:
        assert schema_of(hint) == schema

    def test_a_type_that_contains_itself_is_described_once(self) -> None:
        assert schema_of(Tree)["properties"]["children"] == {"type": "array", "items": {"type": "object"}}
