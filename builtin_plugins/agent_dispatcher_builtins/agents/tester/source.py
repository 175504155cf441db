"""Writes Python source as a formatter with a line length of 100 would leave it.

Specification text enters generated tests through :func:`literal`, :func:`sentence` and :func:`slug` only, so that no title or value can become code.
"""

from __future__ import annotations

import keyword
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from attrs import frozen

__all__ = ["Code", "Group", "TestModule", "call", "literal", "sentence", "slug", "text_literal"]

WIDTH = 100

_STANDARD = frozenset({"collections", "contextlib", "dataclasses", "datetime", "decimal", "json", "pathlib", "typing"})


@frozen
class Group:
    """Something in brackets: on one line where it fits, else one item a line.

    Attributes:
        opening: everything up to and including the bracket.
        items: what is between the commas.
        closing: the bracket, and what follows.
        comma: whether the last item has a comma on one line too, as in a tuple of one.
    """

    opening: str
    items: tuple[Code, ...]
    closing: str
    comma: bool = False


@frozen
class Prefixed:
    """``name=`` or ``key: `` before a piece of code."""

    prefix: str
    code: Code


Code = str | Group | Prefixed


def flat(code: Code) -> str:
    """The code on one line."""
    if isinstance(code, str):
        return code
    if isinstance(code, Prefixed):
        return code.prefix + flat(code.code)
    return code.opening + ", ".join(map(flat, code.items)) + "," * code.comma + code.closing


def layout(code: Code, indent: int = 0, before: str = "", after: str = "") -> str:
    """The code as lines, ``before`` and ``after`` it on its first and last line."""
    line = " " * indent + before + flat(code) + after
    if len(line) <= WIDTH or isinstance(code, str):
        return line
    if isinstance(code, Prefixed):
        return layout(code.code, indent, before + code.prefix, after)
    if not code.items:
        return line
    lines = [" " * indent + before + code.opening]
    single = len(code.items) == 1 and isinstance(code.items[0], Group) and code.opening.endswith("(") and not code.comma
    lines += [layout(item, indent + 4, after="" if single else ",") for item in code.items]
    return "\n".join([*lines, " " * indent + code.closing + after])


def call(function: str, *arguments: Code, **named: Code) -> Group:
    """``function(arguments, name=value)``."""
    items = [*arguments, *(Prefixed(f"{name}=", value) for name, value in named.items())]
    return Group(f"{function}(", tuple(items), ")")


def text_literal(text: str) -> str:
    """A string literal, with the quotes a formatter prefers."""
    if len(text) > 20 and len(set(text)) == 1:
        return f"{text_literal(text[0])} * {len(text)}"
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(_escaped(char, quote) for char in text) + quote


def _escaped(char: str, quote: str) -> str:
    named = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", quote: f"\\{quote}"}
    if char in named:
        return named[char]
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def sentence(text: str) -> str:
    """Text for a docstring or comment: one line that cannot end either."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line.replace("\\", "/").replace('"', "'")


def slug(text: str, longest: int = 60) -> str:
    """Text as part of a name: lower case ASCII words."""
    words = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return words[:longest].rstrip("_") or "unnamed"


class TestModule:
    """A test module while it is being written.

    Args:
        docstring: what the module tests.
        first_party: the package under test, whose imports come last.
    """

    __test__ = False

    def __init__(self, docstring: str, first_party: str) -> None:
        self._docstring = docstring
        self._first_party = first_party
        self._imports: dict[str, set[str]] = {}
        self._blocks: list[str] = []
        self._names: set[str] = set()

    def use(self, module: str, *names: str) -> None:
        """Import ``names`` from ``module``, or the module itself without names."""
        self._imports.setdefault(module, set()).update(names)

    def name(self, wanted: str) -> str:
        """A function name that is not taken in this module."""
        name, number = wanted, 1
        while name in self._names:
            number += 1
            name = f"{wanted}_{number}"
        self._names.add(name)
        return name

    def block(self, text: str) -> None:
        """Add a statement, function or class at the top level."""
        self._blocks.append(text.strip("\n"))

    def test(
        self, name: str, docstring: str, body: Iterable[str], arguments: Sequence[str] = (), above: str = ""
    ) -> None:
        """Add a test function; ``body`` holds its lines, indented by four."""
        signature = f"def {self.name(name)}({', '.join(arguments)}) -> None:"
        if len(signature) > WIDTH:
            inner = "".join(f"    {argument},\n" for argument in arguments)
            signature = f"{signature.split('(')[0]}(\n{inner}) -> None:"
        lines = [above] if above else []
        self.block("\n".join([*lines, signature, _docstring(docstring, 4), *body]))

    def literal(self, value: Any) -> Code:
        """A value as source; what it needs is imported."""
        for kind, module, name in (
            (datetime, "datetime", "datetime"),
            (date, "datetime", "date"),
            (timedelta, "datetime", "timedelta"),
            (Decimal, "decimal", "Decimal"),
        ):
            if isinstance(value, kind):
                self.use(module, name)
                break
        if isinstance(value, Mapping):
            items = tuple(Prefixed(f"{flat(self.literal(k))}: ", self.literal(v)) for k, v in value.items())
            return Group("{", items, "}")
        if isinstance(value, list):
            return Group("[", tuple(map(self.literal, value)), "]")
        if isinstance(value, tuple):
            return Group("(", tuple(map(self.literal, value)), ")", comma=len(value) == 1)
        return literal(value)

    def render(self) -> str:
        """The whole module."""
        parts = [_docstring(self._docstring, 0)]
        imports = self._import_lines()
        if imports:
            parts.append(imports)
        text = "\n\n".join(parts)
        previous_constant = True
        for index, block in enumerate(self._blocks):
            constant = not block.startswith(("def ", "class ", "@")) and "\ndef " not in block
            gap = "\n\n" if constant and (previous_constant or index == 0) else "\n\n\n"
            text += gap + block
            previous_constant = constant
        return text + "\n"

    def _import_lines(self) -> str:
        sections: dict[int, list[str]] = {}
        for module in sorted(self._imports, key=lambda name: (bool(self._imports[name]), name)):
            top = module.split(".")[0]
            section = 0 if top in _STANDARD else 2 if top == self._first_party else 1
            names = sorted(self._imports[module], key=_import_order)
            if not names:
                line = f"import {module}"
            elif module == "hypothesis.strategies":
                line = "from hypothesis import strategies as st"
            else:
                line = layout(Group(f"from {module} import ", tuple(names), ""))
                if "\n" in line:
                    line = layout(Group(f"from {module} import (", tuple(names), ")"))
            sections.setdefault(section, []).append(line)
        return "\n\n".join("\n".join(_merged_hypothesis(sections[section])) for section in sorted(sections))


def _merged_hypothesis(lines: list[str]) -> list[str]:
    """``import`` before ``from``; the alias of the strategies after what else comes from hypothesis."""
    return sorted(lines, key=lambda line: (line.startswith("from "), line.split()[1], " as " in line))


def _import_order(name: str) -> tuple[int, str]:
    """Constants, classes, functions, as isort orders them."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2
    return kind, name


def _docstring(text: str, indent: int) -> str:
    """A docstring; lines that are too long are wrapped."""
    space = " " * indent
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines += textwrap.wrap(sentence(paragraph), WIDTH - indent - 6, break_long_words=False) or [""]
    if len(lines) == 1:
        return f'{space}"""{lines[0]}"""'
    return "\n".join([f'{space}"""{lines[0]}', *(f"{space}{line}".rstrip() for line in lines[1:]), f'{space}"""'])


def literal(value: Any) -> str:
    """A constant as source."""
    if isinstance(value, str):
        return text_literal(value)
    if isinstance(value, Decimal):
        whole = value.as_tuple().exponent == 0
        return f"Decimal({value})" if whole else f'Decimal("{value}")'
    if isinstance(value, datetime):
        parts = [value.year, value.month, value.day, value.hour, value.minute]
        if value.second:
            parts.append(value.second)
        return f"datetime({', '.join(map(str, parts))})"
    if isinstance(value, date):
        return f"date({value.year}, {value.month}, {value.day})"
    if isinstance(value, timedelta):
        return _duration(value)
    assert value is None or isinstance(value, bool | int), value
    return repr(value)


def _duration(value: timedelta) -> str:
    parts = {"days": value.days, "seconds": value.seconds}
    if value < timedelta(0):
        return f"-{_duration(-value)}"
    arguments = ", ".join(f"{name}={number}" for name, number in parts.items() if number)
    return f"timedelta({arguments})"


def variable(wanted: str, taken: Iterable[str]) -> str:
    """A local name like ``wanted`` that is none of ``taken``."""
    name = slug(wanted)
    if name[0].isdigit():
        name = f"row_{name}"
    while keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in taken:
        name += "_"
    return name
