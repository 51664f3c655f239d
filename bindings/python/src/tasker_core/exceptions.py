"""What goes wrong around a worker. The errors that handlers raise are in `tasker_core.errors`."""


class TaskerError(Exception):
    """The base of all errors of this package."""


class WorkerNotInitializedError(TaskerError):
    """There is no running worker: start one first."""


class WorkerBootstrapError(TaskerError):
    """The worker did not start."""


class WorkerAlreadyRunningError(TaskerError):
    """There is a running worker already."""


class FFIError(TaskerError):
    """The core refused a call, or could not be called."""


class ConversionError(TaskerError):
    """A value could not be carried between Python and the core."""
