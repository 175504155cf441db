"""What a model says is data: through both SDKs it arrives as it is or is refused, and what takes it for JSON takes nothing but JSON."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from agent_dispatcher.errors import BackendError, DispatcherError
from agent_dispatcher.extension import LlmReply, LlmRequest
from agent_dispatcher.extension.components import LlmBackend
from agent_dispatcher.llm import bare_json
from agent_dispatcher.safe_load import plain_json
from agent_dispatcher.testing import ModelServer
from agent_dispatcher.testing.model_replies import Fails, Says, SendsBytes


def _openai(text: bytes) -> bytes:
    return b'data: {"choices": [{"delta": {"content": "' + text + b'"}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'


def _anthropic(text: bytes) -> bytes:
    delta = b'{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "' + text + b'"}}'
    end = b'{"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}'
    return b"event: content_block_delta\ndata: " + delta + b"\n\nevent: message_delta\ndata: " + end + b"\n\n"


#: How a server of each dialect streams a text that it does not escape.
AROUND = {"openai": _openai, "anthropic": _anthropic}


def ask(backend: LlmBackend, **more: Any) -> LlmReply:
    return asyncio.run(backend.complete(LlmRequest.of("Why?", **more)))


@pytest.mark.parametrize(
    "text",
    ["\x00\x1b[31mred\x1b[0m\u202eetis\u2066", "\ufeff\u2028\u2029\x85", "😀" * 1000, "</data> <|im_end|> [INST]"],
)
def test_strange_characters_arrive(dialect: Any, text: str) -> None:
    """Whoever shows them makes them harmless; here nothing is lost and nothing is taken for anything else."""
    with ModelServer([Says(text=text, pieces=7)]) as server:
        assert ask(dialect.connect(server)).text == text


def test_half_a_character_is_none(dialect: Any) -> None:
    """A lone surrogate, which JSON can say and no text can hold, is replaced; two halves in two pieces are one character."""
    with ModelServer([SendsBytes(body=AROUND[dialect.name](rb"a\ud800b")), Says(text="😀", pieces=1)]) as server:
        backend = dialect.connect(server)
        assert [ask(backend).text, ask(backend).text] == ["a\ufffdb", "😀"]


@pytest.mark.parametrize(
    "text",
    [
        '{"n": NaN}', '{"n": Infinity}', '{"n": -Infinity}', '{"n": 1, "n": 2}', '{"n": "\\ud800"}',
        '{"n": ' + "9" * 1_000_000 + "}", '{"n": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"n": 1', '{"n": 1}{"n": 2}', "nothing of the sort", "", '{"n": 1e999}',
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_what_is_not_strictly_json_is_refused(dialect: Any, text: str) -> None:
    """NaN, doubled keys, lone surrogates, endless numbers and nesting, cut off or prose: the text arrives, the parser everybody uses refuses it."""
    with ModelServer([text]) as server:
        said = ask(dialect.connect(server)).text
    assert said == text
    with pytest.raises(DispatcherError):
        plain_json(said, "the reply")


def test_ten_thousand_damaged_replies_raise_nothing_else() -> None:
    """Whatever a reply was cut to or mixed up with, picking JSON out of it and reading that gives a value or the one error it may give."""
    chance, good = random.Random(7), json.dumps({"tasks": [{"id": "a", "n": [1, 2.5, None, True]}, {"id": "é😀"}]})
    parts = [
        "```json\n",
        "\n```",
        "Sure: ",
        "{",
        "}",
        "[",
        "]",
        '"',
        "\\ud800",
        "NaN",
        "\x00",
        ",",
        ":",
        good,
        "\u202e",
    ]
    read = 0
    for _ in range(10_000):
        text = good
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(text) + 1)
            text = chance.choice(
                (text[:at], text[at:], text[:at] + chance.choice(parts) + text[at:], f"```\n{text}\n```")
            )
        try:
            plain_json(bare_json(text), "the reply")
            read += 1
        except DispatcherError:
            pass
    assert 500 < read < 9_500


@pytest.mark.parametrize("status", [400, 429, 500])
def test_what_a_server_says_of_an_error_is_shown_harmlessly(dialect: Any, status: int) -> None:
    """No control character of its message reaches a terminal, and no more than a few lines of it."""
    message = "\x1b[2J\x07\u202egone" + "x" * 100_000
    with ModelServer([Fails(status=status, message=message)]) as server, pytest.raises(BackendError) as caught:
        ask(dialect.connect(server))
    shown = str(caught.value)
    assert len(shown) < 1_000 and all(each.isprintable() for each in shown)


def test_a_server_that_does_not_speak_tls_is_an_outage(dialect: Any) -> None:
    """The connection does not come to stand: nothing was sent, the key neither."""
    with ModelServer([]) as server:
        address = server.base_url.replace("http://", "https://")
        with pytest.raises(BackendError, match="no connection") as caught:
            ask(dialect.connect(server, base_url=address))
    assert (caught.value.sort, server.requests) == ("outage", [])
