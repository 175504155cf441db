"""Reads YAML and JSON that strangers wrote, and remembers where everything stood.

Neither format is handed to a loader that builds objects: YAML is read as a stream of parser events, JSON by a tokenizer, both without
recursion, so that nesting cannot exhaust the stack and nothing can be expanded or constructed. Refused are: more than a given
size, nesting deeper than :data:`MAX_DEPTH`, more than :data:`MAX_VALUES` values, aliases, anchors, tags and merge keys, several documents, duplicate keys, NUL, lone
surrogates, NaN and infinities, and numbers of absurd length. A byte order mark and CRLF are fine.

Of YAML only these plain scalars are not text: ``null``, ``~`` and nothing; ``true`` and ``false`` (in lower case, upper case or capitalized); integers
(``12``, ``-3``) and decimal fractions (``1.5``, ``1e3``). So ``no``, ``on``, ``2026-01-31``, ``12:30:00``, ``0x1F``, ``007`` and ``1_000`` are what they look like: texts.
Keys are always text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from attrs import field, frozen

from .errors import Problem, SpecificationError, UsageError

if TYPE_CHECKING:
    from yaml import Event
    from yaml._yaml import Mark as CMark
    from yaml.error import Mark

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_VALUES",
    "Located",
    "Place",
    "front_matter",
    "load_json",
    "load_yaml",
    "locate",
    "plain_json",
    "read_text",
]

#: Largest file that is read, unless the caller says otherwise.
MAX_BYTES = 5_000_000
#: Deepest nesting of lists and mappings.
MAX_DEPTH = 100
#: Most values (scalars, lists and mappings) of a document whose places are kept.
MAX_VALUES = 200_000
#: Longest number, in characters.
MAX_NUMBER = 400

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FRACTION = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_FORBIDDEN = re.compile("[\x00\ud800-\udfff]")

Scalar = None | bool | int | float | str


@frozen(order=True)
class Place:
    """A place in a file; line and column count from 1."""

    line: int
    column: int


@frozen
class Located:
    """A value with its place.

    Attributes:
        value: a scalar, a tuple of values, or a mapping of texts to values.
        place: where it begins.
        source: the file's name as it is shown to people.
        text: a scalar as it was written (unquoted), so that ``12.50`` keeps its digits.
        keys: of a mapping, the place of each key.
    """

    value: Scalar | tuple[Located, ...] | dict[str, Located]
    place: Place
    source: str = ""
    text: str = ""
    keys: dict[str, Place] = field(factory=dict)

    @property
    def where(self) -> str:
        """``file:line``."""
        return f"{self.source}:{self.place.line}"

    def key_where(self, key: str) -> str:
        """``file:line`` of one of a mapping's keys."""
        return f"{self.source}:{self.keys[key].line}"

    @property
    def kind(self) -> str:
        """What it is, in words: ``a mapping``, ``a list``, ``a text``, ``a number``, ``an integer``, ``true or false``, ``nothing``."""
        match self.value:
            case dict():
                return "a mapping"
            case tuple():
                return "a list"
            case bool():
                return "true or false"
            case int():
                return "an integer"
            case float():
                return "a number"
            case str():
                return "a text"
            case _:
                return "nothing"

    def plain(self) -> Any:
        """The same without places: dicts, lists and scalars."""
        match self.value:
            case dict() as mapping:
                return {key: item.plain() for key, item in mapping.items()}
            case tuple() as items:
                return [item.plain() for item in items]
            case scalar:
                return scalar


def read_text(path: Path, *, name: str = "", max_bytes: int = MAX_BYTES) -> str:
    """The text of a file.

    Args:
        path: the file.
        name: how messages call it; its path by default.
        max_bytes: a larger file is refused before it is read.

    Returns:
        The text without a byte order mark, lines as they were.

    Raises:
        UsageError: there is no such file, or it cannot be read.
        SpecificationError: it is too large, not UTF-8, or holds NUL.
    """
    shown = name or str(path)
    try:
        if path.is_fifo() or path.is_socket() or path.is_char_device():  # would be waited for, or never ends
            raise UsageError(f"{shown} is no regular file")
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise UsageError(f"{shown}: there is no such file") from None
    except IsADirectoryError:
        raise UsageError(f"{shown} is a folder, not a file") from None
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror or error}") from error
    if len(data) > max_bytes:
        raise _error(f"the file is larger than {max_bytes:,} bytes", shown, remedy="divide it")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _error(
            f"byte 0x{data[error.start]:02x} is not UTF-8", f"{shown}:{line}", remedy="save the file as UTF-8"
        ) from None
    _refuse_nul(text, shown)
    return text


def load_yaml(text: str, source: str = "", *, first_line: int = 1, max_bytes: int = MAX_BYTES) -> Located:
    """Read one YAML document.

    Args:
        text: the document.
        source: the file's name for places.
        first_line: the line of ``source`` on which ``text`` begins.
        max_bytes: a longer text is refused.

    Raises:
        SpecificationError: it is malformed or uses what is refused here; the place is ``file:line:column``.
    """
    _refuse_size(text, source, max_bytes)
    import yaml

    builder = _Builder(source)
    offset = first_line - 1
    try:
        for event in _events(text.removeprefix("\ufeff")):
            _feed(builder, event, offset)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise _error(f"malformed YAML: {what}", _at(source, line + 1 + offset, column + 1)) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        line, column = before.count("\n") + 1 + offset, len(before) - before.rfind("\n")
        raise _error("a control character, which YAML does not allow", _at(source, line, column)) from None
    if builder.root is None:
        return Located(None, Place(first_line, 1), source)
    return builder.root


def load_json(text: str, source: str = "", *, max_bytes: int = MAX_BYTES) -> Located:
    """Read one JSON document and keep places; for a large one whose places nobody needs see :func:`plain_json`.

    Raises:
        SpecificationError: it is malformed or uses what is refused here; the place is ``file:line:column``.
    """
    _refuse_size(text, source, max_bytes)
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
        raise _error(f"the document cannot be written as JSON: {error}", source) from error
    return load_json(text, source), text


def plain_json(text: str, source: str = "", *, max_bytes: int = MAX_BYTES) -> Any:
    """Read one JSON document into dicts, lists and scalars, quickly, refusing what :func:`load_json` refuses.

    Raises:
        SpecificationError: the place is ``file:line:column`` where it is known.
    """
    _refuse_size(text, source, max_bytes)
    text = text.removeprefix("\ufeff")
    _refuse_json_depth(text, source)

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        mapping = dict(items)
        if len(mapping) != len(items):
            names = [name for name, _ in items]
            double = next(name for name in names if names.count(name) > 1)
            raise _error(f"the key {double!r} stands twice in one object", _duplicate_place(text, source, double))
        return mapping

    def number(digits: str) -> int:
        if len(digits) > MAX_NUMBER:
            raise _error(f"a number of {len(digits)} digits", _found(text, source, digits))
        return int(digits)

    def fraction(digits: str) -> float:
        value = float(digits) if len(digits) <= MAX_NUMBER else math.inf
        if math.isinf(value):
            raise _error("a number that is too large or too long", _found(text, source, digits))
        return value

    def constant(name: str) -> NoReturn:
        raise _error(f"{name} is no JSON value", _found(text, source, name))

    try:
        value = json.loads(
            text, object_pairs_hook=pairs, parse_int=number, parse_float=fraction, parse_constant=constant
        )
    except json.JSONDecodeError as error:
        raise _error(f"malformed JSON: {error.msg}", _at(source, error.lineno, error.colno)) from None
    escape = re.search(r"\\u(?:[dD][89a-fA-F]|0000)", text)
    if escape:
        _refuse_forbidden(value, _offset_place(text, source, escape.start()))
    return value


def front_matter(text: str, source: str = "") -> tuple[Located | None, str, int]:
    """Part a Markdown text into its YAML front matter and its body.

    Returns:
        The front matter (``None`` without one), the body, and the line on which the body begins (from 1).

    Raises:
        SpecificationError: the front matter does not end, or is not readable as YAML.
    """
    _refuse_size(text, source, MAX_BYTES)
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    if not lines or lines[0].rstrip() != "---":
        return None, text, 1
    for index, line in enumerate(lines[1:], start=1):
        if line.rstrip() in ("---", "..."):
            head = load_yaml("".join(lines[1:index]), source, first_line=2)
            return head, "".join(lines[index + 1 :]), index + 2
    raise _error("the front matter that begins here does not end", _at(source, 1, 1), remedy="close it with a line ---")


# --- refusals


def _error(what: str, where: str, remedy: str = "") -> SpecificationError:
    return SpecificationError(Problem(what, where=where, remedy=remedy))


def _at(source: str, line: int, column: int) -> str:
    return f"{source}:{line}:{column}" if source else f"line {line}, column {column}"


def _offset_place(text: str, source: str, offset: int) -> str:
    line = text.count("\n", 0, offset) + 1
    return _at(source, line, offset - text.rfind("\n", 0, offset))


def _found(text: str, source: str, part: str) -> str:
    """The place of the first ``part`` that stands outside of a string."""
    for token in _JSON_TOKEN.finditer(text):
        if token.lastgroup != "string" and token.group().startswith(part):
            return _offset_place(text, source, token.start())
    return source


def _duplicate_place(text: str, source: str, key: str) -> str:
    try:
        _locate_json(text, source)
    except SpecificationError as error:
        return error.problems[0].where
    return source


def _refuse_size(text: str, source: str, max_bytes: int) -> None:
    if len(text) > max_bytes or len(text.encode("utf-8", "surrogatepass")) > max_bytes:
        raise _error(f"the text is larger than {max_bytes:,} bytes", source, remedy="divide it")
    _refuse_nul(text, source)


def _refuse_nul(text: str, source: str) -> None:
    found = _FORBIDDEN.search(text)
    if found:
        what = "a NUL character" if found.group() == "\0" else "half of a surrogate pair"
        raise _error(f"{what} in the text", _offset_place(text, source, found.start()))


def _refuse_forbidden(value: Any, where: str) -> None:
    """Refuse strings that no UTF-8 file and no database can hold; ``value`` is at most :data:`MAX_DEPTH` deep."""
    if isinstance(value, str):
        if _FORBIDDEN.search(value):
            raise _error("an escape that stands for NUL or for half of a surrogate pair", where)
    elif isinstance(value, dict):
        for key, item in value.items():
            _refuse_forbidden(key, where)
            _refuse_forbidden(item, where)
    elif isinstance(value, list):
        for item in value:
            _refuse_forbidden(item, where)


# --- the tree, built without recursion


class _Builder:
    """Puts scalars and collections together into one tree."""

    def __init__(self, source: str) -> None:
        self.root: Located | None = None
        self._source = source
        self._open: list[Located] = []
        self._items: list[list[Located]] = []
        self._key: list[tuple[str, Place] | None] = []
        self._values = 0

    def scalar(self, value: Scalar, text: str, place: Place) -> None:
        if isinstance(value, str) and _FORBIDDEN.search(value):
            self.refuse("an escape that stands for NUL or for half of a surrogate pair", place)
        if self.wants_key():
            self._set_key(text, place)
        else:
            self._add(Located(value, place, self._source, text))

    def open(self, mapping: bool, place: Place) -> None:
        if self.wants_key():
            self.refuse("a key must be a text", place)
        if len(self._open) >= MAX_DEPTH:
            self.refuse(f"nested more than {MAX_DEPTH} deep", place)
        empty: dict[str, Located] | tuple[Located, ...] = {} if mapping else ()
        self._open.append(Located(empty, place, self._source))
        self._items.append([])
        self._key.append(None)

    def close(self) -> None:
        node, items = self._open.pop(), self._items.pop()
        self._key.pop()
        if not isinstance(node.value, dict):
            node = Located(tuple(items), node.place, self._source)
        self._add(node)

    def wants_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].value, dict) and self._key[-1] is None

    def _set_key(self, key: str, place: Place) -> None:
        if key == "<<":
            self.refuse("merge keys are not allowed", place)
        known = self._open[-1].keys
        if key in known:
            self.refuse(f"the key {key!r} stands twice, first in line {known[key].line}", place)
        known[key] = place
        self._key[-1] = (key, place)

    def _add(self, node: Located) -> None:
        self._values += 1
        if self._values > MAX_VALUES:
            self.refuse(f"more than {MAX_VALUES:,} values in one file", node.place)
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent.value, dict):
            key = self._key[-1]
            assert key is not None
            parent.value[key[0]] = node
            self._key[-1] = None
        else:
            self._items[-1].append(node)

    def refuse(self, what: str, place: Place) -> NoReturn:
        raise _error(what, _at(self._source, place.line, place.column))


# --- YAML


def _events(text: str) -> Iterator[Event]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    events: Iterator[Event] = yaml.parse(text, Loader=loader)
    return events


def _feed(builder: _Builder, event: Event, offset: int) -> None:
    import yaml

    place = _place(event.start_mark, offset)
    match event:
        case yaml.AliasEvent():
            builder.refuse(f"aliases (*{event.anchor}) are not allowed: write the value out", place)
        case yaml.NodeEvent() if event.anchor is not None:
            builder.refuse(f"anchors (&{event.anchor}) are not allowed: write the value out", place)
        case yaml.ScalarEvent() | yaml.CollectionStartEvent() if event.tag is not None:
            builder.refuse(f"tags ({event.tag}) are not allowed", place)
        case yaml.ScalarEvent():
            plain = not event.style
            wants_key = builder.wants_key()
            value = event.value if wants_key or not plain else _plain_scalar(builder, event.value, place)
            builder.scalar(value, event.value, place)
        case yaml.CollectionStartEvent():
            builder.open(isinstance(event, yaml.MappingStartEvent), place)
        case yaml.CollectionEndEvent():
            builder.close()
        case yaml.DocumentStartEvent() if builder.root is not None:
            builder.refuse("a second document begins here: one file holds one", place)
        case _:
            pass


def _place(mark: Mark | CMark | None, offset: int) -> Place:
    if mark is None:
        return Place(1 + offset, 1)
    return Place(mark.line + 1 + offset, mark.column + 1)


def _plain_scalar(builder: _Builder, text: str, place: Place) -> Scalar:
    if text in _NULLS:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if _NOT_FINITE.fullmatch(text):
        builder.refuse(f"{text} is not a finite number (put it in quotes if it is a text)", place)
    if not _FRACTION.fullmatch(text):
        return text
    if len(text) > MAX_NUMBER:
        builder.refuse(f"a number of {len(text)} digits (put it in quotes if it is a text)", place)
    if _INTEGER.fullmatch(text):
        return int(text)
    if text.lstrip("+-").isdigit():
        return text
    value = float(text)
    if math.isinf(value):
        builder.refuse(f"{text} is too large for a number", place)
    return value


# --- JSON


_JSON_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*"?)
      | (?P<open>[\[{])
      | (?P<close>[\]}])
      | (?P<word>-?[A-Za-z0-9][-+.A-Za-z0-9]*)""",
    re.VERBOSE | re.DOTALL,
)


def _refuse_json_depth(text: str, source: str) -> None:
    if max(text.count("["), text.count("{")) <= MAX_DEPTH // 2:
        return
    depth = 0
    for token in _JSON_TOKEN.finditer(text):
        if token.lastgroup == "open":
            depth += 1
            if depth > MAX_DEPTH:
                raise _error(f"nested more than {MAX_DEPTH} deep", _offset_place(text, source, token.start()))
        elif token.lastgroup == "close":
            depth -= 1


def _locate_json(text: str, source: str) -> Located:
    """The tree of a JSON text that is known to be well-formed (but for duplicate keys)."""
    builder = _Builder(source)
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
