"""Examples that name no function: ``For n = 1 the output should be 2``, and ``Input: n = 1`` above ``Output: 2``.

They are taken for the one function whose parameters are called so, as its ``def`` in the same text says; where none or several fit, they are left to the reader.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

__all__ = ["worked_examples"]

_DEF = re.compile(r"(?<![\w.])def\s+(\w+)\s*\(")
_FOR = re.compile(r"\b(?:[Ff]or|[Gg]iven|[Ww]ith|[Ww]hen|[Ii]f)\s+(?=\w+\s*=[^=])")
_GIVES = re.compile(r"\b(?:output|result|answer)\s+(?:should\s+be|must\s+be|will\s+be|is)\s*:?\s*")
_INPUT = re.compile(r"\A\W*[Ii]nputs?\s*:\s*")
_OUTPUT = re.compile(r"\A\W*[Oo]utputs?\s*:\s*")
_NAMED = re.compile(r"\A(\w+)\s*:\s*")
_LONGEST_SIGNATURE = 8
_MOST_INPUTS = 8
_LONGEST = 600

#: Source text of values; the names are empty where the text gives none.
Inputs = Sequence[tuple[str, str]]


def worked_examples(text: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(call, what the text says it gives), in order.

    Args:
        names: the functions that are asked for.
    """
    lines = text.splitlines()
    known = _signatures(lines, names)
    if not known:
        return
    for number, line in enumerate(lines):
        found = _sentence(line) or _input_and_output(lines, number)
        if found is None:
            continue
        inputs, said = found
        fitting = [name for name, parameters in known.items() if _fits(inputs, parameters)]
        if len(fitting) == 1:
            yield _call(fitting[0], inputs, known[fitting[0]]), said


def _signatures(lines: Sequence[str], names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Function to its parameters, where the text has its ``def``."""
    found = {}
    for number, line in enumerate(lines):
        match = _DEF.search(line)
        if match is None or match[1] not in names:
            continue
        for end in range(number + 1, number + 1 + _LONGEST_SIGNATURE):
            source = "\n".join((line[match.start() :], *lines[number + 1 : end]))
            try:
                (function,) = ast.parse(f"{source.rstrip('`')}\n pass").body
            except (SyntaxError, ValueError):
                continue
            if isinstance(function, ast.FunctionDef):
                found[match[1]] = tuple(each.arg for each in (*function.args.posonlyargs, *function.args.args))
            break
    return found


def _sentence(line: str) -> tuple[Inputs, str] | None:
    """``For a = 1, b = 2 the output should be 3``."""
    begins = _FOR.search(line) if len(line) <= _LONGEST else None
    gives = _GIVES.search(line, begins.end()) if begins else None
    if begins is None or gives is None:
        return None
    between = line[begins.end() : gives.start()]
    for end in range(len(between), 0, -1):
        inputs = _inputs(between[:end])
        if inputs:
            return inputs, line[gives.end() :]
    return None


def _input_and_output(lines: Sequence[str], number: int) -> tuple[Inputs, str] | None:
    """A line that begins with ``Input:``, also with the values in lines of their own below it, and the next one that begins with ``Output:``."""
    begins = _INPUT.match(lines[number])
    if begins is None:
        return None
    given = [lines[number][begins.end() :].strip()]
    for line in lines[number + 1 : number + 2 + _MOST_INPUTS]:
        ends = _OUTPUT.match(line)
        if ends is not None:
            source = ", ".join(_NAMED.sub(r"\1 = ", each) for each in given if each)
            inputs = _inputs(source) if len(source) <= _LONGEST else None
            return (inputs, line[ends.end() :]) if inputs else None
        given.append(line.strip().rstrip(","))
    return None


def _inputs(source: str) -> Inputs | None:
    """``a = 1, b = 2`` or ``1, 2``; ``None`` when it is neither."""
    try:
        node = ast.parse(f"f({source.strip().rstrip(',')})", mode="eval").body
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            return None
        given = [("", each) for each in node.args] + [(each.arg or "*", each.value) for each in node.keywords]
        return [(name, repr(ast.literal_eval(value))) for name, value in given]
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None


def _fits(inputs: Inputs, parameters: Sequence[str]) -> bool:
    names = [name for name, _ in inputs]
    return sorted(names) == sorted(parameters) or (not any(names) and len(names) == len(parameters))


def _call(name: str, inputs: Inputs, parameters: Sequence[str]) -> str:
    """The call with its arguments in the order of the parameters."""
    values: Mapping[str, str] = dict(inputs)
    ordered = [values[each] for each in parameters] if inputs[0][0] else [value for _, value in inputs]
    return f"{name}({', '.join(ordered)})"
