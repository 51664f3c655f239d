"""Whether a batchable step made batches, as the step that brings them together sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tasker_core.errors import PermanentError
from tasker_core.types.step import unwrap_result


@dataclass
class BatchAggregationScenario:
    """What the batchable step and its workers returned."""

    is_no_batches: bool
    batchable_result: dict[str, Any]
    batch_results: dict[str, dict[str, Any]]
    """What the workers returned, by step name."""
    worker_count: int

    @classmethod
    def detect(
        cls, dependency_results: dict[str, Any], batchable_step_name: str, batch_worker_prefix: str
    ) -> BatchAggregationScenario:
        """Find the batchable step and its workers among the results of earlier steps.

        Raises:
            PermanentError: The batchable step has no result, or made batches of which none has a result.
        """
        analyzed = unwrap_result(dependency_results.get(batchable_step_name))
        if not isinstance(analyzed, dict):
            raise PermanentError(f"there is no result of the batchable step {batchable_step_name!r}")
        outcome = analyzed.get("batch_processing_outcome") or {}
        if outcome.get("type") == "no_batches":
            return cls(is_no_batches=True, batchable_result=analyzed, batch_results={}, worker_count=0)
        workers = {
            name: unwrap_result(record) or {}
            for name, record in dependency_results.items()
            if name.startswith(batch_worker_prefix) and name != batchable_step_name
        }
        if not workers:
            raise PermanentError(
                f"step {batchable_step_name!r} made batches, but no step named {batch_worker_prefix!r}... has a result"
            )
        return cls(is_no_batches=False, batchable_result=analyzed, batch_results=workers, worker_count=len(workers))

    def no_batches(self) -> bool:
        """Tell whether there was nothing to do."""
        return self.is_no_batches
