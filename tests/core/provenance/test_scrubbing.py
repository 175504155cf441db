"""Keys are taken out of texts, and what is no key is left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent_dispatcher.extension import ChatMessage, LlmReply, LlmRequest
from agent_dispatcher.extension.llm import ToolCall
from agent_dispatcher.provenance import SECRET, Scrubber, secrets_of

KEY = "value-of-a-key-17"


@pytest.mark.parametrize(
    "name",
    ["OPENAI_API_KEY", "github_token", "DB_PASSWORD", "SECRET", "CLIENT_SECRET_2", "SSH_PASSPHRASE", "X_KEY", "APIKEY"],
)
def test_variables_named_like_a_key_hold_one(name: str) -> None:
    """Whatever their case, and wherever in the name it stands."""
    assert list(secrets_of({}, {name: f" {KEY}\n"})) == [KEY]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EDITOR", KEY),
        ("MAX_TOKENS", "128000000"),
        ("TOKENIZERS_PARALLELISM", "disabled-by-me"),
        ("API_KEY", "short"),
        ("SORT_KEY", "updated_at"),
        ("PRIMARY_KEY", "20261122"),
        ("SSL_KEY", __file__),
        ("MONKEY", "King Kong 1933"),
    ],
)
def test_what_is_no_key_is_left_alone(name: str, value: str) -> None:
    """Ordinary words under an ambiguous name, short values, names of files: else they would vanish from all code."""
    assert list(secrets_of({}, {name: value})) == ([value] if name == "MONKEY" else [])


def test_configuration_says_what_is_a_key() -> None:
    """Variables that it names, options that are named like one however deep, passwords in addresses."""
    options = {
        "llm:a": {"api_key_env": "PLAIN", "api_key_keyring": "service:somebody", "model": "a-long-model-name"},
        "agent_type:b": {"servers": [{"token": "tok-12345678"}, {"url": "https://me:pass%2Fword@host.example/x"}]},
    }
    environment = {"PLAIN": KEY, "WORD": "said-by-the-user", "OTHER": "not-a-secret-value"}
    found = set(secrets_of(options, environment, ["WORD"]))
    assert found == {KEY, "said-by-the-user", "tok-12345678", "pass%2Fword", "pass/word"}


def test_every_spelling_is_found() -> None:
    """As it is, in an address, in JSON."""
    value = 'a "quoted" \\ key/with+signs'
    scrubber = Scrubber.of([value])
    for text in (value, json.dumps(value)[1:-1], "a%20%22quoted%22%20%5C%20key%2Fwith%2Bsigns"):
        assert scrubber.text(f"<{text}>") == f"<{SECRET}>"


def test_a_key_that_begins_another_leaves_nothing_of_it() -> None:
    """The longest goes first."""
    assert Scrubber.of(["abcdefgh", "abcdefgh-ijkl"]).text("x abcdefgh-ijkl y") == f"x {SECRET} y"


@pytest.mark.parametrize(
    "text",
    [
        "sk-proj-Abc0123456789defghij",
        "AKIAABCDEFGHIJKLMNOP",
        "ghp_" + "a1" * 18,
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_well_known_shapes_are_found(text: str) -> None:
    """Nobody has to have named them."""
    assert Scrubber().text(f"key = '{text}'") == f"key = '{SECRET}'"


@pytest.mark.parametrize(
    "text",
    ["sk-navigation-bar-container-left", "task-0123456789abcdef0123", "AKIA", "d41d8cd98f00b204e9800998ecf8427e"],
)
def test_ordinary_code_has_no_such_shape(text: str) -> None:
    """Names of classes, ids and digests stay."""
    assert Scrubber().text(text) == text


def test_requests_and_replies_are_cleaned_all_over() -> None:
    """Messages and arguments of tools; without a key nothing is copied."""
    scrubber = Scrubber.of([KEY])
    call = ToolCall(id="1", name="run", arguments=f'{{"x": "{KEY}"}}')
    request = LlmRequest(
        messages=[
            ChatMessage(role="user", content=f"use {KEY}"),
            ChatMessage(role="assistant", content="", tool_calls=[call]),
        ]
    )
    assert KEY not in repr(scrubber.request(request))
    assert KEY not in repr(scrubber.reply(LlmReply(text=KEY, tool_calls=[call])))
    clean = LlmRequest.of("nothing of the kind")
    assert scrubber.request(clean) is clean


def test_errors_are_cleaned_down_to_their_causes() -> None:
    """Also a key whose end was cut off with the message."""
    try:
        try:
            raise ValueError(f"sent {KEY}")
        except ValueError as cause:
            raise RuntimeError(f"refused: {KEY[:-3]}…") from cause
    except RuntimeError as error:
        Scrubber.of([KEY]).error(error)
        assert str(error) == f"refused: {SECRET}"
        assert str(error.__cause__) == f"sent {SECRET}"


def test_a_scrubber_does_not_show_what_it_knows(tmp_path: Path) -> None:
    """Not even when it is printed."""
    assert KEY not in repr(Scrubber.of([KEY]))
