"""An objection to a test in a model's words: ``DISPUTE: <name of the test> "<words of the specification that it contradicts>"``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import frozen

from agent_dispatcher.planning.disputes import stands_in

__all__ = ["Objection", "objection_in"]

_DISPUTE = re.compile(r"^(?>(?:[^\S\n]|[>*`])*)DISPUTE:\s*(?P<test>\S+)(?P<why>.*)\Z", re.DOTALL | re.MULTILINE)
_QUOTED = re.compile(r"[\"“”'`](.{8,400}?)[\"“”'`]", re.DOTALL)


@frozen
class Objection:
    """What is objected to, and what is put between quotation marks for it."""

    test: str
    quoted: Sequence[str]

    def quote_of(self, text: str) -> str:
        """The longest quote that stands in ``text``, in one line; ``""`` when none does."""
        found = [" ".join(quote.split()) for quote in self.quoted if stands_in(quote, text)]
        return max(found, key=len, default="")


def objection_in(words: str) -> Objection | None:
    """The objection in ``words``: from the line that begins with the mark to their end. ``None`` when there is none."""
    found = _DISPUTE.search(words)
    if found is None:
        return None
    return Objection(found["test"].strip("`'\".,:"), tuple(_QUOTED.findall(found["why"])))
