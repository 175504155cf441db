"""What documentation, examples and servers without keys have people write is no key; what opens something is one, however it looks."""

from __future__ import annotations

import pytest

from agent_dispatcher.provenance import Scrubber, secrets_of
from agent_dispatcher.provenance.dummies import is_dummy

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"

HONEST = (
    "sk-no-key-required", "sk-test-key", "sk-fake-key-for-tests", "your-api-key-here", "<your-api-key>", "YOUR_API_KEY",
    "REPLACE_ME_WITH_YOUR_KEY", "changeme123", "test-api-key-123", "not-needed", "lm-studio", "yourApiKey", "$OPENAI_API_KEY",
    "${OPENAI_API_KEY:-none}", "{{ api_key }}", "xxxxxxxxxxxxxxxx", "sk-xxxxxxxxxxxxxxxxxxxxxxxx", "sk-0000000000000000000000000000",
    "sk-1234567890", "********", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "sha512-oWgNf4Ez8BXtRSrYZSHYS8r4XoO5WfIFzWkdd4JWxjS2Xy8oWgNf4Ez8BXtRSrYZSHYS8r4XoO5WfIFzWkdd4A==",
    f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token",
)  # fmt: skip
REAL = (
    "sk-proj-4fJk29dLsmWq8ZtYv1bN3xCr7Pe", "sk-ant-api03-Xq9fLz2Kd8vBn3mWt5yRp7", "sk-test-9a8b7c6d5e4f3a2b1c0d",
    "9f86d081884c7d659a2feaa0c55ad015", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "AKIAY34FZKBOKMUTVV7A",
    "wJ4lrXUtnF3MI/K7MDENG/bPxRf1CYzz9qTfEYRk", "xoxb-263594206564-FGqddMF8t08v8N7Oq4i57vs1",
    "AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY", "glpat-9vXkQ2mLs8dRt4yBn6Wc", "hf_KqWbZxTnLmPvRsJyDgFhCaEuQiOtBnMk",
    "correct-horse-battery-staple", "open-sesame-1234", "hunter2hunter2", "Tr0ub4dor&3xyz", "$uperSecret9", "P@ssw0rd2024!x",
    TENANT, f"https://hooks.example.com/{TENANT}", f"https://hooks.example.com/T02AB9XCD/xYz9AbCdEfGhIjKlMnOpQrSt/{TENANT}",
    "test-4f1c9d27c4aa", "aQcDwFgHtJkLmZoP", "12345678", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3In0.dozjgNryP4J3jVmNHl0w",
)  # fmt: skip


@pytest.mark.parametrize("value", HONEST)
def test_a_placeholder_is_no_key(value: str) -> None:
    """Neither as the value of a variable that is named like a key, nor where one is named by ``api_key_env``, nor by its shape; the variable is told."""
    known = secrets_of({}, {"MY_TOKEN": value})
    assert known.values == ()
    assert known.plain == ("MY_TOKEN",) or "/" in value
    if "://" not in value:
        assert secrets_of({"llm_backend:x": {"api_key_env": "SOME_API_KEY"}}, {"SOME_API_KEY": value}).values == ()
    assert Scrubber().text(f"key = '{value}'") == f"key = '{value}'"
    assert secrets_of({}, {"SOME_API_KEY": value}, named=["SOME_API_KEY"]).values == (value,), (
        "whoever insists is heard"
    )


@pytest.mark.parametrize("value", REAL)
def test_a_key_is_one(value: str) -> None:
    """Also where it has words in it, or is a number of somebody."""
    assert not is_dummy(value)
    assert secrets_of({}, {"SOME_API_KEY": value}).values == (value,)


@pytest.mark.parametrize(
    "text",
    [
        '{"apiKey": "canary-0a1b2c"}',
        "AUTH_TOKEN=canary-0a1b2c\nx=1\n",
        "auth-token: canary-0a1b2c",
        "run --api-key=canary-0a1b2c",
    ],
)
def test_keys_are_found_in_texts_of_options(text: str) -> None:
    """A coding agent is given its key in a file of its home folder, too."""
    options = {"agent_type:acp": {"home": {".agent/config": text}}}
    assert secrets_of(options, {}).values == ("canary-0a1b2c",)
    assert secrets_of({"agent_type:acp": {"home": {"x": "say sk-proj-4fJk29dLsmWq8ZtYv1bN3xCr7Pe"}}}, {}).values


def test_the_fingerprint_of_a_public_key_is_none() -> None:
    """Images of Python have one in their environment."""
    assert secrets_of({}, {"GPG_KEY": "7169605F62C751356D054A26A821E680E5FA6305"}).values == ()
