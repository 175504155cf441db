"""What the lines of a program's output mean, by the rules the user gave."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field

from ..agent import Said
from ..options import EventRule

__all__ = ["Heard", "at"]

_MOST = 20_000


def at(value: Any, place: str) -> Any:
    """What stands at ``place`` (names and numbers with dots between); ``None`` where there is nothing."""
    for name in place.split("."):
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


@define
class Heard:
    """Takes the lines in order.

    Attributes:
        rules: what they mean.
        tell: told of progress.
        result: how it ended, by the last line that said so.
        error: what went wrong, by the last line that said so.
        tokens: as the lines counted them, added up.
    """

    rules: Sequence[EventRule]
    tell: Callable[[str], None]
    result: str = ""
    error: str = ""
    tokens: int = 0
    _plain: list[str] = field(factory=list)

    def take(self, line: str) -> None:
        """One line."""
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            if line.strip() and sum(map(len, self._plain)) < _MOST:
                self._plain.append(line.strip())
            return
        rule = next((each for each in self.rules if _fits(each, value)), None)
        if rule is None:
            return
        self.tokens += sum(_count(value, place) for place in (rule.input_tokens, rule.output_tokens))
        if text := _text(value, rule.progress):
            self.tell(text)
        self.result = _text(value, rule.result) or self.result
        self.error = _text(value, rule.error) or self.error

    def said(self) -> Said:
        """What it comes to."""
        return Said(summary=self.result or "\n".join(self._plain), error=self.error, tokens=self.tokens)


def _fits(rule: EventRule, value: dict[str, Any]) -> bool:
    return all(_plain(at(value, place)) == text for place, text in rule.when.items())


def _plain(found: Any) -> str:
    if isinstance(found, bool):
        return "true" if found else "false"
    return found if isinstance(found, str) else "" if found is None else json.dumps(found)


def _text(value: dict[str, Any], place: str) -> str:
    found = _plain(at(value, place)) if place else ""
    return "" if found in ("false", "null", "[]", "{}") else found[:_MOST]


def _count(value: dict[str, Any], place: str) -> int:
    found = at(value, place) if place else 0
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else 0
