"""The tree of a document, put together without recursion."""

from __future__ import annotations

from typing import NoReturn

from .located import Located, Place, Scalar
from .refusing import FORBIDDEN, MAX_DEPTH, MAX_VALUES, error_at, place_text

__all__ = ["Builder"]


class Builder:
    """Puts scalars and collections together into one tree."""

    def __init__(self, source: str) -> None:
        self.root: Located | None = None
        self._source = source
        self._open: list[Located] = []
        self._items: list[list[Located]] = []
        self._key: list[tuple[str, Place] | None] = []
        self._values = 0

    def scalar(self, value: Scalar, text: str, place: Place) -> None:
        if isinstance(value, str) and FORBIDDEN.search(value):
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
        raise error_at(what, place_text(self._source, place.line, place.column))
