"""Calling HTTP APIs, against a real server on this machine."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from unit_helpers import run

from tasker_core.errors import ConfigurationError
from tasker_core.handler import HandlerRegistry
from tasker_core.step_handler import ApiHandler, ApiResponse, api_handler
from tasker_core.types import StepContext


class Server(BaseHTTPRequestHandler):
    """Answers `/status/<code>` with that code, and everything else with what it was asked."""

    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length).decode()
        path, _, query = self.path.partition("?")
        status = int(path.rsplit("/", 1)[1]) if path.startswith("/status/") else 200
        told = {"method": self.command, "path": path, "query": query, "body": body, "key": self.headers.get("x-key")}
        answer = b"plain text" if path == "/text" else b"" if path == "/empty" else json.dumps(told).encode()
        if path == "/broken":
            answer = b"{not json"
        self.send_response(status)
        self.send_header("content-type", "text/plain" if path == "/text" else "application/json; charset=utf-8")
        self.send_header("content-length", str(len(answer)))
        self.send_header("set-cookie", "session=CANARY")
        if self.headers.get("x-retry-after"):
            self.send_header("retry-after", self.headers["x-retry-after"])
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _answer

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    listener = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listener.server_port}"
    listener.shutdown()
    thread.join()
    listener.server_close()


@pytest.fixture
def api(server: str) -> Iterator[ApiHandler]:
    class Api(ApiHandler):
        base_url = server
        default_headers = {"x-key": "k1"}  # noqa: RUF012

        def call(self, context: StepContext) -> Any: ...

    handler = Api()
    yield handler
    handler.close()


class TestRequests:
    @pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
    def test_each_method_is_sent(self, api: ApiHandler, method: str) -> None:
        response = getattr(api, method)("/things/7")
        assert response.ok
        assert (response.body["method"], response.body["path"], response.body["key"]) == (method.upper(), "/things/7", "k1")

    def test_parameters_headers_and_bodies_are_sent(self, api: ApiHandler) -> None:
        assert api.get("/x", params={"a": 1}, headers={"x-key": "k2"}).body["query"] == "a=1"
        assert api.get("/x", headers={"x-key": "k2"}).body["key"] == "k2"
        assert json.loads(api.post("/x", json={"a": [1]}).body["body"]) == {"a": [1]}
        assert api.post("/x", data={"a": "1"}).body["body"] == "a=1"
        assert api.request("HEAD", "/x").status_code == 200

    def test_a_body_is_decoded_if_it_is_json(self, api: ApiHandler) -> None:
        assert api.get("/text").body == "plain text"
        assert api.get("/empty").body is None
        assert api.get("/broken").body == "{not json"

    def test_one_client_serves_an_attempt_and_is_closed_after_it(self, api: ApiHandler) -> None:
        client = api.client
        assert api.client is client
        api.close()
        assert client.is_closed
        assert api.client is not client
        api.close()
        api.close()

    def test_without_httpx_the_error_says_what_to_install(self, api: ApiHandler, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "httpx", None)
        with pytest.raises(ConfigurationError, match="pip install 'tasker-core\\[http\\]'"):
            api.get("/x")


class TestStatuses:
    @pytest.mark.parametrize(
        ("status", "ok", "client", "server_side", "retryable", "error_type"),
        [
            (200, True, False, False, False, "ok"),
            (204, True, False, False, False, "no_content"),
            (302, False, False, False, False, "found"),
            (400, False, True, False, False, "bad_request"),
            (401, False, True, False, False, "unauthorized"),
            (403, False, True, False, False, "forbidden"),
            (404, False, True, False, False, "not_found"),
            (408, False, True, False, True, "request_timeout"),
            (409, False, True, False, False, "conflict"),
            (422, False, True, False, False, None),  # its name changed in Python 3.13
            (429, False, True, False, True, "rate_limited"),
            (499, False, True, False, False, "client_error"),
            (500, False, False, True, True, "internal_server_error"),
            (501, False, False, True, False, "not_implemented"),
            (502, False, False, True, True, "bad_gateway"),
            (503, False, False, True, True, "service_unavailable"),
            (504, False, False, True, True, "gateway_timeout"),
            (599, False, False, True, False, "server_error"),
            (600, False, False, False, False, "http_error"),
        ],
    )
    def test_a_status_says_what_an_answer_means(
        self, status: int, ok: bool, client: bool, server_side: bool, retryable: bool, error_type: str | None
    ) -> None:
        response = ApiResponse(httpx.Response(status))
        assert (response.ok, response.is_client_error, response.is_server_error) == (ok, client, server_side)
        assert response.is_retryable is retryable
        if error_type is not None:
            assert response.error_type == error_type

    @pytest.mark.parametrize(
        ("header", "seconds"), [("30", 30), (" 0 ", 0), ("soon", None), ("-5", None), ("", None), ("1.5", None)]
    )
    def test_retry_after_in_seconds_is_read(self, api: ApiHandler, header: str, seconds: int | None) -> None:
        assert ApiResponse(httpx.Response(503, headers={"retry-after": header})).retry_after == seconds

    @pytest.mark.parametrize(("ahead", "seconds"), [(120, 120), (-120, 0)])
    def test_retry_after_as_a_date_is_read(self, monkeypatch: pytest.MonkeyPatch, ahead: int, seconds: int) -> None:
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now)
        header = formatdate(now + ahead, usegmt=True)
        waits = ApiResponse(httpx.Response(503, headers={"retry-after": header})).retry_after
        assert waits is not None
        assert abs(waits - seconds) <= 2

    def test_an_answer_without_retry_after_has_none(self, api: ApiHandler) -> None:
        assert api.get("/status/503").retry_after is None


class TestResults:
    def test_a_success_is_the_answer_s_body(self, api: ApiHandler) -> None:
        result = api.api_success(api.get("/x"))
        assert result.is_success
        assert result.result["path"] == "/x"
        assert result.metadata["status_code"] == 200

    def test_a_success_may_have_another_result_and_leave_the_answer_out(self, api: ApiHandler) -> None:
        result = api.api_success(api.get("/x"), {"id": 7}, include_response=False)
        assert (result.result, result.metadata) == ({"id": 7}, {})
        assert api.api_success(api.get("/text")).result == {"body": "plain text"}

    def test_secrets_of_the_answer_are_not_kept(self, api: ApiHandler) -> None:
        response = api.get("/x")
        assert "CANARY" in str(response.headers)
        assert "CANARY" not in str(response.to_dict())
        assert "CANARY" not in str(api.api_success(response).metadata)

    def test_a_failure_follows_the_status_and_retry_after(self, api: ApiHandler) -> None:
        failure = api.api_failure(api.get("/status/429", headers={"x-retry-after": "7"}))
        assert failure.error_message == "the API answered 429 Too Many Requests"
        assert (failure.error_type, failure.retryable) == ("rate_limited", True)
        assert (failure.metadata["status_code"], failure.metadata["retry_after"]) == (429, 7)
        assert "/status/429" in failure.metadata["response_body"]

    def test_a_failure_may_have_its_own_words(self, api: ApiHandler) -> None:
        failure = api.api_failure(api.get("/status/404"), "no such order")
        assert (failure.error_message, failure.error_type, failure.retryable) == ("no such order", "not_found", False)
        assert "retry_after" not in failure.metadata

    def test_an_api_that_cannot_be_reached_may_be_reached_later(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # and nobody listens

            class Api(ApiHandler):
                base_url = f"http://127.0.0.1:{taken.getsockname()[1]}"

                def call(self, context: StepContext) -> Any:
                    try:
                        return self.api_success(self.get("/x"))
                    except httpx.ConnectError as error:
                        return self.connection_error(error, "the shop")

            registry = HandlerRegistry()
            registry.register("api", Api)
            document = run(registry, "api")
        assert (document["error"]["error_type"], document["error"]["retryable"]) == ("connection_error", True)
        assert document["error"]["message"].startswith("the shop: connection failed: ")

    def test_an_api_that_does_not_answer_in_time_may_answer_later(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:

            class Api(ApiHandler):
                base_url = f"http://127.0.0.1:{silent.getsockname()[1]}"
                default_timeout = 0.05

                def call(self, context: StepContext) -> Any:
                    try:
                        return self.api_success(self.get("/x"))
                    except httpx.TimeoutException as error:
                        return self.timeout_error(error)

            registry = HandlerRegistry()
            registry.register("api", Api)
            document = run(registry, "api")
        assert (document["error"]["error_type"], document["error"]["retryable"]) == ("timeout", True)
        assert document["error"]["message"].startswith("timed out: ")


class TestAttempts:
    def test_retry_after_reaches_orchestration(self, server: str) -> None:
        @api_handler("fetch", base_url=server)
        def fetch(api: Any) -> Any:
            return api.api_failure(api.get("/status/503", headers={"x-retry-after": "9"}))

        registry = HandlerRegistry()
        registry.register("fetch", fetch)
        document = run(registry, "fetch")
        assert document["error"]["status_code"] == 503
        assert document["orchestration_metadata"]["backoff_hint"] == {
            "backoff_type": "ServiceUnavailable",
            "delay_seconds": 9,
            "context": "retry_after of service_unavailable",
        }

    def test_the_client_is_closed_after_each_attempt_also_if_it_fails(self, server: str) -> None:
        clients: list[httpx.Client] = []

        class Api(ApiHandler):
            base_url = server

            def call(self, context: StepContext) -> Any:
                clients.append(self.client)
                self.get("/x")
                raise RuntimeError

            async def later(self, context: StepContext) -> Any:
                clients.append(self.client)
                return None

        registry = HandlerRegistry()
        registry.register("api", Api)
        run(registry, "api")
        run(registry, {"callable": "api", "method": "later"})
        assert [client.is_closed for client in clients] == [True, True]

    def test_the_client_of_a_shared_handler_is_left_to_its_owner(self, server: str, api: ApiHandler) -> None:
        registry = HandlerRegistry()
        registry.register("api", api)
        client = api.client
        run(registry, "api")
        assert not client.is_closed
