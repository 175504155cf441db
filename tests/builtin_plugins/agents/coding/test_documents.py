"""JSON of a program that nobody trusts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent_dispatcher_builtins.agents.coding.proxy import documents
from agent_dispatcher_builtins.agents.coding.proxy.documents import read_object
from agent_dispatcher_builtins.agents.coding.proxy.http import BadRequest


@pytest.mark.parametrize(
    ("document", "status"),
    [
        (b'{"a":[' + b"{}," * 120_000 + b"{}]}", 413),
        (b'{"a":[' + b"1," * 220_000 + b"1]}", 413),
        (b'{"a":' + b"[" * 100_000, 400),
        (b'{"a":' * 65 + b"1" + b"}" * 65, 400),
        (b"]" * 1_000_000, 400),
        (b'{"a":1e999}', 400),
        (b'{"a":NaN}', 400),
        (b'{"a":-Infinity}', 400),
        (b'{"a":1' + b"0" * 5_000 + b"}", 400),
        (b'{"a":"\xff"}', 400),
        ('{"a":"b"}'.encode("utf-16"), 400),
        (b'["a"]', 400),
        (b"", 400),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_would_break_something_is_refused(document: bytes, status: int) -> None:
    """Too much, too deep, no number, no text, no object."""
    with pytest.raises(BadRequest) as refused:
        read_object(document)
    assert status == refused.value.status


def test_a_flood_is_not_read_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """What there is in a document is counted before anything is made of it."""
    monkeypatch.setattr(documents.json, "loads", lambda *given, **more: pytest.fail("it was read"))
    with pytest.raises(BadRequest, match="more than 200,000 values"):
        read_object(b'{"a":[' + b"{}," * 300_000 + b"{}]}")


@pytest.mark.parametrize(
    "value",
    [
        {"text": '{}[],"\\' * 300_000},
        {"deep": "[" * 1_000, "quoted": '\\"[[' * 1_000, "null": None, "n": [1.5, -2, True]},
        {"tools": [{"a": {"b": {"c": [[["d"]]]}}}] * 1_000},
    ],
    ids=["code", "brackets", "schemas"],
)
def test_what_programs_send_is_read(value: Any) -> None:
    """However much structure stands in its texts."""
    assert value == read_object(json.dumps(value).encode())


def test_half_a_character_becomes_a_whole_one() -> None:
    """Programs cut texts in the middle of an emoji; nothing further in could encode that. A whole one stays."""
    assert read_object(b'{"a":["\\ud83d!","\\ude00","\\ud83d\\ude00","\\\\ud83d"]}') == {
        "a": ["\ufffd!", "\ufffd", "\U0001f600", "\\ud83d"]
    }
