"""The JSON object in what a model wrote."""

from __future__ import annotations

import pytest

from agent_dispatcher_builtins.prompting.reply import Unreadable, object_in


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1, "```"]}',
        '\n  {"a": [1, "```"]}  \n',
        '```json\n{"a": [1, "```"]}\n```',
        'Here it is:\n```\n{"a": [1, "```"]}\n```\nAnything else?',
        'Certainly! {"a": [1, "```"]} Done.',
        '<think>{"a": 2} no</think>\n{"a": [1, "```"]}',
    ],
)
def test_the_object_is_found_in_its_wrapping(text: str) -> None:
    """Bare, fenced, with words around it, and behind a model's thoughts."""
    assert object_in(text) == {"a": [1, "```"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the reply is empty: it must be one JSON object"),
        ("I cannot do that.", "there is no JSON object in the reply"),
        ("[1, 2]", "there is no JSON object in the reply"),
        ('{"a": 1', "reply:1:8: malformed JSON: Expecting ',' delimiter"),
        ('{"a": 1,\n "b": }', "reply:2:7: malformed JSON: Expecting value"),
        ('{"a": 1, "a": 2}', "reply:1:10: the key 'a' stands twice in one object"),
        ('{"a": NaN}', "reply:1:7: NaN is no JSON value"),
    ],
)
def test_what_is_not_one_object_is_said_with_its_place(text: str, said: str) -> None:
    """Nothing is guessed: the author is told what is wrong, and where."""
    with pytest.raises(Unreadable) as caught:
        object_in(text)
    assert str(caught.value) == said


def test_deep_nesting_is_refused() -> None:
    """A reply cannot exhaust the stack."""
    with pytest.raises(Unreadable, match="nested"):
        object_in('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}")
