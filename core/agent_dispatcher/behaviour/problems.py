"""How a fault in an expression is told: the message, the text and a caret under the place."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

from ..errors import Problem, SpecificationError

__all__ = ["ExpressionProblem", "close_matches", "hint"]

_WINDOW = 72


class ExpressionProblem(SpecificationError):
    """An expression that cannot be parsed, or whose types do not fit.

    Attributes:
        message: the fault in one sentence, without its place.
        position: 0-based offset in the expression's text.
        text: the expression, ``""`` when the one who raised it knew only the node.
        source: ``file:line`` where the expression stands, ``""`` when unknown.
    """

    def __init__(self, message: str, position: int, text: str = "", source: str = "") -> None:
        self.message = message
        self.position = position
        self.text = text
        self.source = source
        super().__init__(Problem(self._sentence(), where=source))

    def located(self, text: str, source: str = "") -> ExpressionProblem:
        """The same problem, quoting ``text`` and naming ``source``."""
        return ExpressionProblem(self.message, self.position, text, source)

    def _sentence(self) -> str:
        if not self.text:
            return self.message
        start = self.text.rfind("\n", 0, self.position) + 1
        end = self.text.find("\n", start)
        line = self.text[start : len(self.text) if end < 0 else end]
        column = self.position - start
        if len(line) > _WINDOW:
            first = max(0, column - _WINDOW // 2)
            last = first + _WINDOW
            shown = f"{'...' if first else ''}{line[first:last]}{'...' if last < len(line) else ''}"
            caret = column - first + (3 if first else 0)
        else:
            shown, caret = line, column
        shown = "".join(character if character.isprintable() else " " for character in shown)
        return f"{self.message}, at column {self.position - start + 1} of\n    {shown}\n    {' ' * caret}^"


def close_matches(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Known names that look like ``name``, best first, at most three; one that is far behind the best is left out."""
    options = {option.lower(): option for option in known}
    matches = get_close_matches(name.lower(), list(options), n=3, cutoff=0.6)
    ratios = [SequenceMatcher(None, match, name.lower()).ratio() for match in matches]
    return tuple(options[match] for match, ratio in zip(matches, ratios, strict=True) if ratio > ratios[0] - 0.1)


def hint(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: what it might have meant, else what there is."""
    names = sorted(set(known))
    matches = close_matches(name, names)
    if matches:
        return f": did you mean {' or '.join(matches)}?"
    if names and len(names) <= 12:
        return f": known are {', '.join(names)}"
    return ""
