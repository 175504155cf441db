"""``recorded``: what another backend answered comes back without it, wherever and whenever the same is asked."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.config import Config
from agent_dispatcher.errors import BackendError, ConfigError
from agent_dispatcher.extension import ChatMessage, LlmReply, LlmRequest, PricedAs, Services, ToolCall
from agent_dispatcher.extension.components import LlmBackend
from agent_dispatcher.provenance import Scrubber
from agent_dispatcher.testing import LlmBackendContract, ScriptedBackend
from agent_dispatcher_builtins.llm_backends.options import RecordedOptions
from agent_dispatcher_builtins.llm_backends.recorded.backend import RecordedBackend
from agent_dispatcher_builtins.llm_backends.recorded.normalizing import Normalizer, digest


def open_recorded(file: Path, other: LlmBackend | None = None, mode: str = "auto") -> RecordedBackend:
    def component(kind: str, name: str) -> Any:
        assert (kind, name) == ("llm", "other")
        assert other is not None, "nobody else may be asked"
        return other

    services = Services(log=logging.getLogger("t"), data_dir=file.parent, config=Config(), component=component)
    options = RecordedOptions(file=file, backend="other" if mode != "replay" else "", mode=mode)
    return RecordedBackend.open(options, services)


def ask(backend: LlmBackend, text: str, **more: Any) -> LlmReply:
    return asyncio.run(backend.complete(LlmRequest.of(text, **more)))


class TestAuto(LlmBackendContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make_backend(self) -> LlmBackend:
        return open_recorded(self.folder / "auto.jsonl", ScriptedBackend(lambda request: "yes"))

    def make_failing(self) -> tuple[LlmBackend, Callable[[], int]]:
        other = ScriptedBackend(lambda request: BackendError("503", sort="outage"))
        return open_recorded(self.folder / "failing.jsonl", other), lambda: len(other.requests)

    def make_slow(self) -> LlmBackend:
        return open_recorded(self.folder / "slow.jsonl", ScriptedBackend(["yes"], delay_s=20.0))


class TestPlayedBack(LlmBackendContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.file = tmp_path / "played.jsonl"
        recording = open_recorded(self.file, ScriptedBackend(lambda request: "yes"))
        texts = ["Say something.", "x", "\U0001f600ü名" * 50, *(f"Number {n}" for n in range(4))]
        for text in (*texts, *("word " * size for size in (10, 100, 200))):
            asyncio.run(recording.complete(self.request(text)))

    def make_backend(self) -> LlmBackend:
        return open_recorded(self.file, mode="replay")

    def make_failing(self) -> tuple[LlmBackend, Callable[[], int]]:
        return self.make_backend(), lambda: 1  # what is not recorded reaches nobody: it fails at the recording


def test_what_was_recorded_is_played_back(tmp_path: Path) -> None:
    """The same request gets the same reply, whole, without the other backend."""
    said = LlmReply(
        text="é", model="m", stop_reason="tool_calls", tool_calls=[ToolCall(id="a", name="n", arguments="{}")]
    )
    ask(open_recorded(tmp_path / "r.jsonl", ScriptedBackend([said])), "why", schema={"type": "object"})
    assert ask(open_recorded(tmp_path / "r.jsonl", mode="replay"), "why", schema={"type": "object"}) == said


def test_known_requests_are_not_asked_again(tmp_path: Path) -> None:
    """``auto`` asks only what is not recorded yet; ``record`` asks always and keeps the newest."""
    file = tmp_path / "r.jsonl"
    other = ScriptedBackend(["one", "two"])
    backend = open_recorded(file, other)
    assert [ask(backend, text).text for text in ("a", "a", "b", "a")] == ["one", "one", "two", "one"]
    assert len(other.requests) == 2
    assert ask(open_recorded(file, ScriptedBackend(["three"]), mode="record"), "a").text == "three"
    assert [ask(open_recorded(file, mode="replay"), text).text for text in ("a", "b")] == ["three", "two"]


def test_what_is_played_back_costs_nothing(tmp_path: Path) -> None:
    """A request that is recorded is free, and the other backend is not needed to say so; one that is not costs what it costs there."""
    file, request = tmp_path / "r.jsonl", LlmRequest.of("a", model="m")
    assert open_recorded(file, ScriptedBackend([])).priced_as(request) == PricedAs(model="m")
    ask(open_recorded(file, ScriptedBackend(["one"])), "a", model="m")
    assert open_recorded(file).priced_as(request).free
    assert not open_recorded(file, ScriptedBackend([]), mode="record").priced_as(request).free


def test_a_question_asked_again_has_its_own_replies(tmp_path: Path) -> None:
    """The replies to one request are played in the order they were recorded in; the last stays."""
    file = tmp_path / "r.jsonl"
    recording = open_recorded(file, ScriptedBackend(["one", "two"]), mode="record")
    assert [ask(recording, "a").text, ask(recording, "a").text] == ["one", "two"]
    played = open_recorded(file, mode="replay")
    assert [ask(played, "a").text for _ in range(3)] == ["one", "two", "two"]


@pytest.mark.parametrize(
    ("recorded", "asked"),
    [
        ("see /home/me/specs/loans/spec.md:3", "see /builds/7/specs/loans/spec.md:3"),
        (f"in {Path.cwd()}/spec.md.", "in /tmp/abc123/spec.md."),
        ("run 20260131-120000-3fa9 began", "run 20261122-144424-00aa began"),
        ("at 2026-01-31T12:00:00Z", "at 2026-11-22 14:44:24.123+01:00"),
        ("<object at 0x7f3a5c0012d0>", "<object at 0x7fffffff1230>"),
    ],
)
def test_another_machine_asks_the_same(tmp_path: Path, recorded: str, asked: str) -> None:
    """Folders, run ids, moments and addresses do not tell two requests apart."""
    file = tmp_path / "r.jsonl"
    ask(open_recorded(file, ScriptedBackend(["yes"])), recorded)
    assert ask(open_recorded(file, mode="replay"), asked).text == "yes"


@pytest.mark.parametrize(
    ("recorded", "asked"),
    [
        ("GET /api/loans", "GET /api/books"),
        ("see /home/me/a.md", "see /home/me/b.md"),
        ("returned on 2026-01-31", "returned on 2026-02-01"),
        ("version 1.2.3", "version 1.2.4"),
        ("src/loans.py", "src/books.py"),
        ("at most 20260131", "at most 20260132"),
    ],
)
def test_another_question_is_another_key(tmp_path: Path, recorded: str, asked: str) -> None:
    """What a specification may say differently tells two requests apart."""
    file = tmp_path / "r.jsonl"
    ask(open_recorded(file, ScriptedBackend(["yes"])), recorded)
    with pytest.raises(BackendError, match="was not recorded"):
        ask(open_recorded(file, mode="replay"), asked)


def test_the_same_to_the_letter_comes_first(tmp_path: Path) -> None:
    """Of two recorded requests that are the same once normalized, each gets its own reply back."""
    file = tmp_path / "r.jsonl"
    texts = ["due 2026-01-31T12:00:00Z", "due 2026-02-01T12:00:00Z"]
    recording = open_recorded(file, ScriptedBackend(["one", "two"]), mode="record")
    for text in texts:
        ask(recording, text)
    played = open_recorded(file, mode="replay")
    assert [ask(played, text).text for text in reversed(texts)] == ["two", "one"]


def test_what_is_not_sent_does_not_count() -> None:
    """Purpose, subjects and timeout are the asker's own; everything else of a request tells it apart."""
    plain = LlmRequest.of("why")
    assert digest(LlmRequest.of("why", purpose="p", about=["R1"], timeout_s=3)) == digest(plain)
    for more in (
        {"seed": 1},
        {"temperature": 0.5},
        {"model": "m"},
        {"max_output_tokens": 7},
        {"schema": {}},
        {"stop": ["x"]},
    ):
        assert digest(LlmRequest.of("why", **more)) != digest(plain)


def test_ids_of_tool_calls_are_numbered() -> None:
    """A server's random ids do not tell two conversations apart, which call is answered does."""

    def talk(*ids: str, answers: Sequence[str]) -> LlmRequest:
        calls = [ToolCall(id=each, name="n", arguments="{}") for each in ids]
        turns = [ChatMessage(role="tool", content="x", tool_call_id=each) for each in answers]
        return LlmRequest(messages=[ChatMessage(role="assistant", content="", tool_calls=calls), *turns])

    normalizer = Normalizer.here(Scrubber())
    one, same, other = (
        digest(normalizer.request(each))
        for each in (
            talk("a", "b", answers=["b"]),
            talk("x", "y", answers=["y"]),
            talk("x", "y", answers=["x"]),
        )
    )
    assert one == same != other


def test_an_unknown_request_shows_the_nearest(tmp_path: Path) -> None:
    """The error names file, purpose, the nearest recorded exchange and where the two part."""
    file = tmp_path / "r.jsonl"
    recording = open_recorded(file, ScriptedBackend(["one", "two"]))
    ask(recording, "Write the loans module, with fines.", purpose="write")
    ask(recording, "Something else altogether.", purpose="decompose")
    with pytest.raises(BackendError) as caught:
        ask(open_recorded(file, mode="replay"), "Write the loans module, with limits.", purpose="write")
    message = str(caught.value)
    assert "r.jsonl: this request was not recorded (purpose 'write')" in message
    assert "nearest of 2 (purpose 'write')" in message
    assert "loans module, with fines." in message and "loans module, with limits." in message
    assert caught.value.sort == "permanent"
    with pytest.raises(BackendError, match=r"says the same, but differs in seed"):
        ask(open_recorded(file, mode="replay"), "Something else altogether.", seed=3)


def test_the_file_does_not_depend_on_the_order(tmp_path: Path) -> None:
    """The same exchanges give the same bytes, whichever came first."""
    for name, texts in (("a", ["x", "y", "z"]), ("b", ["z", "x", "y"])):
        recording = open_recorded(tmp_path / name, ScriptedBackend(lambda request: request.messages[0].content.upper()))
        for text in texts:
            ask(recording, text)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_secrets_are_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of the environment that stands in a request or a reply is in neither afterwards, and does not change the key."""
    monkeypatch.setenv("CANARY_API_KEY", "canary-1234567890")
    file = tmp_path / "r.jsonl"
    said = LlmReply(
        text="it is canary-1234567890", tool_calls=[ToolCall(id="1", name="n", arguments="canary-1234567890")]
    )
    ask(open_recorded(file, ScriptedBackend([said])), "my key is canary-1234567890")
    assert "canary" not in file.read_text()
    monkeypatch.setenv("CANARY_API_KEY", "another-0987654321")
    assert ask(open_recorded(file, mode="replay"), "my key is another-0987654321").text == "it is <secret>"


class Holding:
    """A backend with a key of its own, which nothing in the environment shows."""

    secrets = ("corp-gateway-Zx81-kQ77",)

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails

    async def complete(self, request: LlmRequest) -> LlmReply:
        if self.fails:
            raise BackendError(f"403 for {self.secrets[0]}", sort="permanent")
        call = ToolCall(id="1", name="n", arguments=json.dumps([self.secrets[0]]))
        return LlmReply(text=f"sk-canary0123456789abcdefABCDEF {self.secrets[0]}", tool_calls=[call])


@pytest.mark.parametrize("mode", ["auto", "record"])
def test_keys_of_the_other_backend_are_not_recorded(tmp_path: Path, mode: str) -> None:
    """Not in the request, the reply or an error, nor what has the shape of a key; nor does the run get to see them."""
    file = tmp_path / "r.jsonl"
    backend = open_recorded(file, Holding(), mode=mode)
    reply = ask(backend, f"the key is {Holding.secrets[0]}", stop=[Holding.secrets[0]])
    assert "Zx81" not in file.read_text() and "canary" not in file.read_text()
    assert reply.text == "<secret> <secret>"
    assert ask(open_recorded(file, mode="replay"), "the key is <secret>", stop=["<secret>"]) == reply
    with pytest.raises(BackendError, match="403 for <secret>"):
        ask(open_recorded(file, Holding(fails=True), mode=mode), "other")


def test_keys_of_the_other_backend_are_known_where_it_is_asked_for_certain(tmp_path: Path) -> None:
    """To the run's own scrubber, that is. To play back it is not made for this."""
    assert open_recorded(tmp_path / "r", Holding(), mode="record").secrets == Holding.secrets
    assert open_recorded(tmp_path / "r").secrets == ()


def test_only_its_owner_reads_a_recording(tmp_path: Path) -> None:
    """What people asked is nobody else's business, also where the file was open to all before."""
    file = tmp_path / "r.jsonl"
    file.touch(0o644)
    ask(open_recorded(file, ScriptedBackend(["one"])), "a")
    assert file.stat().st_mode & 0o777 == 0o600


def test_failures_are_not_recorded(tmp_path: Path) -> None:
    """An error reaches whoever asked; the next time the other backend is asked again."""
    backend = open_recorded(tmp_path / "r.jsonl", ScriptedBackend([BackendError("503", sort="outage"), "yes"]))
    with pytest.raises(BackendError, match="503"):
        ask(backend, "a")
    assert not (tmp_path / "r.jsonl").exists()
    assert ask(backend, "a").text == "yes"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"gone\.jsonl: there is no such file"),
        ('{"key": 1}\n', r"gone\.jsonl:1: "),
        ("{\n", r"gone\.jsonl:1"),
        ("\x00\n", r"gone\.jsonl"),
    ],
)
def test_a_bad_recording_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    """What is no recording is an error of the configuration with its place."""
    file = tmp_path / "gone.jsonl"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        open_recorded(file, mode="replay")


def test_a_recording_needs_something_to_record(tmp_path: Path) -> None:
    """``record`` without a backend, and a recording of itself, are refused."""
    services = Services(log=logging.getLogger("t"), data_dir=tmp_path, config=Config())
    for backend, message in (("", "nothing to record"), ("recorded", "a recording of itself")):
        with pytest.raises(ConfigError, match=message):
            RecordedBackend.open(RecordedOptions(file=tmp_path / "r", backend=backend, mode="record"), services)


def test_a_plan_is_recorded_and_played_back_elsewhere(tmp_path: Path) -> None:
    """Through the dispatcher: recorded from ``scripted`` in one folder, played back in another process and folder with no other backend there."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    script = tmp_path / "one" / "replies.jsonl"
    script.write_text(json.dumps({"reply": "said once", "usage": {"input_tokens": 5, "output_tokens": 2}}) + "\n")
    recording = tmp_path / "recording.jsonl"
    config = {
        "use": {"llm": "recorded"},
        "options": {
            "llm:recorded": {"file": str(recording), "backend": "scripted"},
            "llm:scripted": {"file": str(script)},
        },
    }
    first = AgentDispatcher(config).registry
    scope = first.scope(tmp_path)
    text = f"plan {tmp_path}/one/spec.md"
    assert ask(scope.get("llm", "recorded"), text).text == "said once"
    code = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom agent_dispatcher import AgentDispatcher\n"
        "from agent_dispatcher.extension import LlmRequest\n"
        "config = {'use': {'llm': 'recorded'}, 'options': {'llm:recorded': {'file': sys.argv[1], 'mode': 'replay'}}}\n"
        "backend = AgentDispatcher(config).registry.scope(Path()).get('llm', 'recorded')\n"
        "print(asyncio.run(backend.complete(LlmRequest.of(f'plan {Path.cwd()}/spec.md'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(recording)],
        cwd=tmp_path / "two",
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "text='said once'" in done.stdout and "input_tokens=5" in done.stdout
