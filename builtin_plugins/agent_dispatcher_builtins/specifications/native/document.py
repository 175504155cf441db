"""Reading typed values out of a located tree while collecting every problem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agent_dispatcher.behaviour import hint
from agent_dispatcher.errors import Problem
from agent_dispatcher.models import Scalar
from agent_dispatcher.safe_load import Located

__all__ = ["KEYS", "Problems", "Section"]

#: The keys each mapping of a document may have; those that it must have come first, up to the ``*``.
KEYS: Mapping[str, tuple[str, ...]] = {
    "specification": (
        *("format", "version", "title", "*", "package", "summary", "language", "tags", "glossary"),
        *("requirements", "tasks", "entities", "operations", "examples"),
    ),
    "requirement": ("id", "text", "*", "priority", "scenarios", "edge_cases", "constraints"),
    "scenario": ("*", "title", "given", "when", "then"),
    "task": (
        *("id", "title", "*", "description", "type", "requirements", "depends_on", "verifies", "produces", "consumes"),
        *("group", "complexity", "priority", "estimate_s", "status", "optional", "steps", "children"),
    ),
    "step": ("title", "*", "status"),
    "entity": ("fields", "*", "summary", "requirements", "relations", "constraints"),
    "field": (
        *("type", "*", "required", "unique", "default", "choices", "entity", "minimum", "maximum"),
        *("min_length", "max_length", "pattern", "summary"),
    ),
    "relation": ("entity", "by"),
    "constraint": ("check", "*", "error", "message"),
    "operation": ("*", "summary", "requirements", "inputs", "requires", "changes", "returns"),
    "guard": ("error", "that", "*", "message"),
    "change": ("*", "create", "set", "delete", "as", "with", "each"),
    "example": (*("name", "call", "*", "requirements", "now", "given", "with", "error", "result", "then", "counts"),),
}


class Problems:
    """All that is wrong with a document."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, what: str, where: str, remedy: str = "") -> None:
        self.found.append(Problem(what, where, remedy))


class Section:
    """One mapping of a document.

    Every getter gives a value of the promised type: where the document has something else, a problem is recorded and the
    default is given.
    """

    def __init__(self, kind: str, node: Located, problems: Problems, where: str = "", name: str = "") -> None:
        self.where = where or node.where
        self._problems = problems
        self._name = name or f"the {kind}"
        self._items: dict[str, Located] = {}
        self._node = node
        if not isinstance(node.value, dict):
            self.problem(f"{self._name} must be a mapping, not {node.kind}")
            return
        self._items = node.value
        keys = KEYS[kind]
        known = [key for key in keys if key != "*"]
        for key in node.value:
            if key not in known:
                problems.add(f"{self._name} has no key {key!r}{hint(key, known)}", node.key_where(key))
        required = keys[: keys.index("*")] if "*" in keys else keys
        missing = [key for key in required if key not in node.value]
        if missing:
            self.problem(f"{self._name} lacks {', '.join(missing)}")

    def __contains__(self, key: str) -> bool:
        return key in self._items

    def problem(self, what: str, key: str = "", remedy: str = "") -> None:
        """Record a problem at ``key``, or at the section's own place."""
        self._problems.add(what, self.place(key), remedy)

    def place(self, key: str) -> str:
        """``file:line`` of a key, or of the section when it has no such key."""
        return self._node.key_where(key) if key in self._items else self.where

    def get(self, key: str) -> Located | None:
        """What stands under a key; ``None`` when nothing does."""
        node = self._items.get(key)
        return None if node is None or node.value is None else node

    def text(self, key: str, default: str = "") -> str:
        """A text; numbers count as what is written. Line breaks and runs of spaces become one space."""
        node = self.get(key)
        if node is None:
            return default
        if isinstance(node.value, dict | tuple):
            self.problem(f"{key!r} must be a text, not {node.kind}", key)
            return default
        return " ".join(node.text.split())

    def paragraphs(self, key: str) -> str:
        """As :meth:`text`, but with its line breaks."""
        node = self.get(key)
        if node is None or isinstance(node.value, dict | tuple):
            return self.text(key)
        return "\n".join(line.rstrip() for line in node.text.strip().splitlines())

    def flag(self, key: str) -> bool:
        """``true`` or ``false``."""
        node = self.get(key)
        if node is None or isinstance(node.value, bool):
            return bool(node and node.value)
        self.problem(f"{key!r} must be true or false, not {node.text or node.kind!r}", key)
        return False

    def integer(self, key: str, default: int | None = None) -> int | None:
        """A whole number."""
        node = self.get(key)
        if node is None:
            return default
        if isinstance(node.value, bool) or not isinstance(node.value, int):
            self.problem(f"{key!r} must be a whole number, not {node.kind}", key)
            return default
        return node.value

    def number(self, key: str, default: float) -> float:
        """A number that need not be whole."""
        node = self.get(key)
        if node is None:
            return default
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            self.problem(f"{key!r} must be a number, not {node.kind}", key)
            return default
        return float(node.value)

    def scalar(self, key: str) -> Scalar:
        """A value in its JSON form; a fraction keeps its digits as text."""
        node = self.get(key)
        return None if node is None else self.scalar_of(node, key)

    def scalar_of(self, node: Located, what: str) -> Scalar:
        """As :meth:`scalar`, of a node that was found elsewhere."""
        match node.value:
            case dict() | tuple():
                self._problems.add(f"{what} must be a single value, not {node.kind}", node.where)
                return None
            case float():
                return node.text
            case value:
                return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; a single text is a list of one."""
        node = self.get(key)
        if node is None:
            return ()
        items = node.value if isinstance(node.value, tuple) else (node,)
        found = []
        for item in items:
            if isinstance(item.value, dict | tuple) or item.value is None:
                self._problems.add(f"{key!r} must be a list of texts, and here is {item.kind}", item.where)
            else:
                found.append(" ".join(item.text.split()))
        return tuple(found)

    def items(self, key: str) -> tuple[Located, ...]:
        """The entries of a list."""
        node = self.get(key)
        if node is None:
            return ()
        if not isinstance(node.value, tuple):
            self.problem(f"{key!r} must be a list, not {node.kind}", key)
            return ()
        return node.value

    def pairs(self, key: str) -> Iterator[tuple[str, Located, str]]:
        """Key, value and place of the entries of a mapping."""
        node = self.get(key)
        if node is None:
            return
        if not isinstance(node.value, dict):
            self.problem(f"{key!r} must be a mapping, not {node.kind}", key)
            return
        for name, item in node.value.items():
            yield name, item, node.key_where(name)
