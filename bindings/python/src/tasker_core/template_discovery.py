"""Finding templates, and the handlers that they name. YAML needs PyYAML: install `tasker-core[yaml]`."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

_ROOT_MARKERS = (".git", "pyproject.toml", "setup.py", "go.mod", "Cargo.toml", "Gemfile", "package.json")
_MOST_LEVELS = 10


class TemplatePath:
    """Where templates are."""

    @staticmethod
    def find_template_config_directory() -> Path | None:
        """Return the first of these that is a directory, or None.

        1. `TASKER_TEMPLATE_PATH`
        2. where `TASKER_ENV` is `test`: the fixtures `tests/fixtures/task_templates` here or at the workspace's root, of
           which those in `python` come first
        3. `config/tasks` in `WORKSPACE_PATH`
        4. `config/tasks` at the workspace's root: the first folder upwards that has a file such as pyproject.toml
        5. `config/tasks` here
        """
        return next((path for path in _candidates() if path.is_dir()), None)

    @staticmethod
    def discover_template_files(template_dir: Path) -> list[Path]:
        """Return the YAML files in a directory and below, sorted."""
        files = (path for pattern in ("*.yaml", "*.yml") for path in Path(template_dir).rglob(pattern))
        return sorted(path for path in files if path.is_file())


class TemplateParser:
    """What templates say of handlers."""

    @staticmethod
    def extract_handler_callables(template_file: Path) -> list[str]:
        """Return the handlers that a template file names; none if it cannot be read."""
        return TemplateParser.extract_handlers_from_template(_read(template_file) or {})

    @staticmethod
    def extract_handlers_from_template(template_data: dict[str, Any]) -> list[str]:
        """Return the handlers that a template names, each once, in its order."""
        names = []
        for step in template_data.get("steps") or []:
            handler = step.get("handler") if isinstance(step, dict) else None
            name = handler.get("callable") if isinstance(handler, dict) else handler
            if isinstance(name, str) and name:
                names.append(name)
        return list(dict.fromkeys(names))

    @staticmethod
    def extract_template_metadata(template_file: Path) -> dict[str, Any]:
        """Return what a template file is about; nothing if it cannot be read."""
        template = _read(template_file)
        if template is None:
            return {}
        return {
            "name": template.get("name"),
            "namespace": template.get("namespace_name") or "default",
            "version": template.get("version") or "0.1.0",
            "description": template.get("description"),
            "file_path": str(template_file),
            "handlers": TemplateParser.extract_handlers_from_template(template),
        }


class HandlerDiscovery:
    """The handlers that the templates of a directory name."""

    @staticmethod
    def discover_all_handlers(template_dir: Path) -> list[str]:
        """Return the handlers, each once, sorted."""
        templates = HandlerDiscovery.discover_template_metadata(template_dir)
        return sorted({handler for template in templates for handler in template["handlers"]})

    @staticmethod
    def discover_template_metadata(template_dir: Path) -> list[dict[str, Any]]:
        """Return what each template is about. Files that cannot be read are left out."""
        files = TemplatePath.discover_template_files(template_dir)
        return [metadata for metadata in map(TemplateParser.extract_template_metadata, files) if metadata]

    @staticmethod
    def discover_handlers_by_namespace(template_dir: Path) -> dict[str, list[str]]:
        """Return the handlers of each namespace, each once, sorted."""
        found: dict[str, set[str]] = {}
        for template in HandlerDiscovery.discover_template_metadata(template_dir):
            found.setdefault(template["namespace"], set()).update(template["handlers"])
        return {namespace: sorted(handlers) for namespace, handlers in sorted(found.items())}


def _candidates() -> Iterator[Path]:
    here = Path.cwd()
    root = _workspace_root(here)
    if path := os.environ.get("TASKER_TEMPLATE_PATH"):
        yield Path(path)
    if os.environ.get("TASKER_ENV") == "test":
        for base in (here, root):
            if base is not None:
                fixtures = base / "tests" / "fixtures" / "task_templates"
                yield fixtures / "python"
                yield fixtures
    if path := os.environ.get("WORKSPACE_PATH"):
        yield Path(path) / "config" / "tasks"
    if root is not None:
        yield root / "config" / "tasks"
    yield here / "config" / "tasks"


def _workspace_root(start: Path) -> Path | None:
    for folder in [start, *start.parents][:_MOST_LEVELS]:
        if any((folder / marker).exists() for marker in _ROOT_MARKERS):
            return folder
    return None


def _read(template_file: Path) -> dict[str, Any] | None:
    """Return a template, or None if the file holds none; the log says why."""
    try:
        template = _parse(Path(template_file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        logger.warning("template %s cannot be read: %s", template_file, error)
        return None
    if not isinstance(template, dict):
        logger.warning("template %s cannot be read: it holds no mapping", template_file)
        return None
    return template


def _parse(text: str) -> Any:
    try:
        return json.loads(text)  # which is YAML as well
    except ValueError:
        pass
    try:
        import yaml
    except ImportError as error:
        raise ValueError("YAML needs PyYAML: pip install 'tasker-core[yaml]'") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"no YAML: {error}") from error
