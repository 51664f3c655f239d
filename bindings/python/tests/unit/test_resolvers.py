"""How handlers are found."""

from __future__ import annotations

import logging
import sys
from types import ModuleType
from typing import Any

import pytest

from tasker_core.errors import ConfigurationError
from tasker_core.registry import (
    BaseResolver,
    ClassLookupResolver,
    ExplicitMappingResolver,
    HandlerDefinition,
    MethodDispatchWrapper,
    RegistryResolver,
    ResolutionError,
    ResolverChain,
    ResolverNotFoundError,
)
from tasker_core.step_handler import ApiHandler, StepHandler, step_handler
from tasker_core.types import StepContext


class Charge(StepHandler):
    handler_name = "charge"

    def call(self, context: StepContext) -> Any:
        return "charged"

    def refund(self, context: StepContext) -> Any:
        return "refunded"


class Fixed(BaseResolver):
    """Knows one name, or fails on it."""

    def __init__(self, name: str, priority: int, known: str, answer: Any) -> None:
        self._name, self._priority, self._known, self._answer = name, priority, known, answer
        self.asked = 0

    @property
    def name(self) -> str:
        return self._name

    @property
    def priority(self) -> int:
        return self._priority

    def can_resolve(self, definition: HandlerDefinition, config: dict[str, Any] | None = None) -> bool:
        return definition.callable == self._known

    def resolve(self, definition: HandlerDefinition, config: dict[str, Any] | None = None) -> Any | None:
        self.asked += 1
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def named(callable_: str, **parts: Any) -> HandlerDefinition:
    return HandlerDefinition(callable_, **parts)


class TestDefinition:
    def test_is_read_from_a_template(self) -> None:
        definition = HandlerDefinition.from_dict(
            {"callable": "h", "method": "refund", "resolver": "r", "initialization": {"a": 1}}
        )
        assert definition == HandlerDefinition("h", "refund", "r", {"a": 1})
        assert definition.uses_method_dispatch()
        assert definition.has_resolver_hint()
        assert HandlerDefinition.from_dict({"callable": "h", "handler_method": "m"}).handler_method == "m"

    @pytest.mark.parametrize("method", [None, "", "call"])
    def test_call_is_the_method_unless_another_is_named(self, method: str | None) -> None:
        definition = named("h", handler_method=method)
        assert definition.effective_method() == "call"
        assert not definition.uses_method_dispatch()

    def test_nothing_is_read_as_no_handler(self) -> None:
        assert HandlerDefinition.from_dict(None) == HandlerDefinition.from_callable("")


class TestChain:
    def test_the_built_in_resolvers_have_their_places(self) -> None:
        chain = ResolverChain.default()
        assert chain.list_resolvers() == [("explicit_mapping", 10), ("class_lookup", 100)]
        assert chain.resolver_names == ["explicit_mapping", "class_lookup"]
        assert isinstance(chain.explicit_resolver, ExplicitMappingResolver)

    def test_the_lowest_priority_is_asked_first(self) -> None:
        chain = (
            ResolverChain.default()
            .add_resolver(Fixed("late", 200, "h", "late"))
            .add_resolver(Fixed("early", 5, "h", "early"))
        )
        assert chain.resolver_names == ["early", "explicit_mapping", "class_lookup", "late"]
        assert chain.resolve(named("h")) == "early"

    def test_among_equals_the_first_that_was_added_is_asked_first(self) -> None:
        chain = ResolverChain().add_resolver(Fixed("a", 50, "h", "a")).add_resolver(Fixed("b", 50, "h", "b"))
        assert chain.resolve(named("h")) == "a"

    def test_one_that_knows_nothing_is_passed_over(self) -> None:
        chain = ResolverChain().add_resolver(Fixed("a", 1, "h", None)).add_resolver(Fixed("b", 2, "h", "b"))
        assert chain.resolve(named("h")) == "b"
        assert chain.resolve(named("other")) is None

    def test_one_that_fails_is_logged_and_passed_over(self, caplog: pytest.LogCaptureFixture) -> None:
        chain = ResolverChain().add_resolver(Fixed("a", 1, "h", ValueError("broken"))).add_resolver(Fixed("b", 2, "h", "b"))
        with caplog.at_level(logging.WARNING):
            assert chain.resolve(named("h")) == "b"
        assert "resolver a failed on 'h': broken" in caplog.text

    def test_if_nobody_else_knows_the_failure_is_told(self) -> None:
        chain = (
            ResolverChain()
            .add_resolver(Fixed("a", 1, "h", ValueError("broken")))
            .add_resolver(Fixed("b", 2, "h", OSError()))
        )
        with pytest.raises(ResolutionError, match="resolver a failed on 'h': broken") as caught:
            chain.resolve(named("h"))
        assert isinstance(caught.value.__cause__, ValueError)

    def test_a_hint_asks_one_resolver_only(self) -> None:
        first, second = Fixed("first", 1, "h", "first"), Fixed("second", 2, "h", "second")
        chain = ResolverChain().add_resolver(first).add_resolver(second)
        assert chain.resolve(named("h", resolver="second")) == "second"
        assert first.asked == 0

    def test_a_hint_to_nobody_is_an_error(self) -> None:
        with pytest.raises(
            ResolverNotFoundError, match="no resolver is called 'x'; there are: explicit_mapping, class_lookup"
        ):
            ResolverChain.default().resolve(named("h", resolver="x"))

    def test_a_hint_to_one_that_does_not_know_is_an_error(self) -> None:
        with pytest.raises(ResolutionError, match="explicit_mapping does not know 'h'"):
            ResolverChain.default().resolve(named("h", resolver="explicit_mapping"))

    def test_a_hint_to_one_that_fails_is_an_error_with_its_cause(self) -> None:
        chain = ResolverChain().add_resolver(Fixed("a", 1, "h", OSError("gone")))
        with pytest.raises(ResolutionError, match="resolver a failed on 'h': gone") as caught:
            chain.resolve(named("h", resolver="a"))
        assert isinstance(caught.value.__cause__, OSError)

    def test_a_method_is_called_in_place_of_call(self, context: StepContext) -> None:
        chain = ResolverChain.default().register("charge", Charge)
        handler = chain.resolve(named("charge", handler_method="refund"))
        assert isinstance(handler, MethodDispatchWrapper)
        assert handler.call(context) == "refunded"
        assert chain.resolve(named("charge", handler_method="call")).call(context) == "charged"

    def test_a_missing_method_is_an_error(self) -> None:
        chain = ResolverChain.default().register("charge", Charge)
        with pytest.raises(ResolutionError, match="Charge has no method 'nope' for templates; it has: call, refund"):
            chain.resolve(named("charge", handler_method="nope"))

    def test_can_resolve_follows_the_hint(self) -> None:
        chain = ResolverChain.default().register("charge", Charge)
        assert chain.can_resolve(named("charge"))
        assert chain.can_resolve(named("charge", resolver="explicit_mapping"))
        assert not chain.can_resolve(named("charge", resolver="class_lookup"))
        assert not chain.can_resolve(named("charge", resolver="nope"))
        assert not chain.can_resolve(named("nope"))

    def test_resolvers_come_and_go(self) -> None:
        chain = ResolverChain.default()
        removed = chain.remove_resolver("class_lookup")
        assert isinstance(removed, ClassLookupResolver)
        assert chain.get_resolver("class_lookup") is None
        assert chain.remove_resolver("class_lookup") is None
        chain.add_resolver(Fixed("x", 1, "h", "old")).add_resolver(Fixed("x", 1, "h", "new"))
        assert chain.resolve(named("h")) == "new"

    def test_the_chain_describes_itself(self) -> None:
        chain = ResolverChain.default().register("b", Charge).register("a", Charge)
        assert chain.registered_callables() == ["a", "b"]
        assert chain.chain_info()[0] == {
            "name": "explicit_mapping",
            "priority": 10,
            "resolver": "ExplicitMappingResolver",
            "callables": ["a", "b"],
        }

    def test_without_the_explicit_resolver_nothing_can_be_registered(self) -> None:
        with pytest.raises(ResolverNotFoundError):
            ResolverChain().register("a", Charge)


class TestExplicitMapping:
    def test_takes_classes_objects_functions_and_decorated_functions(self, context: StepContext) -> None:
        @step_handler("decorated")
        def decorated() -> dict[str, int]:
            return {"a": 1}

        shared = Charge()
        resolver = ExplicitMappingResolver()
        for name, handler in {
            "class": Charge,
            "object": shared,
            "function": lambda c: c.handler_name,
            "dsl": decorated,
        }.items():
            resolver.register(name, handler)
        assert resolver.registered_callables() == ["class", "dsl", "function", "object"]
        first, second = resolver.resolve(named("class")), resolver.resolve(named("class"))
        assert type(first) is Charge
        assert first is not second
        assert resolver.resolve(named("object")) is shared
        function, dsl = resolver.resolve(named("function")), resolver.resolve(named("dsl"))
        assert function is not None
        assert function.call(context) == "a_handler"
        assert dsl is not None
        assert dsl.call(context).result == {"a": 1}

    def test_what_cannot_be_called_is_no_handler(self) -> None:
        resolver = ExplicitMappingResolver()
        resolver.register("x", 3)
        with pytest.raises(ConfigurationError, match="the handler 'x' is a int, which cannot be called"):
            resolver.resolve(named("x"))

    def test_forgets_what_is_unregistered(self) -> None:
        resolver = ExplicitMappingResolver("mine")
        resolver.register("x", Charge)
        assert resolver.name == "mine"
        assert resolver.unregister("x")
        assert not resolver.unregister("x")
        assert resolver.resolve(named("x")) is None


class TestRegistryResolver:
    def test_a_prefix_takes_what_begins_with_it(self) -> None:
        class Payments(RegistryResolver):
            prefix = "payments."

            def resolve_handler(self, definition: HandlerDefinition, config: dict[str, Any]) -> Any | None:
                return (definition.callable, config)

        resolver = Payments()
        assert (resolver.name, resolver.priority) == ("Payments", 50)
        assert resolver.resolve(named("payments.charge"), {"a": 1}) == ("payments.charge", {"a": 1})
        assert resolver.resolve(named("orders.charge")) is None
        assert resolver.registered_callables() == []

    def test_a_pattern_takes_what_it_matches_from_the_beginning(self) -> None:
        class Numbered(RegistryResolver):
            pattern = r"step_\d+$"

            def resolve_handler(self, definition: HandlerDefinition, config: dict[str, Any]) -> Any | None:
                return Charge()

        chain = ResolverChain.default().add_resolver(Numbered())
        assert chain.resolver_names == ["explicit_mapping", "Numbered", "class_lookup"]
        assert isinstance(chain.resolve(named("step_12")), Charge)
        assert chain.resolve(named("my_step_12")) is None
        assert chain.resolve(named("step_12x")) is None

    def test_one_without_either_takes_nothing(self) -> None:
        assert RegistryResolver().resolve(named("x")) is None

    def test_one_that_does_not_say_what_its_handlers_are_says_so(self) -> None:
        class Unfinished(RegistryResolver):
            prefix = "x"

        with pytest.raises(NotImplementedError, match="write resolve_handler"):
            Unfinished().resolve(named("x"))


class TestMethodDispatch:
    def test_the_wrapper_gives_back_what_it_wraps(self) -> None:
        charge = Charge()
        wrapper = MethodDispatchWrapper(charge, "refund")
        assert wrapper.handler is wrapper.unwrap() is charge
        assert wrapper.target_method == "refund"
        assert wrapper.name == "charge"

    def test_a_list_of_methods_allows_just_those(self) -> None:
        class Strict(Charge):
            handler_methods = ("refund", "gone")

        assert MethodDispatchWrapper(Strict(), "refund").call(None) == "refunded"
        for method in ("call", "gone"):
            with pytest.raises(AttributeError, match="it has: refund"):
                MethodDispatchWrapper(Strict(), method)

    def test_methods_of_this_package_are_not_for_templates(self) -> None:
        class Api(ApiHandler):
            def call(self, context: StepContext) -> Any:
                return None

            def fetch(self, context: StepContext) -> Any:
                return "fetched"

        assert MethodDispatchWrapper(Api(), "fetch").call(None) == "fetched"
        for method in ("get", "request", "close", "success", "api_failure", "client"):
            with pytest.raises(AttributeError):
                MethodDispatchWrapper(Api(), method)

    def test_methods_of_application_base_classes_are(self) -> None:
        class Special(Charge):
            pass

        assert MethodDispatchWrapper(Special(), "refund").call(None) == "refunded"

    def test_an_object_of_any_class_will_do(self) -> None:
        class Plain:
            def handle(self, context: Any) -> str:
                return "handled"

        assert MethodDispatchWrapper(Plain(), "handle").call(None) == "handled"
        with pytest.raises(AttributeError, match="it has: handle"):
            MethodDispatchWrapper(Plain(), "__init__")


class TestClassLookup:
    @pytest.fixture
    def module(self, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
        module = ModuleType("shop.payments")
        monkeypatch.setitem(sys.modules, "shop.payments", module)
        exec(
            "from tasker_core.step_handler import StepHandler\n"
            "class Charge(StepHandler):\n    def call(self, context): return 'charged'\n"
            "class Unfinished(StepHandler): pass\n"
            "class Other: pass\n"
            "def Function(context): return 1\n",
            vars(module),
        )
        return module

    def test_finds_a_handler_class_in_an_allowed_package(self, module: ModuleType, context: StepContext) -> None:
        resolver = ClassLookupResolver()
        resolver.allow_package("shop")
        handler = resolver.resolve(named("shop.payments.Charge"))
        assert handler is not None
        assert handler.call(context) == "charged"
        assert resolver.registered_callables() == ["shop.payments.Charge"]

    @pytest.mark.parametrize("package", ["shop.payments", "shop"])
    def test_a_package_allows_what_is_below_it(self, module: ModuleType, package: str) -> None:
        resolver = ClassLookupResolver()
        resolver.allow_package(package)
        assert resolver.can_resolve(named("shop.payments.Charge"))

    @pytest.mark.parametrize("package", ["sho", "shop.pay", "other"])
    def test_another_package_allows_nothing(self, module: ModuleType, package: str) -> None:
        resolver = ClassLookupResolver()
        resolver.allow_package(package)
        assert not resolver.can_resolve(named("shop.payments.Charge"))

    @pytest.mark.parametrize(
        "path",
        [
            "shop.payments.Unfinished",
            "shop.payments.Other",
            "shop.payments.Function",
            "shop.payments.StepHandler",
            "shop.payments.Missing",
            "shop.payments",
            "shop.payments.Charge.call",
            "shop.payments.Charge\n",
            "shop..Charge",
            "Charge",
            "",
        ],
    )
    def test_what_is_no_handler_class_is_not_found(self, module: ModuleType, path: str) -> None:
        resolver = ClassLookupResolver()
        resolver.allow_package("shop")
        assert resolver.resolve(named(path)) is None
