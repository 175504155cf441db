"""``scripted``: the file decides what is said, to whom, how often, how late, and what fails."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_dispatcher.errors import BackendError, ConfigError
from agent_dispatcher.extension import LlmReply, LlmRequest, ToolCall, Usage
from agent_dispatcher.extension.components import LlmBackend
from agent_dispatcher.testing import LlmBackendContract
from agent_dispatcher_builtins.llm_backends.scripted import ScriptedFile


def scripted(folder: Path, text: str, name: str = "replies.jsonl") -> ScriptedFile:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return ScriptedFile(file)


def ask(backend: LlmBackend, text: str, purpose: str = "") -> LlmReply:
    return asyncio.run(backend.complete(LlmRequest.of(text, purpose=purpose)))


class TestScripted(LlmBackendContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make_backend(self) -> LlmBackend:
        return scripted(self.folder, '{"reply": "yes", "times": null}\n')

    def make_failing(self) -> tuple[LlmBackend, Callable[[], int]]:
        text = '{"error": {"sort": "outage", "message": "503"}, "times": null, "contains": "Fail"}\n'
        backend = scripted(self.folder, text, "failing.jsonl")
        return backend, lambda: backend.asked

    def make_slow(self) -> LlmBackend:
        return scripted(self.folder, '{"reply": "yes", "delay_s": 20}\n', "slow.jsonl")


def test_lines_are_said_in_order(tmp_path: Path) -> None:
    """A line without conditions answers whatever comes next, once."""
    backend = scripted(tmp_path, '"one"\n\n{"reply": "two"}\n')
    assert [ask(backend, "a").text, ask(backend, "b").text] == ["one", "two"]


def test_a_line_answers_what_it_is_for(tmp_path: Path) -> None:
    """Purpose and text of the request choose the line; ``times`` says how often, ``null`` for ever."""
    backend = scripted(
        tmp_path,
        "- {purpose: decompose, contains: loans, reply: about loans}\n"
        "- {purpose: decompose, contains: [books, shelf], reply: about both, times: 2}\n"
        "- {purpose: dependencies, reply: {edges: [é]}, times: null}\n",
        "replies.yaml",
    )
    said = [
        ask(backend, "books on a shelf", "decompose"),
        ask(backend, "books on a shelf", "decompose"),
        ask(backend, "loans", "decompose"),
    ]
    assert [reply.text for reply in said] == ["about both", "about both", "about loans"]
    for _ in range(3):
        assert json.loads(ask(backend, "x", "dependencies").text) == {"edges": ["é"]}
    with pytest.raises(BackendError, match=r"no line is left .*purpose 'decompose'.*'books on a shelf'.*3 of 3 lines"):
        ask(backend, "books on a shelf", "decompose")


def test_what_was_not_used_is_named(tmp_path: Path) -> None:
    """The error of a request without a line says which lines still wait, by their places."""
    backend = scripted(tmp_path, '"x"\n{"purpose": "p", "reply": "y"}\n')
    ask(backend, "a")
    with pytest.raises(BackendError, match=r"1 of 2 lines were used; not used yet: .*replies.jsonl:2"):
        ask(backend, "b")


def test_a_whole_reply_can_be_given(tmp_path: Path) -> None:
    """Usage, model, stop reason and tool calls are what the line says."""
    line = {
        "reply": "",
        "usage": {"input_tokens": 3, "output_tokens": 4},
        "model": "m",
        "stop_reason": "tool_calls",
        "tool_calls": [{"id": "1", "name": "look", "arguments": "{}"}],
    }
    assert ask(scripted(tmp_path, json.dumps(line)), "a") == LlmReply(
        text="",
        usage=Usage(input_tokens=3, output_tokens=4),
        model="m",
        stop_reason="tool_calls",
        tool_calls=[ToolCall(id="1", name="look", arguments="{}")],
    )


def test_errors_and_delays_are_scriptable(tmp_path: Path) -> None:
    """A line can fail with any sort of error, and take its time."""
    backend = scripted(
        tmp_path, '{"error": {"sort": "rate_limit", "message": "slow down", "retry_after_s": 7}, "delay_s": 0.2}\n'
    )
    begun = time.monotonic()
    with pytest.raises(BackendError, match="slow down") as caught:
        ask(backend, "a")
    assert (caught.value.sort, caught.value.retry_after_s) == ("rate_limit", 7)
    assert time.monotonic() - begun >= 0.2


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ('"ok"\n{"says": "x", "reply": ""}\n', "a.jsonl", r"a\.jsonl:2: .*'says'"),
        ('"ok"\n7\n', "a.jsonl", r"a\.jsonl:2: a line of a script is a text, or a mapping"),
        ('"ok"\n{"purpose": "x"}\n', "a.jsonl", r"a\.jsonl:2: this line says nothing"),
        ('{"error": {"sort": "bad"}}\n', "a.jsonl", r"a\.jsonl:1: error\.sort"),
        ('{"reply": \n', "a.jsonl", r"a\.jsonl:1"),
        ("reply: x\n", "a.yaml", r"a\.yaml:1: a script is a list of replies, this is a mapping"),
        ("- reply: x\n- [\n", "a.yaml", r"a\.yaml:3.*malformed YAML"),
    ],
)  # fmt: skip
def test_a_bad_script_is_refused_with_its_place(tmp_path: Path, text: str, name: str, message: str) -> None:
    """What is wrong with a script is said when it is read, with file and line."""
    with pytest.raises(ConfigError, match=message):
        scripted(tmp_path, text, name)


def test_a_missing_script_is_named(tmp_path: Path) -> None:
    """A file that is not there is an error of the configuration that says where it is named."""
    with pytest.raises(ConfigError, match=r"gone\.jsonl: there is no such file .*llm:scripted.*file"):
        ScriptedFile(tmp_path / "gone.jsonl")
