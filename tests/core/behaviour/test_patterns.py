"""The portable subset of regular expressions."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_dispatcher.behaviour import PatternProblem, portable


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"^97[89]\d{10}$", "97[89][0-9]{10}"),
        (r"(a|b)c?", "(?:a|b)c?"),
        (r"[^\s-]+\.x", r"[^ \t\n\r\f\v\-]+\.x"),
        (r"a\$", r"a\$"),
        (r"a\\$", r"a\\"),
        (r"([A-Z]{2}\d{1,3}){3}", "(?:[A-Z]{2}[0-9]{1,3}){3}"),
        (r"[a-z]+(-[a-z]+)*", "[a-z]+(?:-[a-z]+)*"),
        (r"\w{2,}", "[A-Za-z0-9_]{2,}"),
        ("é{1,2}", "é{1,2}"),
    ],
)
def test_rewritten(pattern: str, expected: str) -> None:
    """What engines read differently is rewritten, the rest stays."""
    assert portable(pattern) == expected


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(?=a)b", "look-around"),
        ("(?P<x>a)", "named groups"),
        ("(?i)a", "flags"),
        (r"(a)\1", r"\\1 is not allowed"),
        (r"\bword", r"\\b is not allowed"),
        (r"\pL", r"\\p is not allowed"),
        ("a*?", "lazy"),
        ("a++", "a quantifier after a quantifier"),
        ("*a", "nothing stands here"),
        ("a{,3}", "a quantifier is written"),
        ("a{3,1}", "from a smaller to a larger"),
        ("a{2000}", "at most 1000"),
        ("a^b", "the whole text is matched anyway"),
        ("(a", "does not end"),
        ("[a", "does not end"),
        ("a)", "closes nothing"),
        ("[]", "empty class"),
        ("[z-a]", "upside down"),
        ("[[:alpha:]]", r"write \\\["),
        ("a\\", "nothing follows the backslash"),
        ("(a+)+", "could take for ever"),
        ("(a|b)*", "could take for ever"),
        ("(a?b?)*", "could take for ever"),
        ("(" * 30, "nested more than 20 deep"),
        ("a" * 501, "at most 500 characters"),
    ],
)
def test_refused(pattern: str, message: str) -> None:
    """Everything outside the subset is refused with the reason."""
    with pytest.raises(PatternProblem, match=message):
        portable(pattern)


@settings(max_examples=400, deadline=None)
@given(st.text(alphabet="ab01.-\\dw[]^$()|*+?{},: \n", max_size=14))
def test_what_is_allowed_means_the_same(pattern: str) -> None:
    """An allowed pattern compiles, matches what the original matches (in ASCII), and rewriting it again changes nothing."""
    try:
        written = portable(pattern)
    except PatternProblem:
        return
    compiled, original = re.compile(written), re.compile(pattern, re.ASCII)
    for text in ("", "a", "ab", "0", "a-", "\n", "\\", "a0b1", " ", "aaaa", "]", "^"):
        assert bool(compiled.fullmatch(text)) == bool(original.fullmatch(text)), text
    assert portable(written) == written


def test_allowed_repetition_is_quick() -> None:
    """A repetition that is allowed within another one does not blow up on a text that nearly matches."""
    compiled = re.compile(portable("[a-z]+(-[a-z]+)*"))
    begin = time.process_time()
    assert compiled.fullmatch("-".join(["abc"] * 2_000) + "!") is None
    assert time.process_time() - begin < 1
