"""Reading the values of a mapping that people and tools wrote freely: whatever cannot be used is a warning with its place, never a refusal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agent_dispatcher.safe_load import Located

__all__ = ["Fields", "Notes"]


class Notes:
    """Warnings, in the order of their places; one of a sort that is found often is told once, with its first place and the count."""

    def __init__(self) -> None:
        self._single: list[str] = []
        self._often: dict[str, list[str]] = {}

    def add(self, where: str, what: str) -> None:
        self._single.append(f"{where}: {what}")

    def count(self, where: str, what: str) -> None:
        """Note something that may be found in every task."""
        self._often.setdefault(what, []).append(where)

    def found(self) -> tuple[str, ...]:
        """All warnings."""
        often = (
            f"{places[0]}: {what}" + (f" (and {len(places) - 1} more like it)" if len(places) > 1 else "")
            for what, places in self._often.items()
        )
        return (*self._single, *often)


class Fields:
    """One mapping: a task, a subtask or an entry of a list.

    Args:
        node: what stands in the file.
        kind: what messages call it.
        known: the keys that are understood, used or not.
    """

    def __init__(self, node: Located, kind: str, known: Sequence[str], notes: Notes) -> None:
        self.node = node
        self._notes = notes
        self._items = node.value if isinstance(node.value, dict) else {}
        for key in self._items:
            if key not in known:
                notes.count(node.key_where(key), f"the key {key!r} of a {kind} is not understood and not used")

    def get(self, *keys: str) -> Located | None:
        """What stands under the first of ``keys`` that has something."""
        for key in keys:
            node = self._items.get(key)
            if node is not None and node.value is not None:
                return node
        return None

    def text(self, *keys: str) -> str:
        """A text, line breaks kept; numbers as they are written, a list as its lines."""
        node = self.get(*keys)
        return "" if node is None else self._text(node, keys[0])

    def _text(self, node: Located, key: str) -> str:
        if isinstance(node.value, dict):
            self._notes.add(node.where, f"{key!r} must be a text, not {node.kind}: not used")
            return ""
        if isinstance(node.value, tuple):
            return "\n".join(f"- {text}" for item in node.value if (text := self._text(item, key)))
        return node.text.strip()

    def name(self, *keys: str) -> str:
        """An id: an integer or a text; ``""`` without one."""
        node = self.get(*keys)
        return "" if node is None else name_of(node)

    def items(self, key: str, *, single: bool = False) -> Iterator[Located]:
        """The entries of a list that are not null; with ``single`` a value that is no list counts as its only entry."""
        node = self.get(key)
        if node is None:
            return
        if isinstance(node.value, tuple):
            yield from (item for item in node.value if item.value is not None)
        elif single and node.text.strip():
            yield node
        elif not single or isinstance(node.value, dict):
            self._notes.add(node.where, f"{key!r} must be a list, not {node.kind}: not used")

    def where(self, key: str) -> str:
        """``file:line`` of a key, or of the mapping when it is not there."""
        return self.node.key_where(key) if key in self._items else self.node.where


def name_of(node: Located) -> str:
    """A node as an id; ``""`` when it cannot be one."""
    if isinstance(node.value, bool | dict | tuple) or node.value is None:
        return ""
    return node.text.strip()
