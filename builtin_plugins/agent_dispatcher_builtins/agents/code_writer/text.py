"""Texts of a specification as values in Python, TOML and Markdown.

Whatever a title, a summary, a pattern or a choice says, it comes out as one literal, one docstring, one TOML string or
one piece of Markdown, and never as code.
"""

from __future__ import annotations

import re
import textwrap
from datetime import date, datetime
from decimal import Decimal

from agent_dispatcher.behaviour import Value

__all__ = ["code_span", "docstring", "literal", "markdown", "one_line", "sentence", "toml", "value"]

_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|~&$])")


def one_line(text: str) -> str:
    """``text`` with every run of white space as one space, without what cannot be shown."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split()))


def sentence(text: str, otherwise: str = "") -> str:
    """``text`` (``otherwise`` when it is empty) on one line, with a full stop."""
    line = one_line(text) or otherwise
    if line and line[-1] not in ".!?…:":
        line += "."
    return line[:1].upper() + line[1:]


def literal(text: str, *, raw: bool = False) -> str:
    """``text`` as a Python string, quoted as ``ruff format`` would; ``raw`` prefers a raw string where one is possible."""
    if raw and "\\" in text and text.isprintable() and '"' not in text and not text.endswith("\\"):
        return f'r"{text}"'
    quote = '"' if text.count('"') <= text.count("'") else "'"
    return quote + "".join(_escaped(character, quote) for character in text) + quote


def _escaped(character: str, quote: str) -> str:
    if character == quote:
        return f"\\{quote}"
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def value(constant: Value) -> str:
    """A constant of the expression language as Python source."""
    match constant:
        case None | bool() | int():
            return repr(constant)
        case Decimal():
            return f'Decimal("{constant}")'
        case str():
            return literal(constant)
        case datetime():
            parts = [constant.year, constant.month, constant.day, constant.hour, constant.minute]
            parts += [constant.second] if constant.second else []
            return f"datetime({', '.join(map(str, parts))})"
        case date():
            return f"date({constant.year}, {constant.month}, {constant.day})"


def docstring(paragraphs: list[str], indent: int = 0, width: int = 100) -> str:
    """A docstring of the given paragraphs, each of which may have several lines.

    Args:
        paragraphs: the last ends with a full stop; a line may be indented, and is continued four deeper.
        indent: spaces before every line but the first.

    Returns:
        Source text, with the quotes.
    """
    lines: list[str] = []
    for paragraph in paragraphs:
        lines += [""] if lines else []
        for line in paragraph.split("\n"):
            own = line[: len(line) - len(line.lstrip(" "))]
            lines += textwrap.wrap(
                line.replace("\\", "\\\\").replace('"""', '\\"\\"\\"'),
                width - indent - (0 if lines else 6),
                subsequent_indent=f"{own}    " if own else "",
                break_long_words=False,
                break_on_hyphens=False,
            )
    if lines[0].startswith('"'):
        lines[0] = f" {lines[0]}"
    if len(lines) == 1:
        return f'"""{lines[0]}"""'
    margin = " " * indent
    body = "\n".join(f"{margin}{line}" if line else "" for line in lines[1:])
    return f'"""{lines[0]}\n{body}\n{margin}"""'


def toml(text: str) -> str:
    """``text`` as a basic string of TOML, on one line."""
    escaped = one_line(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def markdown(text: str) -> str:
    """``text`` as plain words in Markdown, also within a table."""
    escaped = _MARKDOWN.sub(r"\\\1", one_line(text))
    return re.sub(r"^(\d*)([.)=+-])", r"\1\\\2", escaped)


def code_span(text: str) -> str:
    """``text`` as code in Markdown, also within a table."""
    line = one_line(text).replace("|", "\\|")
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    padding = " " if line.startswith("`") or line.endswith("`") or not line else ""
    return f"{fence}{padding}{line}{padding}{fence}"
