"""A key comes from the environment or the keyring; where it is missing, one line says so and how to set it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agent_dispatcher.errors import Unavailable
from agent_dispatcher.provenance import secrets_of
from agent_dispatcher_builtins.llm_backends.keys import find_key
from agent_dispatcher_builtins.llm_backends.options import OpenAIOptions


@pytest.fixture
def keyring() -> Iterator[Any]:
    """The real package with a keyring of its own in memory."""
    module = pytest.importorskip("keyring")
    backend = pytest.importorskip("keyring.backend")

    class InMemory(backend.KeyringBackend):  # type: ignore[misc,name-defined]
        priority = 1.0

        def __init__(self) -> None:
            self.kept: dict[tuple[str, str], str] = {}

        def get_password(self, service: str, username: str) -> str | None:
            return self.kept.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            self.kept[service, username] = password

        def delete_password(self, service: str, username: str) -> None:
            del self.kept[service, username]

    before = module.get_keyring()
    module.set_keyring(InMemory())
    yield module
    module.set_keyring(before)


def options(**more: Any) -> OpenAIOptions:
    return OpenAIOptions(model="m", **more)


def test_a_key_in_the_keyring(keyring: Any) -> None:
    """It is found by service and user; the message about it names the place and not the key."""
    keyring.set_password("models", "me", "sk-canary")
    key, hint = find_key(options(api_key_keyring="models:me"), "openai", "OPENAI_API_KEY")
    assert (key, hint) == ("sk-canary", "the key is that of the keyring's models:me")
    with pytest.raises(Unavailable, match="keyring set models you"):
        find_key(options(api_key_keyring="models:you"), "openai", "")


def test_no_server_gets_the_key_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a usual variable nothing is looked for."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    assert find_key(options(base_url="http://127.0.0.1:1"), "openai", "") == ("", "")


def test_two_places_are_one_too_many() -> None:
    """Which of them is meant cannot be known."""
    with pytest.raises(ValueError, match="give one of them"):
        options(api_key_env="A", api_key_keyring="models:me")


@pytest.mark.parametrize(
    "more",
    [
        {"api_key_env": "sk-proj-Abc0123456789defghij"},
        {"api_key_env": "two words of Abc0123456789defghij"},
        {"api_key_keyring": "sk-proj-Abc0123456789defghij"},
        {"base_url": "ftp://me:Abc0123456789defghij@host/v1"},
        {"base_url": "http://host:99999999/?key=Abc0123456789defghij"},
    ],
)
def test_a_key_in_the_wrong_place_is_not_repeated(more: dict[str, Any]) -> None:
    """The message says where it stands and what belongs there, and stays on a terminal and in a log."""
    with pytest.raises(ValueError, match=next(iter(more))) as caught:
        options(**more)
    assert "defghij" not in str(caught.value)


@pytest.mark.parametrize(
    "key", ["abcdef0123456789abcdef0123456789", "AKIA1BCDEFGH2JKLM7NO", "sk_live_canary0123456789abcd"]
)
def test_a_key_that_could_be_the_name_of_a_variable_is_not_repeated(key: str) -> None:
    """That there is no such variable is said without it; and it is known as a key."""
    with pytest.raises(Unavailable, match="looks like a key") as caught:
        find_key(options(api_key_env=key), "openai", "")
    assert key not in f"{caught.value} {caught.value.remedy}"
    assert key in secrets_of({"llm:openai": {"api_key_env": key}}, {}).values


@pytest.mark.parametrize(
    "name", ["OPENAI_API_KEY", "MODEL_ACCESS", "api_key_2", "_K8S_TOKEN", "S3_KEY", "HTTP2_TOKEN_V2", "KEY"]
)
def test_names_of_variables_are_shown(name: str) -> None:
    """Whoever has to set one has to know which."""
    with pytest.raises(Unavailable, match=f"environment variable {name} is not set"):
        find_key(options(api_key_env=name), "openai", "")
    assert secrets_of({"llm:openai": {"api_key_env": name}}, {}).values == ()
