"""Versions as Poetry and Pipenv write them, said as PEP 440 says them; what it cannot say is not guessed."""

from __future__ import annotations

import pytest
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet

from agent_dispatcher_builtins.languages.python.manifests.versions import Unsaid, condition, specifier

#: What Poetry's documentation says of each, and what its own parser was seen to say.
_TABLE = {
    "^1.2.3": ">=1.2.3,<2",
    "^1.2": ">=1.2,<2",
    "^1": ">=1,<2",
    "^0.2.3": ">=0.2.3,<0.3",
    "^0.0.3": ">=0.0.3,<0.0.4",
    "^0.0": ">=0.0,<0.1",
    "^0": ">=0,<1",
    "^ 1.2": ">=1.2,<2",
    "^1.2b1": ">=1.2b1,<2",
    "^1.2.3.4": ">=1.2.3.4,<2",
    "^0.0.0.3": ">=0.0.0.3,<0.0.1",
    "~1.2.3": ">=1.2.3,<1.3",
    "~1.2": ">=1.2,<1.3",
    "~1": ">=1,<2",
    "~0": ">=0,<1",
    "~1.2.3.4": ">=1.2.3.4,<1.3",
    "*": "",
    "": "",
    "1.*": "==1.*",
    "1.2.*": "==1.2.*",
    "==1.2.*": "==1.2.*",
    "!=1.5.*,>=1": "!=1.5.*,>=1",
    "~=1.4": "~=1.4",
    "1.2.3": "==1.2.3",
    "=1.2.3": "==1.2.3",
    "v1.2": "==1.2",
    "<>1.2": "!=1.2",
    "2.0-beta1": "==2.0b1",
    ">= 1.2, < 1.5": ">=1.2,<1.5",
    ">=1.2 <1.5": ">=1.2,<1.5",
    "^1.2,!=1.3.0": ">=1.2,<2,!=1.3.0",
    ">=1,<2 || >=3": ">=1,!=2.*",
    "^1 || ^2": ">=1,<3",
    "^1|^2 || ^3": ">=1,<4",
    "^1.4 | ^3": ">=1.4,!=2.*,<4",
    "~3.7 || ~3.9": ">=3.7,!=3.8.*,<3.10",
    "<2 || >=3": "!=2.*",
    "1.2.* || 1.3.*": ">=1.2,<1.4",
    "^1 || *": "",
}


@pytest.mark.parametrize(("text", "expected"), _TABLE.items())
def test_versions_are_said_as_pep_440_says_them(text: str, expected: str) -> None:
    """Carets, tildes, wildcards, lists, and choices where what lies between them can be left out."""
    assert specifier(text) == expected
    SpecifierSet(expected)


@pytest.mark.parametrize(
    ("text", "newest"),
    [
        ("==1.2 || ==1.4", "==1.4"),
        ("^1.0 || ^0.23", ">=1.0,<2"),
        ("^2 || ^0.1 || 1.5.*", ">=2,<3"),
        (">=3,<3.9.0 || >3.9.0", ">3.9.0"),
        ("<=1 || >=2,!=2.5", ">=2,!=2.5"),
        (">=1.0 || ==0.5", ">=1.0"),
        ("latest", ""),
        ("~=1", ""),
        ("===1.0", ""),
        ("^1!2.0", ""),
        ("1.2 - 1.4", ""),
        (">=1 || latest", ""),
    ],
)
def test_what_pep_440_cannot_say_is_not_guessed(text: str, newest: str) -> None:
    """A choice has the one alternative with the newest versions; what is no version has nothing."""
    with pytest.raises(Unsaid) as caught:
        specifier(text)
    assert caught.value.newest == newest


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("^3.9", "3.9.0 3.9.7 3.10.3 3.12.0"),
        ("~2.7 || ^3.10", "2.7.18 3.10.3 3.12.0"),
        ("<3.10", "2.7.18 3.8.5 3.9.0 3.9.7"),
        ("<=3.9", "2.7.18 3.8.5 3.9.0"),
        (">3.9", "3.9.7 3.10.3 3.12.0"),
        (">=3.9.7", "3.9.7 3.10.3 3.12.0"),
        ("3.9", "3.9.0 3.9.7"),
        ("3.10.*", "3.10.3"),
        ("3.*", "3.8.5 3.9.0 3.9.7 3.10.3 3.12.0"),
        (">=3.8,!=3.9.*", "3.8.5 3.10.3 3.12.0"),
        ("*", "2.7.18 3.8.5 3.9.0 3.9.7 3.10.3 3.12.0"),
    ],
)
def test_conditions_on_python_hold_where_they_should(text: str, holds: str) -> None:
    """For versions of Python any choice can be said."""
    pythons = ["2.7.18", "3.8.5", "3.9.0", "3.9.7", "3.10.3", "3.12.0"]
    said = condition(text)
    found = [
        each
        for each in pythons
        if not said
        or Marker(said).evaluate({"python_version": each.rpartition(".")[0], "python_full_version": each})
    ]  # fmt: skip
    assert holds.split() == found


def test_a_condition_that_is_none_is_not_guessed() -> None:
    """It is nothing that holds, and nothing that does not."""
    with pytest.raises(Unsaid):
        condition("newest")
