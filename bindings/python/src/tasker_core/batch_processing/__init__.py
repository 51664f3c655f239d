"""Splitting the work of a step into batches, and bringing their results together."""

from tasker_core.batch_processing.batchable import Batchable, BatchAggregationScenario, BatchWorkerConfig

__all__ = ["BatchAggregationScenario", "BatchWorkerConfig", "Batchable"]
