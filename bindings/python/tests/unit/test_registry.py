"""The handlers of this process."""

from __future__ import annotations

import logging
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from unit_helpers import run

from tasker_core.errors import ConfigurationError
from tasker_core.event_bridge import EventBridge, EventNames
from tasker_core.handler import HandlerRegistry
from tasker_core.models import HandlerWrapper
from tasker_core.registry import HandlerDefinition, RegistryResolver
from tasker_core.step_handler import StepHandler, step_handler
from tasker_core.types import StepContext


class Charge(StepHandler):
    handler_name = "charge"

    def call(self, context: StepContext) -> Any:
        return "charged"


MakePackage = Callable[..., str]


@pytest.fixture
def make_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakePackage]:
    """Write a package, importable for the time of a test."""
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    made: list[str] = []

    def make(name: str, **modules: str) -> str:
        folder = tmp_path / "lib" / name
        folder.mkdir(parents=True)
        for module, source in {"__init__": "", **modules}.items():
            path = folder / f"{module.replace('__sub__', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            if path.parent != folder:
                (path.parent / "__init__.py").touch()
            path.write_text(textwrap.dedent(source))
        made.append(name)
        return name

    yield make
    for loaded in list(sys.modules):
        if loaded.split(".")[0] in made:
            del sys.modules[loaded]


class TestRegister:
    def test_a_handler_is_found_by_its_name(self, registry: HandlerRegistry, context: StepContext) -> None:
        registry.register("charge", Charge)
        assert registry.is_registered("charge")
        assert registry.get_handler_class("charge") is Charge
        assert registry.list_handlers() == ["charge"]
        assert registry.handler_count() == 1
        handler = registry.resolve("charge")
        assert handler is not None
        assert handler.call(context) == "charged"

    def test_what_is_not_registered_is_not_found(self, registry: HandlerRegistry) -> None:
        assert registry.resolve("charge") is None
        assert registry.get_handler_class("charge") is None
        assert not registry.is_registered("charge")

    def test_a_handler_is_forgotten_when_it_is_unregistered(self, registry: HandlerRegistry) -> None:
        registry.register("charge", Charge)
        assert registry.unregister("charge")
        assert not registry.unregister("charge")
        assert registry.handler_count() == 0

    def test_the_last_of_a_name_is_taken_and_the_log_says_so(
        self, registry: HandlerRegistry, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Other(Charge):
            pass

        registry.register("charge", Charge)
        registry.register("charge", Charge)
        assert caplog.text == ""
        registry.register("charge", Other)
        assert registry.get_handler_class("charge") is Other
        assert "handler 'charge' is registered again" in caplog.text

    @pytest.mark.parametrize(("name", "handler"), [("", Charge), ("x", 3), ("x", None)])
    def test_what_cannot_be_a_handler_is_refused(self, registry: HandlerRegistry, name: str, handler: Any) -> None:
        with pytest.raises(ConfigurationError):
            registry.register(name, handler)

    def test_a_decorated_function_stands_for_its_class(self, registry: HandlerRegistry) -> None:
        @step_handler("f")
        def f() -> int:
            return 1

        registry.register("f", f)
        assert registry.get_handler_class("f") is f._handler_class

    @pytest.mark.parametrize(
        "spec",
        ["charge", {"callable": "charge"}, HandlerDefinition("charge"), HandlerWrapper("charge")],
        ids=lambda s: type(s).__name__,
    )
    def test_a_handler_is_asked_for_in_many_ways(self, registry: HandlerRegistry, spec: Any) -> None:
        registry.register("charge", Charge)
        assert isinstance(registry.resolve(spec), Charge)

    def test_clear_forgets_all(self, registry: HandlerRegistry) -> None:
        registry.register("a", Charge)
        registry.register("b", Charge)
        registry.clear()
        assert registry.list_handlers() == []

    def test_listeners_hear_of_new_handlers(self, registry: HandlerRegistry) -> None:
        heard: list[Any] = []
        EventBridge.instance().start()
        EventBridge.instance().subscribe(EventNames.HANDLER_REGISTERED, lambda *what: heard.append(what))
        registry.register("charge", Charge)
        assert heard == [("charge", Charge)]


class TestInstance:
    def test_there_is_one_for_the_process(self) -> None:
        assert HandlerRegistry.instance() is HandlerRegistry.instance()

    def test_after_a_reset_there_is_another(self) -> None:
        before = HandlerRegistry.instance()
        before.register("charge", Charge)
        HandlerRegistry.reset_instance()
        assert HandlerRegistry.instance() is not before
        assert HandlerRegistry.instance().handler_count() == 0

    def test_in_tests_the_classes_that_are_loaded_are_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TASKER_ENV", "test")
        assert HandlerRegistry.instance(skip_bootstrap=True).handler_count() == 0
        HandlerRegistry.reset_instance()
        registry = HandlerRegistry.instance()
        found = registry.get_handler_class("charge")
        assert found is not None
        assert found.handler_name == "charge"


class TestDiscover:
    def test_classes_functions_and_workflows_are_found(self, registry: HandlerRegistry, make_package: MakePackage) -> None:
        package = make_package(
            "shop",
            payments="""
                from tasker_core import StepHandler
                from tasker_core.step_handler import step_handler

                class Charge(StepHandler):
                    handler_name = "charge"
                    def call(self, context): return "charged"

                class Unnamed(StepHandler):
                    def call(self, context): return "unnamed"

                class Base(StepHandler):
                    handler_name = "base"

                @step_handler("refund")
                def refund(): return "refunded"
            """,
            deep__sub__orders="""
                from tasker_core import Workflow
                from shop.payments import Charge

                orders = Workflow("orders", namespace="shop")

                @orders.step
                def validate(): return "validated"
            """,
        )
        assert registry.discover_handlers(package) == 3
        assert registry.list_handlers() == ["charge", "refund", "shop.orders.validate"]
        assert run(registry, "charge")["result"] == "charged"
        assert run(registry, "refund")["result"] == "refunded"
        assert run(registry, "shop.orders.validate")["result"] == "validated"

    def test_its_classes_can_be_named_by_their_paths(self, registry: HandlerRegistry, make_package: MakePackage) -> None:
        source = "from tasker_core import StepHandler\nclass Charge(StepHandler):\n    def call(self, c): return 1\n"
        package = make_package("shop", payments=source)
        assert registry.resolve("shop.payments.Charge") is None
        assert registry.discover_handlers(package) == 0
        assert run(registry, "shop.payments.Charge")["result"] == 1
        assert registry.served_handlers() == ["shop.payments.Charge"]

    def test_a_module_that_cannot_be_imported_is_logged_and_left_out(
        self, registry: HandlerRegistry, make_package: MakePackage, caplog: pytest.LogCaptureFixture
    ) -> None:
        package = make_package(
            "shop",
            a_broken="raise RuntimeError('boom')",
            b_syntax="def (",
            c_good="""
                from tasker_core.step_handler import step_handler
                @step_handler("good")
                def good(): return 1
            """,
        )
        assert registry.discover_handlers(package) == 1
        assert "module shop.a_broken cannot be imported" in caplog.text
        assert "boom" in caplog.text
        assert "module shop.b_syntax cannot be imported" in caplog.text

    def test_a_package_that_cannot_be_imported_is_an_error(self, registry: HandlerRegistry) -> None:
        with pytest.raises(ImportError):
            registry.discover_handlers("no_such_package_at_all")

    def test_only_subclasses_of_a_base_class_are_taken(self, registry: HandlerRegistry, make_package: MakePackage) -> None:
        package = make_package(
            "shop",
            handlers="""
                from tasker_core import DecisionHandler, StepHandler
                class A(StepHandler):
                    handler_name = "a"
                    def call(self, c): ...
                class B(DecisionHandler):
                    handler_name = "b"
                    def call(self, c): ...
            """,
        )
        from tasker_core import DecisionHandler

        assert registry.discover_handlers(package, DecisionHandler) == 1
        assert registry.list_handlers() == ["b"]

    def test_of_two_handlers_with_one_name_the_first_is_taken(
        self, registry: HandlerRegistry, make_package: MakePackage, caplog: pytest.LogCaptureFixture
    ) -> None:
        source = """
            from tasker_core.step_handler import step_handler
            @step_handler("twice")
            def twice(): return __name__
        """
        assert registry.discover_handlers(make_package("shop", a=source, b=source)) == 1
        assert run(registry, "twice")["result"] == "shop.a"
        assert "package shop has two handlers called 'twice'" in caplog.text

    def test_what_a_package_imports_from_elsewhere_is_not_its_own(
        self, registry: HandlerRegistry, make_package: MakePackage
    ) -> None:
        source = "from tasker_core import StepHandler\nclass A(StepHandler):\n    handler_name = 'a'\n    def call(self, c): ...\n"
        make_package("library", handlers=source)
        assert registry.discover_handlers(make_package("shop", handlers="from library.handlers import A\n")) == 0


class TestNamesFromTemplates:
    """A template comes from outside: it may name, but never load or run, what the application did not offer."""

    @pytest.fixture
    def trap(self, make_package: MakePackage, tmp_path: Path) -> Path:
        mark = tmp_path / "imported"
        source = f"""
            from pathlib import Path
            from tasker_core import StepHandler
            Path({str(mark)!r}).touch()
            class Handler(StepHandler):
                handler_name = "trapped"
                def call(self, context):
                    return "ran"
        """
        make_package("trap", handlers=source)
        return mark

    @pytest.mark.parametrize(
        "name",
        [
            "trap.handlers.Handler",
            "trap.handlers",
            "trap.handlers:Handler",
            "os.system",
            "subprocess.Popen",
            "builtins.eval",
        ],
    )
    def test_nothing_is_imported_for_a_name(self, registry: HandlerRegistry, trap: Path, name: str) -> None:
        document = run(registry, name)
        assert document["error"]["error_type"] == "handler_not_found"
        assert not trap.exists()
        assert "trap" not in sys.modules

    def test_what_is_loaded_but_was_not_offered_is_not_run(self, registry: HandlerRegistry, trap: Path) -> None:
        __import__("trap.handlers")
        assert trap.exists()
        for name in ("trap.handlers.Handler", "trapped"):
            assert run(registry, name)["error"]["error_type"] == "handler_not_found"

    def test_once_the_application_names_the_package_it_runs(self, registry: HandlerRegistry, trap: Path) -> None:
        registry.discover_handlers("trap")
        assert run(registry, "trap.handlers.Handler")["result"] == run(registry, "trapped")["result"] == "ran"


class TestTemplates:
    @pytest.fixture
    def templates(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = tmp_path / "templates"
        folder.mkdir()
        (folder / "t.yaml").write_text(
            "name: t\nnamespace_name: shop\nsteps:\n"
            "  - {name: a, handler: {callable: charge}}\n"
            "  - {name: b, handler: {callable: payments.refund}}\n"
            "  - {name: c, handler: {callable: missing}}\n"
        )
        monkeypatch.setenv("TASKER_TEMPLATE_PATH", str(folder))
        return folder

    def test_what_templates_miss_is_logged_and_nothing_is_imported(
        self, registry: HandlerRegistry, templates: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        registry.register("charge", Charge)
        with caplog.at_level(logging.INFO):
            assert registry.bootstrap_handlers() == 1
        assert "does not have yet: missing, payments.refund" in caplog.text
        assert registry.list_handlers() == ["charge"]

    def test_names_that_only_a_pattern_knows_are_served_if_a_template_has_them(
        self, registry: HandlerRegistry, templates: Path
    ) -> None:
        class Payments(RegistryResolver):
            prefix = "payments."

            def resolve_handler(self, definition: HandlerDefinition, config: dict[str, Any]) -> Any | None:
                return Charge()

        registry.register("charge", Charge)
        assert registry.served_handlers() == ["charge"]
        registry.resolver_chain.add_resolver(Payments())
        assert registry.served_handlers() == ["charge", "payments.refund"]

    def test_the_registry_tells_of_templates(self, registry: HandlerRegistry, templates: Path) -> None:
        assert registry.template_discovery_info() == {
            "template_path": str(templates),
            "template_files": 1,
            "discovered_handlers": ["charge", "missing", "payments.refund"],
            "handlers_by_namespace": {"shop": ["charge", "missing", "payments.refund"]},
            "environment": None,
        }

    def test_without_templates_there_is_nothing_to_tell(self, registry: HandlerRegistry) -> None:
        assert registry.template_discovery_info()["template_path"] is None
        assert registry.bootstrap_handlers() == 0
