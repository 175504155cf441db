"""Examples in prose, made into tests: ``>>> f(1)`` with what it shows, ``f(1) == 2``, ``f(1) -> 2``, ``f(1) returns 2`` in a line, and, where the function's
parameters are known, ``For n = 1 the output should be 2`` and ``Input: n = 1`` above ``Output: 2``.

What :mod:`.stated_examples` reads is among them: it reads more forms, and is more careful about what is meant.

Only what can be nothing else is taken: a call of a function that is asked for, with literal arguments, and a literal or an exception's name after it. Every
other sentence is left to its reader.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator, Sequence

from attrs import frozen

from .reading_literals import end_of_call, literal, literal_call
from .stated_examples import stated_examples
from .worked_examples import worked_examples

__all__ = ["Example", "example_tests", "examples_in"]

_ARROW = re.compile(
    r"\s*+(?:#\s*+)?(?:==>|=>|==|=|➞|→|->|returns?\b|should (?:return|be|equal)\b|is equal to\b|equals\b|gives\b|raises\b)\s*+:?\s*+"
)
_RAISES = re.compile(r"(?:raises?\s+)?`?([A-Z]\w*(?:Error|Exception|Interrupt|Iteration))\b")
_GOES_ON = re.compile(r"\s*(?:$|[`.,;:)#(]|(?:because|since|when|if|and|as|while|but|for|or|not)\b)")
_LONGEST = 2000
_LONGEST_LITERAL = 400


@frozen(kw_only=True)
class Example:
    """A call, and what it gives.

    Attributes:
        call: source text.
        result: source text of a literal; ``""`` when it raises.
        raises: name of a builtin exception.
    """

    call: str
    result: str = ""
    raises: str = ""


def examples_in(text: str, names: Sequence[str]) -> tuple[Example, ...]:
    """The examples of functions called ``names``, each once, in order."""
    lines = text.splitlines()
    found: dict[tuple[str, str, str], Example] = {}
    for number, line in enumerate(lines):
        for example in (*_session(lines, number, names), *_in_line(line, names)):
            found.setdefault((example.call, example.result, example.raises), example)
    for call, said in worked_examples(text, names):
        result = _leading_literal(said)
        if result is not None:
            found.setdefault((call, result, ""), Example(call=call, result=result))
    calls = {each.call for each in found.values()}
    for each in stated_examples(text):
        known = not each.raises or isinstance(getattr(builtins, each.raises, None), type)
        if each.function in names and each.call not in calls and known and not each.unsure:
            example = Example(call=each.call, result=each.result, raises=each.raises)
            found[example.call, example.result, example.raises] = example
    return tuple(found.values())


def example_tests(text: str, symbols: Sequence[str]) -> str:
    """A pytest file: a test for each example, named after the function and counted."""
    modules = {name.split(".")[0]: where for where, _, name in (symbol.partition(":") for symbol in symbols) if name}
    found = examples_in(text, list(modules))
    if not found:
        return ""
    used = sorted({name for each in found for name in modules if re.search(rf"\b{name}\(", each.call)})
    lines = ["import pytest", "", *(f"from {modules[name]} import {name}" for name in used), ""]
    counts = dict.fromkeys(modules, 0)
    for each in found:
        name = each.call.partition("(")[0]
        counts[name] += 1
        lines += ["", f"def test_{name}_{counts[name]}():"]
        if each.raises:
            lines += [f"    with pytest.raises({each.raises}):", f"        {each.call}"]
        elif _is_float(each.result):
            lines += [f"    assert {each.call} == pytest.approx({each.result})"]
        else:
            lines += [f"    assert {each.call} == {each.result}"]
        lines.append("")
    return "\n".join(lines)


def _session(lines: Sequence[str], number: int, names: Sequence[str]) -> Iterator[Example]:
    """``>>> f(1)`` and the line after it, or ``>>> f(1) == 2``."""
    line = lines[number].strip().lstrip("*- `")
    if not line.startswith(">>>"):
        return
    source = line[3:].strip().rstrip("`")
    after = lines[number + 1].strip() if number + 1 < len(lines) else ""
    call = _call(source, names)
    if call is None:
        yield from _in_line(source, names)
    elif after.startswith("Traceback"):
        error = next(
            (_RAISES.match(each.strip()) for each in lines[number + 2 : number + 8] if _RAISES.match(each.strip())),
            None,
        )
        if error and isinstance(getattr(builtins, error[1], None), type):
            yield Example(call=call, raises=error[1])
    elif (result := literal(after)) is not None:
        yield Example(call=call, result=result)


def _in_line(line: str, names: Sequence[str]) -> Iterator[Example]:
    if line.strip().startswith(">>>") or len(line) > _LONGEST:
        return
    for name in names:
        for start in re.finditer(rf"(?<![\w.]){re.escape(name)}\(", line):
            end = end_of_call(line, start.start())
            call = _call(line[start.start() : end], names) if end else None
            rest = line[end:].lstrip("`") if end else ""
            arrow = _ARROW.match(rest)
            if call is None or arrow is None:
                continue
            said = rest[arrow.end() :].strip()
            if _is_signature(line[: start.start()], call, arrow[0], said):
                continue
            error = _RAISES.match(said)
            if error and isinstance(getattr(builtins, error[1], None), type):
                yield Example(call=call, raises=error[1])
            elif (result := _leading_literal(said)) is not None:
                yield Example(call=call, result=result)


def _is_signature(before: str, call: str, arrow: str, said: str) -> bool:
    """Whether it says how something is called and that nothing comes back, not what one call gives: ``main() -> None``."""
    return before.endswith("def ") or (call.endswith("()") and arrow.strip() == "->" and said.startswith("None"))


def _call(source: str, names: Sequence[str]) -> str | None:
    """The source in its plain form, if it is a call of one of ``names`` with literals."""
    called = literal_call(source)
    return called[1] if called is not None and called[0] in names else None


def _leading_literal(said: str) -> str | None:
    """The longest beginning of a sentence that is a literal, if it is not the number of something (``returns 3 items``)."""
    said = said.lstrip("`").rstrip()[:_LONGEST_LITERAL]
    for end in range(len(said), 0, -1):
        found = literal(said[:end].rstrip(" `.,;:")) if _GOES_ON.match(said[end:]) else None
        if found is not None:
            return found
    return None


def _is_float(result: str) -> bool:
    return isinstance(ast.literal_eval(result), float)
