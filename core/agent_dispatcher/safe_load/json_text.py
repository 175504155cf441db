"""JSON, by a tokenizer where places are wanted and by the standard library where not."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from ..errors import SpecificationError
from .building import Builder
from .located import Located, Place
from .refusing import FORBIDDEN, MAX_BYTES, MAX_DEPTH, MAX_NUMBER, error_at, offset_place, place_text, refuse_size

__all__ = ["load_json", "locate", "plain_json"]

_JSON_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*"?)
      | (?P<open>[\[{])
      | (?P<close>[\]}])
      | (?P<word>-?[A-Za-z0-9][-+.A-Za-z0-9]*)""",
    re.VERBOSE | re.DOTALL,
)


def load_json(text: str, source: str = "", *, max_bytes: int = MAX_BYTES) -> Located:
    """Read one JSON document and keep places; for a large one whose places nobody needs see :func:`plain_json`.

    Raises:
        SpecificationError: it is malformed or uses what is refused here; the place is ``file:line:column``.
    """
    refuse_size(text, source, max_bytes)
    text = text.removeprefix("\ufeff")
    plain_json(text, source, max_bytes=max_bytes)
    return _locate_json(text, source)


def locate(document: Mapping[str, Any], source: str = "dict") -> tuple[Located, str]:
    """A document that is in memory already, as :func:`load_json` gives one from a file.

    Args:
        document: dicts, lists and scalars; any other value counts as its text.
        source: what places call it.

    Returns:
        The tree, and the document as the indented JSON that its places are lines of.

    Raises:
        SpecificationError: it cannot be written as JSON (it contains itself), or holds what :func:`load_json` refuses.
    """
    try:
        text = json.dumps(document, indent=2, ensure_ascii=False, default=str)
    except (ValueError, TypeError, RecursionError) as error:
        raise error_at(f"the document cannot be written as JSON: {error}", source) from error
    return load_json(text, source), text


def plain_json(text: str, source: str = "", *, max_bytes: int = MAX_BYTES) -> Any:
    """Read one JSON document into dicts, lists and scalars, quickly, refusing what :func:`load_json` refuses.

    Raises:
        SpecificationError: the place is ``file:line:column`` where it is known.
    """
    refuse_size(text, source, max_bytes)
    text = text.removeprefix("\ufeff")
    _refuse_json_depth(text, source)

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        mapping = dict(items)
        if len(mapping) != len(items):
            names = [name for name, _ in items]
            double = next(name for name in names if names.count(name) > 1)
            raise error_at(f"the key {double!r} stands twice in one object", _duplicate_place(text, source, double))
        return mapping

    def number(digits: str) -> int:
        if len(digits) > MAX_NUMBER:
            raise error_at(f"a number of {len(digits)} digits", _found(text, source, digits))
        return int(digits)

    def fraction(digits: str) -> float:
        value = float(digits) if len(digits) <= MAX_NUMBER else math.inf
        if math.isinf(value):
            raise error_at("a number that is too large or too long", _found(text, source, digits))
        return value

    def constant(name: str) -> NoReturn:
        raise error_at(f"{name} is no JSON value", _found(text, source, name))

    try:
        value = json.loads(
            text, object_pairs_hook=pairs, parse_int=number, parse_float=fraction, parse_constant=constant
        )
    except json.JSONDecodeError as error:
        raise error_at(f"malformed JSON: {error.msg}", place_text(source, error.lineno, error.colno)) from None
    escape = re.search(r"\\u(?:[dD][89a-fA-F]|0000)", text)
    if escape:
        _refuse_forbidden(value, offset_place(text, source, escape.start()))
    return value


def _refuse_json_depth(text: str, source: str) -> None:
    if max(text.count("["), text.count("{")) <= MAX_DEPTH // 2:
        return
    depth = 0
    for token in _JSON_TOKEN.finditer(text):
        if token.lastgroup == "open":
            depth += 1
            if depth > MAX_DEPTH:
                raise error_at(f"nested more than {MAX_DEPTH} deep", offset_place(text, source, token.start()))
        elif token.lastgroup == "close":
            depth -= 1


def _refuse_forbidden(value: Any, where: str) -> None:
    """Refuse strings that no UTF-8 file and no database can hold; ``value`` is at most :data:`MAX_DEPTH` deep."""
    if isinstance(value, str):
        if FORBIDDEN.search(value):
            raise error_at("an escape that stands for NUL or for half of a surrogate pair", where)
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_forbidden(key, where)
            _refuse_forbidden(item, where)
    elif isinstance(value, list):
        for item in value:
            _refuse_forbidden(item, where)


def _locate_json(text: str, source: str) -> Located:
    """The tree of a JSON text that is known to be well-formed (but for duplicate keys)."""
    builder = Builder(source)
    line, line_start, seen = 1, 0, 0
    for token in _JSON_TOKEN.finditer(text):
        start = token.start()
        breaks = text.count("\n", seen, start)
        if breaks:
            line, line_start = line + breaks, text.rindex("\n", seen, start) + 1
        seen = start
        place = Place(line, start - line_start + 1)
        word = token.group()
        match token.lastgroup:
            case "open":
                builder.open(word == "{", place)
            case "close":
                builder.close()
            case "string":
                value = json.loads(word, strict=False)
                builder.scalar(value, value, place)
            case _:
                builder.scalar(json.loads(word), word, place)
    assert builder.root is not None
    return builder.root


def _found(text: str, source: str, part: str) -> str:
    """The place of the first ``part`` that stands outside of a string."""
    for token in _JSON_TOKEN.finditer(text):
        if token.lastgroup != "string" and token.group().startswith(part):
            return offset_place(text, source, token.start())
    return source


def _duplicate_place(text: str, source: str, key: str) -> str:
    try:
        _locate_json(text, source)
    except SpecificationError as error:
        return error.problems[0].where
    return source
