"""No pattern that is laid over what agents, models and repositories write can be made to search for hours: its work grows with the length of the text.

Each pattern is attacked with texts made from itself: what it begins with, then very much of what it repeats, then what it does not expect.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import pkgutil
import re
import signal
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import agent_dispatcher_builtins

PACKAGES = ("doneness", "checks", "prompting", "languages.javascript", "languages.python.inspection")
#: What follows imports through a tree has bounds of its own.
NOT_HERE = ("references", "reach")
SOME, MANY, ATTACKS = 12_000, 250_000, 25
#: Seconds of CPU. What is linear takes a hundredth; what is not, many times as much.
ENOUGH, AT_MOST = 1.0, 8.0
#: Patterns that are laid over no more than so much of a text, and how much.
UP_TO = {
    **{f"prompting.moves.{each}": 400 for each in ("_DELETE", "_RENAME", "_NEAR_DELETE", "_NEAR_RENAME")},
    **{f"prompting.naming.{each}": 400 for each in ("_BEHIND_COLON", "_BARE", "_HEADING", "_PATH", "_INSIDE")},
    "prompting.edit_form._HEADER": 400,
    "languages.javascript.additions._LOOP": 2000,
    # of the project's own templates, and of the end of one block of a reply
    "prompting.packaged._VALUES": 400,
    "prompting.completeness._SIGN": 2000,
    "prompting.completeness._OPEN": 2000,
}
CHARACTERS = " \na\t0A_.-#*`'\"“”([{)]}<>=,;:!/\\|&~@$%^+?x…→\0"
TAILS = ("", "\0", "!\na")
_parser: Any = importlib.import_module("re._parser")


def modules() -> Iterator[ModuleType]:
    """Those of the rooms that read what others wrote."""
    for package in PACKAGES:
        name = f"{agent_dispatcher_builtins.__name__}.{package}"
        found = importlib.import_module(name)
        yield found
        for each in pkgutil.walk_packages(found.__path__, f"{name}."):
            if not each.name.rpartition(".")[2].startswith(("_", *NOT_HERE)):
                yield importlib.import_module(each.name)


def patterns() -> Iterator[tuple[str, str, re.Pattern[Any]]]:
    """(name, how it is used: at the beginning or anywhere, pattern) of each pattern that a module keeps."""
    for module in modules():
        called: dict[str, set[str]] = {}
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                called.setdefault(node.value.id, set()).add(node.attr)
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern) and name in called:
                anchored = called[name] <= {"match", "fullmatch", "pattern"}
                yield (
                    f"{module.__name__.removeprefix('agent_dispatcher_builtins.')}.{name}",
                    "match" if anchored else "finditer",
                    value,
                )


def accepted(code: Any, flags: int) -> list[str]:
    """Single characters that a part of a pattern takes."""
    try:
        alone = re._compiler.compile(_wrapped(code, flags))  # type: ignore[attr-defined]
    except (AttributeError, RuntimeError, ValueError, TypeError):
        return []
    return [each for each in CHARACTERS if alone.fullmatch(each)]


def _wrapped(code: Any, flags: int) -> Any:
    state = _parser.State()
    state.flags = flags
    return _parser.SubPattern(state, [code])


def shortest(codes: Any, flags: int) -> str:
    """A short text that the parts of a pattern take, one after the other."""
    return "".join(_shortest(code, flags) for code in codes)


def _shortest(code: Any, flags: int) -> str:
    kind, value = str(code[0]), code[1]
    if kind == "LITERAL":
        return chr(value)
    if kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return shortest(value[2], flags) * value[0]
    if kind == "SUBPATTERN":
        return shortest(value[3], flags)
    if kind == "ATOMIC_GROUP":
        return shortest(value, flags)
    if kind == "BRANCH":
        return shortest(value[1][0], flags)
    if kind in ("IN", "NOT_LITERAL", "ANY"):
        taken = accepted(code, flags)
        return next((each for each in "a " if each in taken), taken[0] if taken else "")
    return ""


def beginnings(codes: Any, flags: int, before: str = "") -> Iterator[tuple[str, list[str]]]:
    """(what leads to a repetition, what is repeated there) for each repetition of a pattern, in each of its branches."""
    for code in codes:
        kind, value = str(code[0]), code[1]
        if kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            if value[1] > 50:
                units = [*(accepted(value[2][0], flags) if len(value[2]) == 1 else []), shortest(value[2], flags)]
                yield before, [each for each in dict.fromkeys(units) if each]
            yield from beginnings(value[2], flags, before)
            if value[0] == 0 and value[1] == 1:
                yield from beginnings(value[2], flags, before)
        elif kind == "SUBPATTERN":
            yield from beginnings(value[3], flags, before)
        elif kind == "ATOMIC_GROUP":
            yield from beginnings(value, flags, before)
        elif kind == "BRANCH":
            for branch in value[1]:
                yield from beginnings(branch, flags, before)
        elif kind in ("ASSERT", "ASSERT_NOT"):
            yield from beginnings(value[1], flags, before)
        before += _shortest(code, flags)


def attacks(pattern: re.Pattern[Any]) -> Iterator[Callable[[int], str]]:
    """Texts of about a length."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    flags = pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags
    parsed = _parser.parse(source, flags & ~re.DEBUG)
    seen = set()
    whole = shortest(parsed, flags)
    pairs = [*beginnings(parsed, flags)]
    for before, units in [*pairs, ("", [whole])]:
        for unit, tail in itertools.product(units, TAILS):
            for text in ((before, unit, tail), ("", before + unit, tail)):
                if text[1] and text not in seen:
                    seen.add(text)
                    yield lambda size, text=text: text[0] + text[1] * (size // len(text[1])) + text[2]  # type: ignore[misc]


def seconds(pattern: re.Pattern[Any], how: str, text: str, limit: float) -> float:
    """CPU time of one search through a text; the limit where it is not at its end by then."""
    given: Any = text.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else text
    usual = signal.signal(signal.SIGPROF, _stop)
    began = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, limit)
    try:
        if how == "match":
            pattern.match(given)
            pattern.fullmatch(given)
        else:
            for _ in pattern.finditer(given):
                pass
        return time.process_time() - began
    except TimeoutError:
        return limit
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, usual)


def _stop(*_: object) -> None:
    raise TimeoutError


FOUND = {name: (how, pattern) for name, how, pattern in patterns()}


@pytest.mark.parametrize("name", FOUND)
def test_the_work_of_a_pattern_grows_with_the_text(name: str) -> None:
    """Whatever the text, up to the largest that is read."""
    how, pattern = FOUND[name]
    some, many = min(SOME, UP_TO.get(name, SOME)), UP_TO.get(name, MANY)
    texts = [*attacks(pattern)]
    worst, slowest = None, -1.0
    for attack in texts[:: max(1, len(texts) // ATTACKS)]:
        taken = seconds(pattern, how, attack(some), ENOUGH)
        assert taken < ENOUGH, f"{pattern.pattern!r} takes too long for {attack(40)!r}..."
        if taken > slowest:
            worst, slowest = attack, taken
    if worst is not None:
        assert seconds(pattern, how, worst(many), AT_MOST) < AT_MOST, f"{pattern.pattern!r}: {worst(40)!r}"
