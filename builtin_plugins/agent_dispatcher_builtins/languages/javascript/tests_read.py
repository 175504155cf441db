"""The tests of a file of JavaScript or TypeScript, however they are made: one by one, from a table, or in a loop."""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import frozen

from .asserting import assertion_pattern
from .text import closing, masked, same_quotes

__all__ = ["TestRead", "tests_in"]

_NAME = r"[A-Za-z_$][\w$]*"
#: How often a text may be gone through for tests that stand in others.
_DEEPEST, _SHORT = 12, 20_000
#: A test by its word, with what is said of it (``.each``, ``.only``), up to the bracket of its arguments or of a table.
_HEAD = re.compile(
    r"(?<![\w$.])(?<!function )(?:[xf]?(?:it|test|specify)|(?:t|test|it|describe|suite)(?=\s*\.\s*(?:test|it|skip|todo|only|skipIf|runIf)\b))"
    r"((?:\s*\.\s*(?:only|skip|todo|each|for|concurrent|serial|sequential|fails|failing|skipIf|runIf|test|it)\b){0,6})\s*(?=[(`])"
)
_TABLED = re.compile(r"\.\s*(?:each|for|skipIf|runIf)\b")
_GROUPS = re.compile(r"(?:describe|suite)\b(?!\s*\.\s*(?:test|it)\b)")
_LITERAL = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`", re.S)
#: ... or something that a backslash stands before: so none begins in the midst of another.
_TEXT = re.compile(rf"\\.|{_LITERAL.pattern}", re.S)
_TITLE = re.compile(rf"\s*({_LITERAL.pattern})\s*(?=[,)])", re.S)
_BODY = re.compile(r"=>|\bfunction\b")
_CALLBACK = re.compile(rf",\s*+({_NAME}(?:\.{_NAME})*)\s*+(?:,\s*+[\d_]+\s*+)?,?\s*+$")
#: The first function of a test, with the callback that says that it is at its end.
_DONE = re.compile(
    r"(?:\bfunction\s*+(?:[A-Za-z_$][\w$]{0,80}\s*+)?\(|,\s*+\(?)\s*+(?:t\s*+,\s*+)?(done|cb|callback|next|end)\s*+\)?\s*+(?:=>\s*+)?\{"
)
#: Assertions in assertions are looked at by themselves down to this; and so far is looked back.
_INNERMOST = 20
_LOOK = 400
_CHAINED = re.compile(r"\s*\.\s*[\w$]+\s*(\()?")


@frozen
class TestRead:
    """A test.

    Attributes:
        name: its title; what it is made of where that is no literal.
        body: its arguments without comments and without what stands in strings.
        asserts: what it asserts, without blanks.
        cases: how many rows its table has; 1 where it has none, or one that stands elsewhere.
        callback: the name of the function that is its body where that stands elsewhere.
        waits: whether it ends when something that it hands on is called, and fails where that is not.
    """

    __test__ = False

    name: str
    line: int
    body: str
    asserts: tuple[str, ...]
    cases: int = 1
    callback: str = ""
    waits: bool = False


def tests_in(text: str) -> list[TestRead]:
    """The tests of a file in their order; groups of tests are none.

    Raises:
        RecursionError: tests stand in tests more deeply than anybody writes them.
    """
    code, kept = masked(text), masked(text, keep_strings=True)
    pattern = assertion_pattern(kept)
    found = []
    inside = 0
    for match in _HEAD.finditer(code):
        if _GROUPS.match(match[0]):
            continue
        start, cases = match.end(), 1
        if _TABLED.search(match[1]):
            end = closing(code, start) if code[start] == "(" else code.find("`", start + 1) % (len(code) + 1)
            inside = _within(inside + end - start, code)
            cases = _rows(code, start, end) if "each" in match[1] or "for" in match[1] else 1
            behind = re.compile(r"\s*\(").match(code, end + 1)
            if behind is None:
                continue
            start = behind.end() - 1
        if code[start] != "(":
            continue
        stop = closing(code, start)
        inside = _within(inside + stop - start, code)
        title = _TITLE.match(kept, start + 1)
        has_body = _BODY.search(code, start, stop) is not None
        callback = _CALLBACK.search(code[max(start, stop - _LOOK) : stop]) if title and not has_body else None
        if title is None and not has_body:
            continue
        asserts = tuple(_assertions(code, kept, pattern, start, stop))
        name = title[1][1:-1] if title else _first(code, kept, start + 1, stop)
        line = text.count("\n", 0, match.start()) + 1
        found.append(
            TestRead(
                name, line, code[start:stop], asserts, cases, callback[1] if callback else "", _waits(code[start:stop])
            )
        )
    return found


def _within(inside: int, code: str) -> int:
    """How much was gone through so far, as long as that is not too much."""
    if inside > _DEEPEST * len(code) + _SHORT:
        raise RecursionError("tests stand in tests, too many to be told apart")
    return inside


def _waits(body: str) -> bool:
    """Whether a test takes a callback and hands it on, or calls it in what it hands on."""
    taken = _DONE.search(body)
    if taken is None:
        return False
    depth, at = 0, taken.end()
    for used in re.finditer(rf"(?<![\w$.]){re.escape(taken[1])}\b", body[at:]):
        between, at = body[at : taken.end() + used.start()], taken.end() + used.start()
        depth += sum(map(between.count, "([{")) - sum(map(between.count, ")]}"))
        if depth > 0:
            return True
    return False


def _first(code: str, kept: str, start: int, stop: int) -> str:
    """What the first of some arguments is made of; a test whose first argument is its body has no name."""
    end = next(_commas(code, start, stop), stop)
    said = " ".join(kept[start:end].split())
    return said if said and not _BODY.search(said) else "without a name"


def _commas(code: str, start: int, stop: int) -> Iterator[int]:
    """Commas between brackets, without those of what is inside of other brackets."""
    depth = 0
    for at in range(start, stop):
        if code[at] in "([{":
            depth += 1
        elif code[at] in ")]}":
            depth -= 1
        elif code[at] == "," and depth == 0:
            yield at


def _rows(code: str, start: int, end: int) -> int:
    """How many rows a table has that stands there; 1 where it is a name, or made by a call."""
    if code[start] == "`":
        return 1
    opened = re.compile(r"\s*\[").match(code, start + 1)
    if opened is None or closing(code, opened.end() - 1) < len(code[start:end].rstrip()) + start - 1:
        return 1
    stop = closing(code, opened.end() - 1)
    inside = code[opened.end() : stop]
    commas = list(_commas(code, opened.end(), stop))
    if not inside.strip():
        return 0
    return len(commas) + (1 if code[commas[-1] + 1 : stop].strip() else 0) if commas else 1


def _assertions(code: str, kept: str, pattern: re.Pattern[str], start: int, stop: int) -> Iterator[str]:
    around: list[int] = []
    for each in pattern.finditer(code, start, stop):
        while around and around[-1] < each.start():
            around.pop()
        around.append(closing(code, each.end() - 1))
        if len(around) <= _INNERMOST:
            yield _assertion(code, kept, each.start(), each.end() - 1)


def _assertion(code: str, kept: str, start: int, bracket: int) -> str:
    """The text of an assertion with what is chained to it, without blanks."""
    stop = closing(code, bracket) + 1
    while chained := _CHAINED.match(code, stop):
        stop = closing(code, chained.end() - 1) + 1 if chained[1] else chained.end()
    return "".join(_TEXT.sub(lambda found: same_quotes(found[0]), kept[start:stop]).split())
