"""``local``: where the model file comes from, and (``-m local_model``) what a real one answers."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.config import Config
from agent_dispatcher.errors import BackendError, ConfigError, Unavailable
from agent_dispatcher.extension import LlmReply, LlmRequest, Services
from agent_dispatcher.extension.components import LlmBackend
from agent_dispatcher.extension.registry import Registry
from agent_dispatcher.llm import MeteredLlm
from agent_dispatcher.testing import LlmBackendContract
from agent_dispatcher_builtins.llm_backends import hooks, local
from agent_dispatcher_builtins.llm_backends.local.backend import LocalBackend
from agent_dispatcher_builtins.llm_backends.local.model_file import (
    Stopped,
    check_model,
    download,
    model_url,
    stored_model,
)
from agent_dispatcher_builtins.llm_backends.local.serving import launch
from agent_dispatcher_builtins.llm_backends.options import LocalOptions

MODEL = b"GGUF" + bytes(range(256)) * 4000
SHA256 = hashlib.sha256(MODEL).hexdigest()
LOG = logging.getLogger("test-local")


class Hub(ThreadingHTTPServer):
    """Has one file, and counts how it was asked for.

    Attributes:
        ranges: the ``Range`` of each request, ``""`` for none.
        breaks_at: bytes after which the connection ends, ``None`` for never.
        redirect: where the first request is sent.
        resumes: whether it understands ``Range``.
        says_length: whether it says how much will come.
        trickles: whether it sends some bytes now and then.
        left: set when whoever was sent them has gone.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ranges: list[str] = []
        self.paths: list[str] = []
        self.breaks_at: int | None = None
        self.redirect = ""
        self.resumes = True
        self.says_length = True
        self.trickles = False
        self.left = threading.Event()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        hub = self.server
        hub.paths.append(self.path)
        hub.ranges.append(self.headers.get("Range", ""))
        if hub.redirect and self.path != "/moved":
            self.send_response(302)
            self.send_header("Location", hub.redirect)
            self.end_headers()
            return
        if "gone" in self.path:
            self.send_error(404)
            return
        start = int(hub.ranges[-1].removeprefix("bytes=").removesuffix("-") or 0) if hub.resumes else 0
        if start >= len(MODEL):
            self.send_error(416)
            return
        rest = MODEL[start:]
        self.send_response(206 if start else 200)
        if hub.says_length:
            self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        while hub.trickles:
            try:
                self.wfile.write(rest[:100])
            except OSError:
                hub.left.set()
                return
            rest = rest[100:]
            time.sleep(0.02)
        self.wfile.write(rest if hub.breaks_at is None else rest[: hub.breaks_at])


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub on loopback."""
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def fetch(hub: Hub, target: Path, path: str = "/file", sha256: str = SHA256) -> None:
    download(f"{hub.origin}{path}", target, sha256, LOG)


# --- the file ---------------------------------------------------------------------------------------------------------------


def test_a_model_is_downloaded_once(hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whole, verified, with its progress said; the second time nobody is asked."""
    target = tmp_path / "models" / "m.gguf"
    for _ in range(2):
        fetch(hub, target)
    assert target.read_bytes() == MODEL
    assert hub.ranges == [""]
    assert [path.name for path in target.parent.iterdir()] == ["m.gguf"]
    assert "1 of 1 MB" in caplog.text and "SHA-256 is right" in caplog.text


def test_another_file_is_never_used(hub: Hub, tmp_path: Path) -> None:
    """One with another digest is deleted; the message has both."""
    target = tmp_path / "m.gguf"
    with pytest.raises(BackendError, match=rf"SHA-256 is {SHA256}, not {'0' * 64}. It was deleted"):
        fetch(hub, target, sha256="0" * 64)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("resumes", [True, False])
def test_a_broken_download_goes_on_where_it_ended(hub: Hub, tmp_path: Path, resumes: bool) -> None:
    """What has come is kept and not asked for again, where the server can; the result is whole either way."""
    target = tmp_path / "m.gguf"
    hub.breaks_at, hub.resumes = 400_000, resumes
    with pytest.raises(BackendError, match=r"400,000 of 1,024,004 bytes.*what has come is kept") as caught:
        fetch(hub, target)
    assert (caught.value.sort, target.exists()) == ("outage", False)
    hub.breaks_at = None
    fetch(hub, target)
    assert hub.ranges == ["", "bytes=400000-"]
    assert target.read_bytes() == MODEL


def test_a_whole_download_that_was_not_finished(hub: Hub, tmp_path: Path) -> None:
    """Killed between the last byte and the check: the file is checked and used, not fetched again."""
    target = tmp_path / "m.gguf"
    target.with_suffix(".part").write_bytes(MODEL)
    fetch(hub, target)
    assert target.read_bytes() == MODEL


def test_two_processes_take_turns(hub: Hub, tmp_path: Path) -> None:
    """Downloads of one file at the same time give one file and no quarrel."""
    target = tmp_path / "m.gguf"
    threads = [threading.Thread(target=fetch, args=(hub, target)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (target.read_bytes(), hub.ranges) == (MODEL, [""])


def test_what_cannot_be_had_is_said(hub: Hub, tmp_path: Path) -> None:
    """No such file, nobody there: the address and the reason."""
    with pytest.raises(BackendError, match=r"/gone cannot be downloaded: Not Found"):
        fetch(hub, tmp_path / "m.gguf", "/gone")
    with pytest.raises(BackendError, match=r"cannot be downloaded"):
        download("http://127.0.0.1:1/x", tmp_path / "m.gguf", SHA256, LOG)


@pytest.mark.parametrize("says", [True, False])
def test_a_file_that_is_too_large_is_not_fetched(hub: Hub, tmp_path: Path, says: bool) -> None:
    """By what the hub says of it, or by what comes where it says nothing; nothing is kept of it."""
    hub.says_length = says
    with pytest.raises(BackendError, match=r"may have 300,000 \(max_bytes\)") as caught:
        download(f"{hub.origin}/file", tmp_path / "m.gguf", SHA256, LOG, max_bytes=300_000)
    assert (caught.value.sort, list(tmp_path.iterdir())) == ("permanent", [])


def test_who_answers_is_told_by_the_file(tmp_path: Path) -> None:
    """Another file under the same name is another model; one that is fetched is known by its digest before it is here."""
    path = tmp_path / "m.gguf"
    path.write_bytes(MODEL)
    own = LocalBackend(LocalOptions(model=path), path, LOG)
    request = LlmRequest.of("?")
    before = own.answers_as(request)
    assert str(path) in before and own.answers_as(request) == before
    path.write_bytes(MODEL + b"x")
    assert own.answers_as(request) != before
    fetched = LocalOptions(repository="a/b", file="m.gguf", sha256=SHA256)
    assert LocalBackend(fetched, tmp_path / "none.gguf", LOG).answers_as(request) == SHA256


@pytest.mark.parametrize("by", ["cancellation", "timeout"])
def test_a_download_ends_when_nobody_waits_for_it(hub: Hub, tmp_path: Path, by: str) -> None:
    """At once for whoever waited, who is charged nothing, and a moment later at the hub; what has come is kept, and the next one goes on there."""
    hub.trickles = True
    options = LocalOptions(repository="a/b", file="m.gguf", sha256=SHA256, hub=hub.origin)
    target = tmp_path / "m.gguf"
    meter = MeteredLlm(LocalBackend(options, target, LOG))

    async def ask() -> None:
        request = LlmRequest.of("a", timeout_s=0.5 if by == "timeout" else None)
        asking, waiting = (asyncio.ensure_future(meter.complete(request)) for _ in range(2))
        if by == "cancellation":
            while not hub.ranges:
                await asyncio.sleep(0.01)
            asking.cancel()
        waiting.cancel()
        await asyncio.wait({asking, waiting}, timeout=30)
        if by == "cancellation":
            assert asking.cancelled()
        else:
            with pytest.raises(BackendError, match=r"within 0.5 s \(what has come is kept\)"):
                asking.result()

    asyncio.run(ask())
    assert [each.tokens for each in meter.calls] == [0] * len(meter.calls), "no model has read anything"
    assert hub.left.wait(30), "the hub is still being listened to"
    assert not target.exists()
    hub.trickles = False
    fetch(hub, target)
    assert target.read_bytes() == MODEL
    assert hub.ranges[-1] != "", "it goes on where it ended"


def test_whoever_waits_for_another_process_can_stop(tmp_path: Path) -> None:
    """While it downloads the same file, too."""
    with (tmp_path / "m.part").open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        stop = threading.Event()
        stop.set()
        with pytest.raises(Stopped):
            download("http://127.0.0.1:1/x", tmp_path / "m.gguf", SHA256, LOG, stop=stop)


def test_redirects_do_not_lose_the_encryption(hub: Hub, tmp_path: Path) -> None:
    """A hub may send to its file server; to another machine without https it may not."""
    hub.redirect = f"{hub.origin}/moved"
    fetch(hub, tmp_path / "m.gguf")
    assert hub.paths == ["/file", "/moved"]
    hub.redirect = "http://models.example/file"
    with pytest.raises(BackendError, match=r"redirected to http://models.example/file, which is not https"):
        fetch(hub, tmp_path / "n.gguf")


def test_the_hubs_address_of_a_file() -> None:
    """As the hub writes it; the stored file is named by its digest."""
    options = LocalOptions(repository="who/what-GGUF", file="q4/m.gguf", sha256=SHA256.upper(), revision="v1")
    assert model_url(options) == "https://huggingface.co/who/what-GGUF/resolve/v1/q4/m.gguf"
    assert stored_model(Path("/c"), options) == Path(f"/c/{SHA256}.gguf")


# --- configuration -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "give 'model'"),
        ({"model": "a.gguf", "repository": "a/b"}, "give one of them"),
        ({"repository": "a/b", "file": "m.gguf"}, "'repository', 'file' and 'sha256'"),
        ({"repository": "a/../b", "file": "m.gguf", "sha256": SHA256}, "repository"),
        ({"repository": "a/b", "file": "../m.gguf", "sha256": SHA256}, "file"),
        ({"repository": "a/b", "file": "m.gguf", "sha256": "abc"}, "sha256"),
        ({"model": "a.gguf", "context_tokens": 1}, "context_tokens"),
    ],
)
def test_options_that_make_no_sense_are_refused(table: dict[str, Any], message: str) -> None:
    """Each with the option it is about."""
    config = Config(options={"llm:local": table})
    with pytest.raises(ConfigError, match=message):
        Registry(config, [("local", hooks.local)], discover=False).options("llm", "local")


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    """A missing file, a folder, and one that does not begin like a model, before any library reads it."""
    (tmp_path / "text.gguf").write_text("<html>")
    for name, message in (
        ("gone.gguf", "cannot be read"),
        (".", "cannot be read"),
        ("text.gguf", "is no GGUF file: it begins with b'<htm'"),
    ):
        with pytest.raises(ConfigError, match=message):
            check_model(tmp_path / name)


def test_a_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the runtime the backend says which extra brings it."""
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    services = Services(log=LOG, data_dir=Path(), config=Config())
    with pytest.raises(
        Unavailable, match=r"^backend 'local' needs the package xllamacpp \(pip install 'agent-dispatcher\[local\]'\)$"
    ):
        LocalBackend.open(LocalOptions(model=Path("m.gguf")), services)


def test_a_file_that_cannot_be_loaded_is_said(tmp_path: Path) -> None:
    """The server's own process says why, and is gone; every other call would meet the same."""
    if find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed here")
    served = launch(tmp_path / "none.gguf", context_tokens=512, threads=1)
    with pytest.raises(BackendError, match=r"none\.gguf cannot be loaded: .*memory for it and 512 tokens") as caught:
        served.origin(120)
    assert (caught.value.sort, caught.value.whatever_is_asked, served.runs) == ("permanent", True, False)


def test_a_file_that_is_never_loaded_is_given_up(tmp_path: Path) -> None:
    """Its process is gone. Here it reads a pipe that nobody writes to, as a file on a share that no longer answers would be."""
    if find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed here")
    os.mkfifo(tmp_path / "model.gguf")
    served = launch(tmp_path / "model.gguf", context_tokens=512, threads=1)
    with pytest.raises(BackendError, match=r"model\.gguf was not loaded within 1 seconds \(first_byte_s\)$") as caught:
        served.origin(1)
    assert (caught.value.sort, caught.value.may_cost, served.runs) == ("outage", False, False)


def test_without_its_package_the_process_says_so(tmp_path: Path) -> None:
    """In its one line; nobody would read a traceback."""
    program = Path(local.__file__).with_name("_serve_model.py")
    wanted = json.dumps({"model": "m", "key": "k", "context_tokens": 512, "threads": 1, "parallel": 1})
    done = subprocess.run(
        [sys.executable, "-S", "-P", program], input=f"{wanted}\n", capture_output=True, text=True, timeout=60
    )
    assert json.loads(done.stdout) == {"error": "No module named 'xllamacpp'"}


@pytest.mark.parametrize("by", ["end", "nobody holds it", "killed"])
def test_a_server_ends_with_who_holds_it(tmp_path: Path, by: str) -> None:
    """At once, whatever it is at: told to, let go of, or because the process that started it was killed."""
    if by == "killed":
        lines = f"from pathlib import Path; from {launch.__module__} import launch; import os, signal"
        code = f"{lines}; s = launch(Path('m'), context_tokens=512, threads=1); print(s.process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
        done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, timeout=120)
        pid = int(done.stdout)
        until = time.monotonic() + 60
        with suppress(OSError):  # it is gone
            while time.monotonic() < until:
                if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                    break
                time.sleep(0.05)
        assert time.monotonic() < until
        return
    served = launch(tmp_path / "none.gguf", context_tokens=512, threads=1)
    process = served.process
    assert served.runs
    if by == "end":
        served.end()
    else:
        del served
    assert process.returncode == -signal.SIGKILL


# --- a real model ----------------------------------------------------------------------------------------------------------------

TASKS = {
    "type": "object",
    "properties": {
        "tasks": {
            "type": "array",
            "minItems": 2,
            "maxItems": 3,
            "items": {
                "type": "object",
                "properties": {"id": {"type": "string", "maxLength": 8}, "title": {"type": "string", "maxLength": 60}},
                "required": ["id", "title"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["tasks"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def backend(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBackend]:
    """One real model for all tests of this file."""
    services = Services(log=LOG, data_dir=tmp_path_factory.mktemp("data"), config=Config())
    made = LocalBackend.open(LocalOptions(model=model_file, context_tokens=4096, threads=1), services)
    yield made
    asyncio.run(made.aclose())


@pytest.mark.local_model
@pytest.mark.slow
class TestRealModel(LlmBackendContract):
    limit_s = 1200.0

    @pytest.fixture(autouse=True)
    def _model(self, backend: LocalBackend) -> None:
        self.backend = backend

    def make_backend(self) -> LlmBackend:
        return self.backend

    def make_slow(self) -> LlmBackend:
        return self.backend

    def request(self, text: str) -> LlmRequest:
        return LlmRequest.of(text, max_output_tokens=400 if text == "Wait." else 4)


@pytest.mark.local_model
@pytest.mark.slow
def test_a_real_model_follows_a_schema(backend: LocalBackend, record_property: Callable[[str, object], None]) -> None:
    """The answer is JSON of the schema's shape, its tokens are counted, and it is the model that was named."""
    begun = time.monotonic()
    text = "Split this into tasks: a command line todo application with add, list and done."
    reply: LlmReply = asyncio.run(backend.complete(LlmRequest.of(text, schema=TASKS, max_output_tokens=200)))
    took = time.monotonic() - begun
    tasks = json.loads(reply.text)["tasks"]
    assert 2 <= len(tasks) <= 3 and all({*task} == {"id", "title"} for task in tasks)
    assert reply.model == backend.path.stem and not reply.usage.estimated
    print(f"{reply.usage.input_tokens} tokens read, {reply.usage.output_tokens} written in {took:.1f} s: {reply.text}")
    record_property("tokens_per_second", reply.usage.output_tokens / took)


@pytest.mark.local_model
@pytest.mark.slow
def test_calls_are_computed_at_once(model_file: Path, tmp_path: Path) -> None:
    """With two places a short call is answered while a long one is still being written."""
    services = Services(log=LOG, data_dir=tmp_path, config=Config())
    made = LocalBackend.open(LocalOptions(model=model_file, context_tokens=1024, threads=1, parallel=2), services)
    ended: list[str] = []

    async def ask(name: str, request: LlmRequest) -> None:
        reply = await made.complete(request)
        assert reply.usage.output_tokens
        ended.append(name)

    async def both() -> None:
        await made.complete(LlmRequest.of("Hi", max_output_tokens=1))
        long = asyncio.create_task(ask("long", LlmRequest.of("Count from 1 to 200.", max_output_tokens=300)))
        await asyncio.sleep(0.5)
        await ask("short", LlmRequest.of("Hi", max_output_tokens=2))
        await long

    try:
        asyncio.run(both())
    finally:
        asyncio.run(made.aclose())
    assert ended == ["short", "long"]


@pytest.mark.local_model
@pytest.mark.slow
def test_nobody_else_may_use_it(backend: LocalBackend) -> None:
    """The server is on loopback and answers no request without its key."""
    asyncio.run(backend.complete(LlmRequest.of("Hi", max_output_tokens=1)))
    assert backend._served is not None and backend._client is not None
    address = backend._client.endpoint.base_url
    assert address.startswith("http://127.0.0.1:")
    assert backend._served.key not in repr(backend)
    request = urllib.request.Request(f"{address}/chat/completions", b"{}")
    with pytest.raises(urllib.error.HTTPError, match="401") as caught:
        urllib.request.urlopen(request)
    caught.value.close()


@pytest.mark.local_model
@pytest.mark.slow
def test_nobody_waits_for_a_model_that_loads_or_computes(model_file: Path, tmp_path: Path) -> None:
    """While it loads the rest of the process goes on, and closing the backend ends a long call at once."""
    services = Services(log=LOG, data_dir=tmp_path, config=Config())
    made = LocalBackend.open(LocalOptions(model=model_file, context_tokens=4096, threads=1), services)

    async def close_amid() -> tuple[float, float]:
        first = asyncio.create_task(made.complete(LlmRequest.of("Hi", max_output_tokens=1)))
        longest, last = 0.0, time.monotonic()
        while not first.done():
            await asyncio.sleep(0.01)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        long = asyncio.create_task(made.complete(LlmRequest.of("word " * 3000, max_output_tokens=300)))
        await asyncio.sleep(2.0)
        long.cancel()
        began = time.monotonic()
        await made.aclose()
        return longest, time.monotonic() - began

    longest, closing = asyncio.run(close_amid())
    print(f"longest pause {longest:.2f} s, closed in {closing:.2f} s")
    assert longest < 5.0 and closing < 5.0
