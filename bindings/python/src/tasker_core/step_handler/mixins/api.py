"""Calling HTTP APIs from handlers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasker_core.errors import ConfigurationError
from tasker_core.step_handler.mixins._api_response import ApiResponse
from tasker_core.types import StepHandlerResult

if TYPE_CHECKING:
    import httpx

__all__ = ["APIMixin", "ApiResponse"]

_LONGEST_BODY = 2_000


class APIMixin:
    """An HTTP client for handlers, and results that fit the answers. It needs httpx: install `tasker-core[http]`."""

    base_url: str = ""
    default_timeout: float = 30.0
    """Seconds that a call may take."""
    default_headers: dict[str, str] = {}  # noqa: RUF012 - handlers assign it, as they do handler_name

    def __init__(self) -> None:
        super().__init__()

    @property
    def api_capabilities(self) -> list[str]:
        """What an API handler can do."""
        return ["http", "api"]

    @property
    def client(self) -> httpx.Client:
        """The client, made on first use. It is closed after the attempt."""
        client: httpx.Client | None = vars(self).get("_client")
        if client is None:
            try:
                import httpx
            except ImportError as error:
                raise ConfigurationError("API handlers need httpx: pip install 'tasker-core[http]'") from error
            client = httpx.Client(base_url=self.base_url, timeout=self.default_timeout, headers=self.default_headers)
            vars(self)["_client"] = client
        return client

    def close(self) -> None:
        """Close the client, if one was made."""
        client = vars(self).pop("_client", None)
        if client is not None:
            client.close()

    def get(
        self, path: str, params: dict[str, Any] | None = None, headers: dict[str, str] | None = None, **kwargs: Any
    ) -> ApiResponse:
        """Send a GET request."""
        return self.request("GET", path, params=params, headers=headers, **kwargs)

    def post(
        self,
        path: str,
        json: Any = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> ApiResponse:
        """Send a POST request."""
        return self.request("POST", path, json=json, data=data, headers=headers, **kwargs)

    def put(
        self,
        path: str,
        json: Any = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> ApiResponse:
        """Send a PUT request."""
        return self.request("PUT", path, json=json, data=data, headers=headers, **kwargs)

    def patch(
        self,
        path: str,
        json: Any = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> ApiResponse:
        """Send a PATCH request."""
        return self.request("PATCH", path, json=json, data=data, headers=headers, **kwargs)

    def delete(self, path: str, headers: dict[str, str] | None = None, **kwargs: Any) -> ApiResponse:
        """Send a DELETE request."""
        return self.request("DELETE", path, headers=headers, **kwargs)

    def request(self, method: str, path: str, **kwargs: Any) -> ApiResponse:
        """Send a request. What keeps it from being answered is raised as httpx's own error."""
        return ApiResponse(self.client.request(method, path, **kwargs))

    def api_success(
        self, response: ApiResponse, result: dict[str, Any] | None = None, include_response: bool = True
    ) -> StepHandlerResult:
        """Say that the step is done.

        Args:
            response: The answer that it was done by.
            result: The step's result. Defaults to the answer's body.
            include_response: Whether status and headers are kept with the step.
        """
        if result is None:
            result = response.body if isinstance(response.body, dict) else {"body": response.body}
        metadata: dict[str, Any] = {}
        if include_response:
            said = response.to_dict()
            metadata = {"status_code": said["status_code"], "headers": said["headers"]}
        return StepHandlerResult.success(result, metadata)

    def api_failure(self, response: ApiResponse, message: str | None = None) -> StepHandlerResult:
        """Say that the attempt failed. The status decides whether another may help; Retry-After delays it."""
        metadata: dict[str, Any] = {"status_code": response.status_code}
        if response.retry_after is not None:
            metadata["retry_after"] = response.retry_after
        if response.body is not None:
            metadata["response_body"] = str(response.body)[:_LONGEST_BODY]
        return StepHandlerResult.failure(
            message or f"the API answered {response.status_code} {response.response.reason_phrase}".rstrip(),
            response.error_type,
            response.is_retryable,
            metadata,
        )

    def connection_error(self, error: Exception, context: str | None = None) -> StepHandlerResult:
        """Say that the API could not be reached; another attempt may help."""
        return StepHandlerResult.failure(_told("connection failed", error, context), "connection_error", retryable=True)

    def timeout_error(self, error: Exception, context: str | None = None) -> StepHandlerResult:
        """Say that the API did not answer in time; another attempt may help."""
        return StepHandlerResult.failure(_told("timed out", error, context), "timeout", retryable=True)


def _told(what: str, error: Exception, context: str | None) -> str:
    return f"{context}: {what}: {error}" if context else f"{what}: {error}"
