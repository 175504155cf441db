"""Versions as Poetry and Pipenv write them (``^1.2``, ``~1.2``, ``1.2.*``, ``>=1,<2 || >=3``), said as PEP 440 says them.

Nothing is guessed: a choice that no specifier of PEP 440 can say is :exc:`Unsaid`, with the newest of what it allows; and so is what is no version, with
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from attrs import frozen
from packaging.version import InvalidVersion, Version

__all__ = ["Unsaid", "condition", "specifier"]

_ANY = re.compile(r"v?[xX*](\.[xX*])*")
_OPERATOR = re.compile(r"(\^|~=|~|===|==|!=|<>|<=|>=|<|>|=)?\s*(.+)")
_MOST_LEFT_OUT = 20


class Unsaid(ValueError):
    """No specifier of PEP 440 says this.

    Attributes:
        newest: the specifier of the one alternative that has the newest versions; ``""`` where the text says no versions at all.
    """

    newest = ""


@frozen
class _Clause:
    """One comparison; with ``any_below`` for ``1.2.*``."""

    operator: str
    version: Version
    any_below: bool = False

    def __str__(self) -> str:
        return f"{self.operator}{self.version}{'.*' if self.any_below else ''}"


@frozen
class _Range:
    """Versions from ``low`` to below ``high``; ``None`` is without end."""

    low: Version | None
    high: Version | None


def specifier(text: str) -> str:
    """What PEP 440 says for it; ``""`` for any version. Pre-releases at the edges of what is left out are not told apart.

    Raises:
        Unsaid: it says a choice that cannot be said, or is no version.
    """
    alternatives = _alternatives(text)
    if len(alternatives) == 1:
        return ",".join(map(str, alternatives[0]))
    try:
        return _together([_range(each, text) for each in alternatives], text)
    except Unsaid as unsaid:
        unsaid.newest = ",".join(map(str, max(alternatives, key=_end)))
        raise


def _end(clauses: Iterable[_Clause]) -> tuple[bool, Version]:
    """For comparing alternatives: whether one is without end, and the newest version it names."""
    every = tuple(clauses)
    endless = not any(clause.operator in ("<", "<=", "==", "~=") for clause in every)
    return endless, max((clause.version for clause in every), default=Version("0"))


def condition(text: str) -> str:
    """The condition of PEP 508 for versions of Python; ``""`` for any.

    Raises:
        Unsaid: it is no version.
    """
    alternatives = _alternatives(text)
    if not all(alternatives):
        return ""
    return " or ".join(f"({' and '.join(map(_compared, each))})" for each in alternatives)


def _compared(clause: _Clause) -> str:
    length = len(clause.version.release) + clause.any_below
    full = length > 2 or clause.operator in ("<=", ">")  # 3.9.7 is not "<=3.9"
    name = "python_full_version" if full else "python_version"
    if clause.any_below and len(clause.version.release) == 2:  # python_version has no more than two parts
        return f"python_version {clause.operator} '{clause.version}'"
    return f"{name} {clause.operator} '{clause.version}{'.*' if clause.any_below else ''}'"


def _alternatives(text: str) -> list[tuple[_Clause, ...]]:
    """The comparisons of each alternative; an empty one is any version."""
    found = []
    for part in re.split(r"\|\|?", text):
        joined = re.sub(r"(\^|~=|~|[<>=!]+)\s+", r"\1", part.strip())
        found.append(tuple(clause for each in re.split(r"[,\s]+", joined) if each for clause in _clauses(each, text)))
    return found


def _clauses(one: str, text: str) -> Iterable[_Clause]:
    if _ANY.fullmatch(one):
        return ()
    match = _OPERATOR.fullmatch(one)
    if match is None:
        raise Unsaid(text)
    operator, written = match[1] or "==", match[2]
    any_below = re.search(r"(\.[xX*])+$", written) is not None
    try:
        version = Version(re.sub(r"(\.[xX*])+$", "", written))
    except InvalidVersion:
        raise Unsaid(text) from None
    if operator in ("^", "~"):
        if version.epoch or version.local:
            raise Unsaid(text)
        return (_Clause(">=", version), _Clause("<", _breaking(version) if operator == "^" else _tilde(version)))
    operator = {"=": "==", "<>": "!="}.get(operator, operator)
    if operator == "===" or (operator == "~=" and (any_below or len(version.release) == 1)):
        raise Unsaid(text)
    return (_Clause(operator, version, any_below and operator in ("==", "!=")),)


def _breaking(version: Version) -> Version:
    """The first version after it that may break what worked: the left-most part that is not zero goes up, or the last one that is written."""
    release = version.release
    at = next((place for place, part in enumerate(release[:3]) if part), min(len(release), 3) - 1)
    return _raised(release, at)


def _tilde(version: Version) -> Version:
    return _raised(version.release, min(len(version.release) - 1, 1))


def _raised(release: Sequence[int], at: int) -> Version:
    return Version(".".join(map(str, (*release[:at], release[at] + 1))))


def _range(clauses: Sequence[_Clause], text: str) -> _Range:
    lows, highs = zip(*(_ends(clause, text) for clause in clauses), strict=True) if clauses else ((), ())
    return _Range(
        max((each for each in lows if each is not None), default=None),
        min((each for each in highs if each is not None), default=None),
    )


def _ends(clause: _Clause, text: str) -> tuple[Version | None, Version | None]:
    if clause.operator == ">=":
        return clause.version, None
    if clause.operator == "<":
        return None, clause.version
    if clause.operator == "==" and clause.any_below:
        return clause.version, _raised(clause.version.release, len(clause.version.release) - 1)
    raise Unsaid(text)


def _together(ranges: list[_Range], text: str) -> str:
    """One range, less what lies between those it is made of."""
    zero = Version("0.dev0")
    ranges = sorted(ranges, key=lambda each: each.low or zero)
    low, high = ranges[0].low, ranges[0].high
    left_out: list[str] = []
    for each in ranges[1:]:
        if high is None:
            break
        if each.low is not None and each.low > high:
            left_out += _between(high, each.low, text)
        high = None if each.high is None else max(high, each.high)
    ends = [f">={low}" if low is not None else "", *left_out, f"<{high}" if high is not None else ""]
    return ",".join(each for each in ends if each)


def _between(first: Version, after: Version, text: str) -> list[str]:
    """``!=2.*`` and so on for all versions from ``first`` to below ``after``."""
    if first.is_prerelease or after.is_prerelease or first.is_postrelease or after.is_postrelease:
        raise Unsaid(text)
    short, long = (_short(each) for each in (first, after))
    length = max(len(short), len(long))
    one, other = ((*each, *[0] * (length - len(each))) for each in (short, long))
    if one[:-1] != other[:-1] or other[-1] - one[-1] > _MOST_LEFT_OUT:
        raise Unsaid(text)
    return [f"!={'.'.join(map(str, (*one[:-1], part)))}.*" for part in range(one[-1], other[-1])]


def _short(version: Version) -> tuple[int, ...]:
    release = version.release
    while len(release) > 1 and release[-1] == 0:
        release = release[:-1]
    return release
