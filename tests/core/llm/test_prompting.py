"""Schemas said in words, JSON picked out of prose, plain functions as backends."""

from __future__ import annotations

import asyncio

import pytest

from agent_dispatcher.errors import BackendError
from agent_dispatcher.extension import LlmRequest
from agent_dispatcher.llm import PlainFunction, bare_json, schema_in_prompt

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', '{"a": 1}'),
        (' [1, 2]\n', "[1, 2]"),
        ('Here you are:\n```json\n{"a": 1}\n```\nAnything else?', '{"a": 1}'),
        ('```\nno\n```\n```\r\n[1]\r\n```', "[1]"),
        ('Sure! {"a": {"b": "}"}} Done.', '{"a": {"b": "}"}}'),
        ('The list: [{"a": 1}, {"a": 2}] as asked', '[{"a": 1}, {"a": 2}]'),
        ("I cannot do that.", "I cannot do that."),
        ('{"a": 1', '{"a": 1'),
        ("", ""),
    ],
)  # fmt: skip
def test_json_is_picked_out_of_a_reply(text: str, found: str) -> None:
    """Fences and prose around one JSON value go; where there is none the reply stays as it is."""
    assert bare_json(text) == found


def test_deep_nesting_is_no_crash() -> None:
    """A reply of a hundred thousand brackets is left for the caller's strict parser."""
    text = "[" * 100_000 + "]" * 100_000
    assert bare_json(text) == text


@pytest.mark.parametrize("system", ["", "Be brief."])
def test_a_schema_goes_into_the_system_text(system: str) -> None:
    """The schema is said after what the system text says already; the question stays as it is; nothing is asked of the server."""
    said = schema_in_prompt(LlmRequest.of("why", system=system, schema=SCHEMA))
    assert said.schema is None
    assert [each.role for each in said.messages] == ["system", "user"]
    assert said.messages[0].content.startswith(system) and '"integer"' in said.messages[0].content
    assert said.messages[1].content == "why"
    assert schema_in_prompt(LlmRequest.of("why")) == LlmRequest.of("why")


def test_a_plain_function_answers() -> None:
    """It gets the texts of the conversation; its usage is an upper bound; JSON is picked out when a schema was given."""
    backend = PlainFunction(lambda text: f"<{text}>")
    reply = asyncio.run(backend.complete(LlmRequest.of("why", system="Be brief.")))
    assert reply.text == "<Be brief.\n\nwhy>"
    assert reply.usage.estimated and reply.usage.input_tokens > 12 and reply.usage.output_tokens == 17
    fenced = PlainFunction(lambda text: '```json\n{"a": 1}\n```')
    assert asyncio.run(fenced.complete(LlmRequest.of("why", schema=SCHEMA))).text == '{"a": 1}'


def test_a_plain_function_must_give_a_text() -> None:
    """Anything else is said to be its fault."""
    backend = PlainFunction(lambda text: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(BackendError, match=r"llm_client returned NoneType, not a text"):
        asyncio.run(backend.complete(LlmRequest.of("why")))
