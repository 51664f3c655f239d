"""Handlers in both forms that Python has for them: classes, and functions with decorators, which is the DSL.

A template beside this file stands for both forms. It is registered once for each, with the form behind its own name and behind
the names of its handlers: `linear` becomes `linear_class`, whose steps call `linear.square_class` and so on, and `linear_dsl`.
In the modules here the handlers stand side by side, and what they have in common stands before them.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import yaml

FORMS = ("class", "dsl")
TEMPLATES = Path(__file__).with_name("templates")
EXAMPLES = Path(__file__).parents[5] / "examples"
SHARED_EXAMPLES = ("linear", "diamond", "tree", "mixed_dag", "approval", "order_fulfillment")
"""Templates of the examples whose handlers are here as well."""


def write_templates(folder: Path) -> None:
    """Write all templates into a folder, once for each form."""
    sources = [*TEMPLATES.glob("*.yaml"), *(EXAMPLES / "templates" / f"{name}.yaml" for name in SHARED_EXAMPLES)]
    for source in sources:
        for form in FORMS:
            template = yaml.safe_load(source.read_text())
            template["name"] += f"_{form}"
            template["identity_strategy"] = "always_unique"
            for step in template["steps"]:
                step["handler"]["callable"] += f"_{form}"
            (folder / f"{template['namespace_name']}.{template['name']}.yaml").write_text(json.dumps(template))


def example(path: str) -> ModuleType:
    """Load a module of the examples."""
    file = EXAMPLES / path
    spec = importlib.util.spec_from_file_location(f"example_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
