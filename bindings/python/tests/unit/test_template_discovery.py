"""Finding templates, and the handlers that they name."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tasker_core.template_discovery import HandlerDiscovery, TemplateParser, TemplatePath

TEMPLATE = """
name: {name}
namespace_name: {namespace}
version: 1.2.0
description: A test
steps:
  - name: first
    handler: {{callable: {name}.first, method: run}}
  - name: second
    handler:
      callable: {name}.second
    dependencies: [first]
  - name: again
    handler: {{callable: {name}.first}}
"""


def write(path: Path, name: str = "orders", namespace: str = "shop") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TEMPLATE.format(name=name, namespace=namespace))
    return path


class TestSearch:
    def test_without_templates_there_is_no_directory(self) -> None:
        assert TemplatePath.find_template_config_directory() is None

    def test_each_place_hides_those_after_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        root, workspace, explicit = tmp_path / "root", tmp_path / "workspace", tmp_path / "explicit"
        here = root / "app" / "deep"
        here.mkdir(parents=True)
        (root / "pyproject.toml").touch()
        monkeypatch.chdir(here)
        monkeypatch.setenv("TASKER_ENV", "test")
        monkeypatch.setenv("WORKSPACE_PATH", str(workspace))
        monkeypatch.setenv("TASKER_TEMPLATE_PATH", str(explicit))
        places = [
            here / "config" / "tasks",
            root / "config" / "tasks",
            workspace / "config" / "tasks",
            root / "tests" / "fixtures" / "task_templates",
            root / "tests" / "fixtures" / "task_templates" / "python",
            here / "tests" / "fixtures" / "task_templates",
            explicit,
        ]
        for place in places:
            place.mkdir(parents=True, exist_ok=True)
            assert TemplatePath.find_template_config_directory() == place

    def test_fixtures_are_for_tests_only(self, tmp_path: Path) -> None:
        (tmp_path / "tests" / "fixtures" / "task_templates").mkdir(parents=True)
        assert TemplatePath.find_template_config_directory() is None

    def test_a_place_that_does_not_exist_is_passed_over(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TASKER_TEMPLATE_PATH", str(tmp_path / "nowhere"))
        (tmp_path / "config" / "tasks").mkdir(parents=True)
        assert TemplatePath.find_template_config_directory() == tmp_path / "config" / "tasks"

    def test_the_root_is_at_most_ten_levels_up(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "pyproject.toml").touch()
        (tmp_path / "config" / "tasks").mkdir(parents=True)
        near = tmp_path.joinpath(*"abcdefghi")
        far = near / "j"
        far.mkdir(parents=True)
        monkeypatch.chdir(near)
        assert TemplatePath.find_template_config_directory() == tmp_path / "config" / "tasks"
        monkeypatch.chdir(far)
        assert TemplatePath.find_template_config_directory() is None

    def test_both_endings_are_found_below_and_sorted(self, tmp_path: Path) -> None:
        files = [write(tmp_path / name) for name in ("b.yaml", "a.yml", "deep/er/c.yaml")]
        (tmp_path / "notes.txt").touch()
        (tmp_path / "folder.yaml").mkdir()
        assert TemplatePath.discover_template_files(tmp_path) == sorted(files)


class TestParser:
    def test_handlers_are_named_once_in_their_order(self, tmp_path: Path) -> None:
        assert TemplateParser.extract_handler_callables(write(tmp_path / "t.yaml")) == ["orders.first", "orders.second"]

    def test_a_template_tells_what_it_is_about(self, tmp_path: Path) -> None:
        path = write(tmp_path / "t.yaml")
        assert TemplateParser.extract_template_metadata(path) == {
            "name": "orders",
            "namespace": "shop",
            "version": "1.2.0",
            "description": "A test",
            "file_path": str(path),
            "handlers": ["orders.first", "orders.second"],
        }

    @pytest.mark.parametrize("text", ["steps: [", "- a\n- b", "just text", "", "\t- x: {", "!!python/object:os.system {}"])
    def test_what_is_no_template_is_left_out_and_logged(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str
    ) -> None:
        path = tmp_path / "t.yaml"
        path.write_text(text)
        assert TemplateParser.extract_handler_callables(path) == []
        assert TemplateParser.extract_template_metadata(path) == {}
        assert f"template {path} cannot be read" in caplog.text

    def test_a_file_that_cannot_be_read_is_left_out(self, tmp_path: Path) -> None:
        (tmp_path / "t.yaml").write_bytes(b"\xff\xfe")
        assert TemplateParser.extract_handler_callables(tmp_path / "t.yaml") == []
        assert TemplateParser.extract_handler_callables(tmp_path / "nowhere.yaml") == []

    @pytest.mark.parametrize(
        "data",
        [{}, {"steps": None}, {"steps": [None, 3, {}, {"handler": None}, {"handler": {}}, {"handler": {"callable": 5}}]}],
    )
    def test_steps_without_a_handler_are_passed_over(self, data: dict[str, object]) -> None:
        assert TemplateParser.extract_handlers_from_template(data) == []

    def test_without_pyyaml_json_is_read_and_the_log_says_what_to_install(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setitem(sys.modules, "yaml", None)
        (tmp_path / "j.yaml").write_text(json.dumps({"name": "j", "steps": [{"handler": {"callable": "a"}}]}))
        assert TemplateParser.extract_handler_callables(tmp_path / "j.yaml") == ["a"]
        assert TemplateParser.extract_handler_callables(write(tmp_path / "y.yaml")) == []
        assert "pip install 'tasker-core[yaml]'" in caplog.text


class TestHandlers:
    @pytest.fixture
    def templates(self, tmp_path: Path) -> Path:
        write(tmp_path / "a.yaml", "orders", "shop")
        write(tmp_path / "b.yaml", "refunds", "shop")
        write(tmp_path / "c.yml", "orders", "warehouse")
        (tmp_path / "d.yaml").write_text("steps: [")
        return tmp_path

    def test_all_handlers_are_listed_once(self, templates: Path) -> None:
        want = ["orders.first", "orders.second", "refunds.first", "refunds.second"]
        assert HandlerDiscovery.discover_all_handlers(templates) == want

    def test_each_namespace_has_its_own(self, templates: Path) -> None:
        assert HandlerDiscovery.discover_handlers_by_namespace(templates) == {
            "shop": ["orders.first", "orders.second", "refunds.first", "refunds.second"],
            "warehouse": ["orders.first", "orders.second"],
        }

    def test_files_that_cannot_be_read_are_left_out(self, templates: Path) -> None:
        names = [template["name"] for template in HandlerDiscovery.discover_template_metadata(templates)]
        assert names == ["orders", "refunds", "orders"]
