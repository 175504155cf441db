"""Merging what both sides only added to: imports and exports of a Python module, lists of dependencies. Pure.

Line by line these are conflicts, because both sides added at the same place; yet nothing is to be decided. A merge is offered only where that is
certain: what is in conflict consists of such lines and nothing else, neither side took anything away, no name means two things, no package is asked
for in two ways, and the result, read again, holds exactly what both sides had. Everything else is for somebody who understands it.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any

from .python_names import merge_python
from .three_way import regions

__all__ = ["merge_additions"]

_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(?:[<>=!~;@ ].*)?")
#: Tables and keys below which names are added to.
_TOML_LISTS = {"dependencies", "optional-dependencies", "dependency-groups", "requires"}
_JSON_TABLES = {"dependencies", "devDependencies", "optionalDependencies", "peerDependencies"}


class _Decide(Exception):
    """Somebody has to decide."""


def merge_additions(path: str, base: str, ours: str, theirs: str) -> str | None:
    """The text with the additions of both sides; ``None`` when it is not as simple as that."""
    name = PurePosixPath(path).name
    merge: Callable[[str, str, str], str | None] | None = None
    if name.endswith((".py", ".pyi")):
        merge = merge_python
    elif name == "pyproject.toml":
        merge = _merge_toml
    elif name == "package.json":
        merge = _merge_json
    elif name.endswith((".txt", ".in")) and re.match(r"(.*-)?(requirements|constraints)", name):
        merge = _merge_requirements
    if merge is None or not all(map(_in_plain_lines, (base, ours, theirs))):
        return None
    return merge(base, ours, theirs)


def _in_plain_lines(text: str) -> bool:
    """Whether a line feed is all that ends a line: then everybody counts the same lines."""
    return "\r" not in text and len(text.splitlines()) == text.count("\n") + (text != "" and not text.endswith("\n"))


def _merge_requirements(base: str, ours: str, theirs: str) -> str | None:
    """A requirement a line."""

    def both(before: list[str], mine: list[str], other: list[str]) -> list[str]:
        lines = _union(before, mine, other)
        names = [match[1] for line in lines if (match := _REQUIREMENT.fullmatch(line.strip()))]
        if len(names) != len([line for line in lines if line.strip()]):
            raise _Decide
        return lines

    text = _merged_lines(base, ours, theirs, both)
    if text is None:
        return None
    added = _requirement_names(text)
    return text if len(added) == len(set(added)) else None


def _requirement_names(text: str) -> list[str]:
    found = []
    for line in text.splitlines():
        match = _REQUIREMENT.fullmatch(line.strip())
        if match:
            found.append(_normal(match[1]))
    return found


def _merge_toml(base: str, ours: str, theirs: str) -> str | None:
    """Lists of dependencies in ``pyproject.toml``, an entry a line or all on one."""
    entry = re.compile(r"""\s*("[^"]*"|'[^']*'),?\s*(#.*)?""")

    def both(before: list[str], mine: list[str], other: list[str]) -> list[str]:
        if len(before) == len(mine) == len(other) == 1:
            return [_one_line_list(before[0], mine[0], other[0])]
        lines = _union(*([_with_comma(line) for line in side if line.strip()] for side in (before, mine, other)))
        if not all(entry.fullmatch(line) for line in lines):
            raise _Decide
        return lines

    text = _merged_lines(base, ours, theirs, both)
    if text is None:
        return None
    try:
        sides = [tomllib.loads(each) for each in (base, ours, theirs, text)]
        wanted = _merged_data(*sides[:3], inside=False, names=_TOML_LISTS)
        _refuse_two_ways(*(_packages(each, _TOML_LISTS) for each in (sides[1], sides[2], wanted)))
        return text if _agree(wanted, sides[3]) else None
    except (tomllib.TOMLDecodeError, _Decide):
        return None


def _one_line_list(before: str, mine: str, other: str) -> str:
    """``key = ["a"]`` with the entries of both."""
    key = mine.partition("=")[0]
    lists = []
    for line in (before, mine, other):
        if line.partition("=")[0] != key:
            raise _Decide
        try:
            (value,) = tomllib.loads(line.strip()).values()
        except (tomllib.TOMLDecodeError, ValueError) as error:
            raise _Decide from error
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value) or "#" in line:
            raise _Decide
        lists.append(value)
    return f"{key}= [{', '.join(json.dumps(each, ensure_ascii=False) for each in _union(*lists))}]\n"


def _with_comma(line: str) -> str:
    match = re.fullmatch(r"""(\s*(?:"[^"]*"|'[^']*'))(,?)(\s*(?:#.*)?)\n?""", line)
    if match is None:
        raise _Decide
    return f"{match[1]},{match[3].rstrip()}\n"


def _merge_json(base: str, ours: str, theirs: str) -> str | None:
    """Tables of dependencies in ``package.json``; written again with the indentation it has."""
    try:
        sides = [json.loads(each, object_pairs_hook=_without_twins) for each in (base or "{}", ours, theirs)]
        merged = _merged_data(*sides, inside=False, names=_JSON_TABLES)
        _refuse_two_ways(*(_packages(each, _JSON_TABLES) for each in (sides[1], sides[2], merged)))
        _refuse_other_keys(base, ours, theirs, sides[0])
    except (ValueError, _Decide):
        return None
    indent = re.search(r"\n([ \t]+)\"", ours)
    text = json.dumps(merged, indent=indent[1] if indent else 2, ensure_ascii=False) + "\n"
    return (
        text if json.dumps(sides[1], indent=indent[1] if indent else 2, ensure_ascii=False) == ours.rstrip() else None
    )


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A table in which no key is there twice."""
    if len(pairs) != len(dict(pairs)):
        raise _Decide
    return dict(pairs)


def _refuse_other_keys(base: str, ours: str, theirs: str, before: Any) -> None:
    """Where both sides changed the same lines these are tables of dependencies, entries of them, and what is as it was."""
    texts = [text.splitlines() for text in (base, ours, theirs)]
    for region in regions(*texts):
        if region.kind != "both":
            continue
        for text, place in zip(texts, (region.base, region.ours, region.theirs), strict=True):
            table = next((key for line in reversed(text[: place[0]]) if (key := _opened(line)) is not None), "")
            for line in text[slice(*place)]:
                inside = table in _JSON_TABLES
                opened = _opened(line)
                if opened is not None:
                    if opened and (inside or opened not in _JSON_TABLES):
                        raise _Decide
                    table = opened
                elif not inside and line.strip() and not _is_as_before(line, before):
                    raise _Decide


def _opened(line: str) -> str | None:
    """The key of the table that a line begins, ``""`` for one that ends, ``None`` when it does neither."""
    opening = re.fullmatch(r'\s*(?:"([^"]*)":\s*)?[{\[]\s*', line)
    if opening is not None:
        return opening[1] or ""
    return "" if re.fullmatch(r"\s*[}\]],?\s*", line) else None


def _is_as_before(line: str, before: Any) -> bool:
    """Whether a line gives a key the value that it had."""
    try:
        ((key, value),) = json.loads("{" + line.strip().rstrip(",") + "}").items()
    except ValueError:
        return False
    return isinstance(before, dict) and key in before and bool(before[key] == value)


def _packages(data: Any, names: set[str], inside: bool = False) -> dict[str, set[str]]:
    """Package -> all the ways in which it is asked for."""
    found: dict[str, set[str]] = {}
    if isinstance(data, list):
        for each in data:
            match = _REQUIREMENT.fullmatch(each) if inside and isinstance(each, str) else None
            if match:
                found.setdefault(_normal(match[1]), set()).add(re.sub(r"\s+", "", each[match.end(1) :]))
    elif isinstance(data, dict):
        for key, value in data.items():
            if inside and isinstance(value, str):
                found.setdefault(key, set()).add(value)
            for name, ways in _packages(value, names, inside or key in names).items():
                found.setdefault(name, set()).update(ways)
    return found


def _refuse_two_ways(ours: dict[str, set[str]], theirs: dict[str, set[str]], merged: dict[str, set[str]]) -> None:
    """A package that is asked for in more ways than on either side alone has to be decided."""
    for name, ways in merged.items():
        if len(ways) > 1 and not ways <= ours.get(name, set()) and not ways <= theirs.get(name, set()):
            raise _Decide


def _merged_data(base: Any, ours: Any, theirs: Any, *, inside: bool, names: set[str]) -> Any:
    """Three values in one: what only one side changed is taken, below ``names`` what both added.

    Args:
        inside: whether the value is below one of ``names``.
    """
    if ours == theirs or theirs == base:
        return ours
    if ours == base:
        return theirs
    if isinstance(ours, dict) and isinstance(theirs, dict) and isinstance(base, dict | None):
        base = base or {}
        missing = object()
        found = {}
        for key in [*ours, *(key for key in theirs if key not in ours)]:
            three = [side.get(key, missing) for side in (base, ours, theirs)]
            if three[0] is not missing and missing in three[1:]:
                raise _Decide
            if missing in three[1:]:
                found[key] = three[1] if three[1] is not missing else three[2]
            else:
                before = None if three[0] is missing else three[0]
                found[key] = _merged_data(before, three[1], three[2], inside=inside or key in names, names=names)
        if set(base) - set(found):
            raise _Decide
        return found
    if inside and isinstance(ours, list) and isinstance(theirs, list):
        found_list = _union(base or [], ours, theirs)
        named = [_normal(match[1]) for each in found_list if (match := _REQUIREMENT.fullmatch(str(each)))]
        if len(named) != len(found_list) or len(set(named)) != len(named):
            raise _Decide
        return found_list
    raise _Decide


def _agree(one: Any, other: Any) -> bool:
    """Equal, whatever the order of entries of lists."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_agree(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return sorted(map(str, one)) == sorted(map(str, other))
    return bool(one == other)


def _merged_lines(
    base: str, ours: str, theirs: str, both: Callable[[list[str], list[str], list[str]], list[str]]
) -> str | None:
    """The three-way merge; ``both`` decides what both sides changed."""
    before, mine, other = ([f"{line}\n" for line in text.splitlines()] for text in (base, ours, theirs))
    merged: list[str] = []
    try:
        for region in regions(before, mine, other):
            if region.kind == "theirs":
                merged += other[slice(*region.theirs)]
            elif region.kind == "both":
                merged += both(before[slice(*region.base)], mine[slice(*region.ours)], other[slice(*region.theirs)])
            else:
                merged += mine[slice(*region.ours)]
    except _Decide:
        return None
    return "".join(merged)


def _union(before: Sequence[str], mine: Sequence[str], other: Sequence[str]) -> list[str]:
    """What ours has, and behind it what theirs added; neither may have taken anything away."""
    if not set(before) <= set(mine) or not set(before) <= set(other):
        raise _Decide
    return [*mine, *(each for each in other if each not in mine)]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
