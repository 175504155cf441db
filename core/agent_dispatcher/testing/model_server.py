"""A real HTTP server of language models on loopback, scripted per test: real clients talk to it, none is patched."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from .model_dialects import DIALECTS, FEATURES, Answering, ModelDialect, Received
from .model_replies import Cuts, Drops, Fails, Floods, Hangs, Redirects, Says, SendsBytes, ServerReply, Stalls

__all__ = ["ModelServer", "Received"]


class ModelServer:
    """Speaks OpenAI's chat completions and Anthropic's messages, streamed or not, and lists its model.

    ::

        with ModelServer(["yes", Fails(status=429, headers={"Retry-After": "3"})]) as server:
            client = AsyncOpenAI(base_url=server.base_url, api_key="x")
            other = AsyncAnthropic(base_url=server.origin, api_key="x")

    Args:
        replies: one for each request in order (a text is a reply), or a function from a :class:`Received` to one. After the last, the server fails with 500.
        model: the name it answers with.
        refuses: what it does not understand, of :data:`FEATURES`: such a request gets a 400 that says so.
        counts: whether it says what was used.

    Attributes:
        requests: what was asked, in the order of arrival.
        left: how many clients went before the reply was whole.
        sent_bytes: bytes of bodies that were sent.
    """

    def __init__(
        self,
        replies: Iterable[str | ServerReply] | Callable[[Received], str | ServerReply],
        *,
        model: str = "test-model",
        refuses: Iterable[str] = (),
        counts: bool = True,
    ) -> None:
        self._function = replies if callable(replies) else None
        self._replies = [] if callable(replies) else list(replies)
        self.model = model
        self.refuses = frozenset(refuses)
        if not self.refuses <= FEATURES:
            raise ValueError(
                f"{', '.join(sorted(self.refuses - FEATURES))}: a server can refuse {', '.join(sorted(FEATURES))}"
            )
        self.counts = counts
        self.requests: list[Received] = []
        self.left = 0
        self.sent_bytes = 0
        self._answered = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), name="model-server", daemon=True)

    @property
    def origin(self) -> str:
        """``http://127.0.0.1:<port>``; what a client of Anthropic's interface is configured with."""
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def base_url(self) -> str:
        """What a client of OpenAI's interface is configured with."""
        return f"{self.origin}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of every client and stop."""
        self._closing.set()
        self._http.shutdown()
        self._http.hang_up()
        self._http.server_close()
        self._thread.join()

    # --- what the handlers ask ----------------------------------------------------------------------------------------

    def reply_to(self, received: Received, dialect: ModelDialect) -> ServerReply:
        """The scripted reply; a refusal does not use one up."""
        with self._lock:
            self.requests.append(received)
            refused = self._refused(dialect.asked(received.body))
            if refused is not None:
                return refused
            number, self._answered = self._answered, self._answered + 1
        if self._function is not None:
            said = self._function(received)
        elif number < len(self._replies):
            said = self._replies[number]
        else:
            return Fails(
                status=500, message=f"the script has {len(self._replies)} replies, this is request {number + 1}"
            )
        return Says(text=said) if isinstance(said, str) else said

    def _refused(self, asked: set[str]) -> Fails | None:
        for name in sorted(asked & self.refuses):
            if name.startswith("json_"):
                what = f"This response_format type is unavailable: {name}"
                return Fails(status=400, message=what, param="response_format")
            instead = " Use 'max_completion_tokens' instead." if name == "max_tokens" else ""
            what = f"Unsupported parameter: '{name}' is not supported with this model.{instead}"
            return Fails(status=400, message=what, code="unsupported_parameter", param=name)
        return None

    def wait_for_end(self, connection: socket.socket) -> None:
        """Until the client goes or the server is closed."""
        while not self._closing.is_set():
            readable, _, _ = select.select([connection], [], [], 0.02)
            if readable:
                self.count_left()
                return

    def pause(self, seconds: float) -> None:
        """Sleep, unless the server is closed."""
        self._closing.wait(seconds)

    def count_left(self) -> None:
        """A client went."""
        with self._lock:
            self.left += 1

    def count_sent(self, number: int) -> None:
        """Bytes were sent."""
        with self._lock:
            self.sent_bytes += number

    @property
    def closing(self) -> bool:
        """Whether the server is being closed."""
        return self._closing.is_set()


class _Http(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, owner: ModelServer) -> None:
        self.owner = owner
        self._connections: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """A connection, which is remembered: a client may keep it as long as it likes."""
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def hang_up(self) -> None:
        """End every connection, so that no handler waits for a request that does not come."""
        for connection in tuple(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes is no error here, and nothing belongs on a test's screen."""
        self.owner.count_left()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        owner = self.server.owner
        if self.path == "/v1/models":
            self._json(
                200,
                {"object": "list", "data": [{"id": owner.model, "object": "model", "created": 0, "owned_by": "test"}]},
            )
        else:
            self._json(404, {"error": {"message": f"nothing is at {self.path}"}})

    def do_POST(self) -> None:
        owner = self.server.owner
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(path=self.path, headers=headers, body=body)
        dialect = DIALECTS.get(self.path.partition("?")[0])
        if dialect is None:
            self._json(404, {"error": {"message": f"nothing is at {self.path}"}})
            return
        reply = owner.reply_to(received, dialect)
        self.close_connection = not isinstance(reply, Says | Fails)
        match reply:
            case Says() as said if body.get("stream"):
                self._stream(dialect, Answering(said, received, owner.model, owner.counts))
            case Says() as said:
                owner.pause(said.delay_s)
                self._json(200, dialect.whole(Answering(said, received, owner.model, owner.counts)))
            case Fails() as failure:
                self._json(failure.status, dialect.error(failure), failure.headers)
            case Redirects(to, status):
                self._head(status, {"Location": to, "Content-Length": "0"})
            case Hangs():
                owner.wait_for_end(self.connection)
            case Stalls(text):
                self._head(200, {"Content-Type": "text/event-stream"})
                self._send(dialect.some_text(owner.model, text))
                owner.wait_for_end(self.connection)
            case Cuts(text, reset):
                self._head(200, {"Content-Type": "text/event-stream"})
                self._send(dialect.some_text(owner.model, text))
                self._drop(reset)
            case Drops(reset):
                self._drop(reset)
            case Floods(in_one_line):
                self._flood(dialect, in_one_line)
            case SendsBytes() as raw:
                length = {"Content-Length": str(len(raw.body))}
                self._head(200, {"Content-Type": raw.content_type, **length, **raw.headers})
                self._send(raw.body)

    def _stream(self, dialect: ModelDialect, answering: Answering) -> None:
        owner, said = self.server.owner, answering.said
        owner.pause(said.delay_s)
        self._head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
        for number, piece in enumerate(dialect.pieces(answering)):
            if number:
                owner.pause(said.pause_s)
            self._send(_as_chunk(piece))
        self._send(_as_chunk(b""))

    def _drop(self, reset: bool) -> None:
        """End the connection: with all that was said, or at once."""
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def _flood(self, dialect: ModelDialect, in_one_line: bool) -> None:
        owner = self.server.owner
        self._head(200, {"Content-Type": "text/event-stream"})
        piece = b"x" * 65536 if in_one_line else dialect.some_text(owner.model, "x" * 65536)
        if in_one_line:
            self._send(dialect.endless_line())
        while not owner.closing:
            self._send(piece)

    def _json(self, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self._head(status, {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})})
        self._send(body)

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        if self.close_connection:
            headers = {"Connection": "close", **headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()
        self.server.owner.count_sent(len(data))


def _as_chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
