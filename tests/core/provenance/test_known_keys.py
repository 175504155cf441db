"""Which values are keys: what an option's text gives away, found in a time that grows with the text and no faster."""

from __future__ import annotations

import time

import pytest

from agent_dispatcher.provenance.known_keys import secrets_of

KEY = "qX7-rT2_vB9.zL4k"


@pytest.mark.parametrize(
    "text",
    [
        f'{{"apiKey": "{KEY}"}}',
        f"run TOKEN={KEY} --quiet",
        f"auth-token: {KEY}",
        f"--pat={KEY}",
        f"x=1; _1_secret = '{KEY}'",
    ],
)
def test_a_key_in_the_text_of_an_option_is_known(text: str) -> None:
    """However it is assigned there."""
    assert KEY in secrets_of({"agent": {"home": text}}, {}).values


@pytest.mark.parametrize("part", ["a", "1", "-", "token='a"])
def test_long_texts_of_options_take_no_long_time(part: str) -> None:
    """A program given as an option, or data: each word is looked at once."""
    text = part * (60_000 // len(part))
    began = time.process_time()
    secrets_of({"agent": {"home": text}}, {})
    assert time.process_time() - began < 2
