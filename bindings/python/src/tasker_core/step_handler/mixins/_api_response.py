"""An answer of an HTTP API, and what it means for a step."""

from __future__ import annotations

import email.utils
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

RETRYABLE_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
"""The statuses after which another attempt may help."""

_SECRET_HEADERS = frozenset({"set-cookie", "authorization", "proxy-authorization", "x-api-key"})


class ApiResponse:
    """An answer, with its body decoded if it is JSON."""

    def __init__(self, response: httpx.Response, body: dict[str, Any] | str | None = None) -> None:
        self.response = response
        self.status_code: int = response.status_code
        self.headers: dict[str, str] = dict(response.headers)
        self.body: Any = _decode(response) if body is None else body

    @property
    def ok(self) -> bool:
        """Whether the call succeeded."""
        return 200 <= self.status_code < 300

    @property
    def is_client_error(self) -> bool:
        """Whether the call was refused as wrong."""
        return 400 <= self.status_code < 500

    @property
    def is_server_error(self) -> bool:
        """Whether the server failed."""
        return 500 <= self.status_code < 600

    @property
    def is_retryable(self) -> bool:
        """Whether another attempt may help."""
        return self.status_code in RETRYABLE_STATUSES

    @property
    def retry_after(self) -> int | None:
        """The seconds after which the server wants to be asked again, if it says so."""
        header = self.response.headers.get("retry-after", "").strip()
        if header.isdecimal():
            return int(header)
        try:
            moment = email.utils.parsedate_to_datetime(header).timestamp()
        except (TypeError, ValueError, OverflowError):
            return None
        return max(0, round(moment - time.time()))

    @property
    def error_type(self) -> str:
        """The kind of failure that the status stands for, such as `not_found` or `rate_limited`."""
        if self.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            return "rate_limited"
        try:
            return HTTPStatus(self.status_code).name.lower()
        except ValueError:
            return "client_error" if self.is_client_error else "server_error" if self.is_server_error else "http_error"

    def to_dict(self) -> dict[str, Any]:
        """Return status, headers without secrets, and body."""
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _SECRET_HEADERS}
        return {"status_code": self.status_code, "headers": headers, "body": self.body}


def _decode(response: httpx.Response) -> Any:
    if not response.content:
        return None
    if "json" in response.headers.get("content-type", ""):
        try:
            return response.json()
        except ValueError:
            return response.text
    return response.text
