"""What a handler is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tasker_core._model import Model


@dataclass(kw_only=True, frozen=True)
class FfiStepEvent(Model):
    """A step that was handed to this process."""

    event_id: str
    """Names this attempt; another attempt has another id."""
    task_uuid: str
    step_uuid: str
    correlation_id: str
    task_correlation_id: str | None = None
    parent_correlation_id: str | None = None
    task_sequence_step: dict[str, Any]
    trace_id: str | None = None
    span_id: str | None = None

    @classmethod
    def from_core(cls, event: Mapping[str, Any]) -> FfiStepEvent:
        """Take an event as the core writes it: all fields are there, and their values are right."""
        if not event.keys() >= cls.__dataclass_fields__.keys():
            return cls.model_validate(event)
        made = object.__new__(cls)
        made.__dict__.update(event)
        return made


def _never() -> bool:
    return False


def _not_needed(_details: Mapping[str, Any] | None) -> bool:
    return True


@dataclass(frozen=True, init=False)
class StepControls:
    """How a running handler reaches the worker. Without a worker, as in unit tests, a step is never cancelled."""

    cancelled: Callable[[], bool] = _never
    heartbeat: Callable[[Mapping[str, Any] | None], bool] = _not_needed
    """Extends the lease; False says that the step is no longer this attempt's."""

    def __init__(
        self, cancelled: Callable[[], bool] = _never, heartbeat: Callable[[Mapping[str, Any] | None], bool] = _not_needed
    ) -> None:
        """Make controls of two functions; without them, they are those of a step without a worker."""
        # What dataclass writes for frozen classes takes several times as long, for each attempt.
        self.__dict__["cancelled"] = cancelled
        self.__dict__["heartbeat"] = heartbeat


@dataclass(kw_only=True)
class StepContext(Model):
    """What a handler knows of the step that it runs."""

    event: FfiStepEvent
    task_uuid: UUID
    step_uuid: UUID
    correlation_id: UUID
    handler_name: str
    input_data: dict[str, Any] = field(default_factory=dict)
    """The task's context."""
    dependency_results: dict[str, Any] = field(default_factory=dict)
    """The records of the steps before this one, directly or through others, by name."""
    step_config: dict[str, Any] = field(default_factory=dict)
    """The template's `handler.initialization`."""
    step_inputs: dict[str, Any] = field(default_factory=dict)
    """What the step itself was given; batch workers find their range here."""
    retry_count: int = field(default_factory=int)
    """The attempts before this one."""
    max_retries: int = field(default_factory=lambda: 3)
    """How many attempts the template allows."""
    controls: StepControls = field(default_factory=StepControls, repr=False, compare=False)

    @classmethod
    def from_ffi_event(cls, event: FfiStepEvent, handler_name: str, controls: StepControls | None = None) -> StepContext:
        """Make the context of one attempt from the event that announced it.

        All else is read from the event when it is asked for: few handlers ask for more than one or two things.
        """
        made = object.__new__(cls)
        made.event = event
        made.handler_name = handler_name
        made.controls = controls or StepControls()
        return made

    if not TYPE_CHECKING:  # or checkers would take any name for an attribute

        def __getattr__(self, name: str) -> Any:
            """Read what the event tells, once."""
            read = _OF_THE_EVENT.get(name)
            if read is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            value = self.__dict__[name] = read(self.event)
            return value

    # What the task and the steps before gave.

    def get_input(self, key: str) -> Any:
        """Return a field of the task's context, or None."""
        return self.input_data.get(key)

    def get_input_or(self, key: str, default: Any = None) -> Any:
        """Return a field of the task's context, or the default if it is missing or null."""
        value = self.input_data.get(key)
        return default if value is None else value

    def get_config(self, key: str) -> Any:
        """Return a field of the handler's configuration in the template, or None."""
        return self.step_config.get(key)

    def get_dependency_result(self, step_name: str) -> Any:
        """Return what an earlier step returned, or None if there is no such result."""
        return unwrap_result(self.dependency_results.get(step_name))

    def get_dependency_field(self, step_name: str, *path: str | int) -> Any:
        """Walk into what an earlier step returned; None where the way ends."""
        value = self.get_dependency_result(step_name)
        for key in path:
            if isinstance(value, (dict, Mapping)):
                value = value.get(key)
            elif isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
                value = value[key]
            else:
                return None
        return value

    def get_dependency_result_keys(self) -> list[str]:
        """Return the names of the steps whose results are there."""
        return list(self.dependency_results)

    def get_all_dependency_results(self, prefix: str) -> list[Any]:
        """Return what the steps returned whose names begin with the prefix, such as all workers of a batch."""
        return [unwrap_result(r) for name, r in self.dependency_results.items() if name.startswith(prefix)]

    # Attempts.

    def is_retry(self) -> bool:
        """Tell whether there was an attempt before this one."""
        return self.retry_count > 0

    def is_last_retry(self) -> bool:
        """Tell whether no attempt is left after this one."""
        return self.retry_count >= self.max_retries - 1

    @property
    def idempotency_key(self) -> str:
        """The same for all attempts of this step, and for no other step.

        Give it to the systems that the handler changes, so that a second attempt does not repeat an effect.
        """
        return str(self.step_uuid)

    @property
    def cancelled(self) -> bool:
        """Whether the result is no longer wanted: the task was cancelled, or the step's time is up."""
        return self.controls.cancelled()

    def heartbeat(self, details: Mapping[str, Any] | None = None) -> bool:
        """Say that the handler is still at work, so that a long step is not taken for lost.

        Returns:
            False if the handler should stop, because its result is no longer wanted.
        """
        return self.controls.heartbeat(details) and not self.cancelled

    # How far an earlier attempt got.

    @property
    def checkpoint(self) -> dict[str, Any] | None:
        """What was saved by `checkpoint_yield`, or None."""
        checkpoint = self.workflow_step.get("checkpoint")
        return checkpoint if isinstance(checkpoint, dict) else None

    def has_checkpoint(self) -> bool:
        """Tell whether something was saved."""
        return self.checkpoint is not None

    @property
    def checkpoint_cursor(self) -> Any | None:
        """Where to go on, as it was saved."""
        return (self.checkpoint or {}).get("cursor")

    @property
    def checkpoint_items_processed(self) -> int:
        """How many items were done when it was saved."""
        return (self.checkpoint or {}).get("items_processed") or 0

    @property
    def accumulated_results(self) -> dict[str, Any] | None:
        """The partial results that were saved."""
        return (self.checkpoint or {}).get("accumulated_results")

    # Where the step stands.

    @property
    def task_sequence_step(self) -> Any:
        """All that the event tells of task, step and template; `models.TaskSequenceStepWrapper` reads it."""
        return self.event.task_sequence_step

    @property
    def workflow_step(self) -> dict[str, Any]:
        """The step's own row."""
        return _mapping(self.event.task_sequence_step.get("workflow_step"))

    @property
    def step_name(self) -> str:
        """The step's name in its task."""
        return self.workflow_step.get("name") or ""

    @property
    def namespace(self) -> str:
        """The namespace of the task's template."""
        return _mapping(self.event.task_sequence_step.get("task")).get("namespace_name") or ""


def unwrap_result(record: Any) -> Any:
    """Take what a step returned out of its record."""
    if isinstance(record, (dict, Mapping)) and "result" in record:  # dict first: asking a Mapping takes longer
        return record["result"]
    return record


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _input_data(event: FfiStepEvent) -> dict[str, Any]:
    task = _mapping(event.task_sequence_step.get("task"))
    return _mapping((_mapping(task.get("task")) or task).get("context"))


def _step_config(event: FfiStepEvent) -> dict[str, Any]:
    definition = _mapping(event.task_sequence_step.get("step_definition"))
    return _mapping(_mapping(definition.get("handler")).get("initialization"))


def _of_the_step(event: FfiStepEvent, key: str, default: int) -> Any:
    value = _mapping(event.task_sequence_step.get("workflow_step")).get(key)
    return default if value is None else value


_OF_THE_EVENT: dict[str, Callable[[FfiStepEvent], Any]] = {
    "task_uuid": lambda event: UUID(event.task_uuid),
    "step_uuid": lambda event: UUID(event.step_uuid),
    "correlation_id": lambda event: UUID(event.correlation_id),
    "input_data": _input_data,
    "dependency_results": lambda event: _mapping(event.task_sequence_step.get("dependency_results")),
    "step_config": _step_config,
    "step_inputs": lambda event: _mapping(_mapping(event.task_sequence_step.get("workflow_step")).get("inputs")),
    "retry_count": lambda event: _of_the_step(event, "attempts", 0),
    "max_retries": lambda event: _of_the_step(event, "max_attempts", 3),
}
"""How a context reads its fields."""
