"""A key comes from the environment or the keyring; where it is missing, one line says so and how to set it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agent_dispatcher.errors import Unavailable
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
