"""Values with the place where they stood."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

__all__ = ["Located", "Place", "Scalar"]

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
