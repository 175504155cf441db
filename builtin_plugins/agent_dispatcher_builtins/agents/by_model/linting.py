"""What a linter says of the work alone: mistakes that were in the files before are not the model's to answer for. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from agent_dispatcher.models import Finding

from ...checks.standing import new_among

__all__ = ["without_old"]

#: ``path:line:column: RULE what``, or indented below the path of their file ``line:column  error  what  rule``.
_BY_PATH = re.compile(r"(?P<path>.+?):(?P<line>\d+):\d+: (?P<rule>[\w-]+):? (?P<what>.*)")
_BELOW = re.compile(r"\s+(?P<line>\d+):\d+\s+\w+\s+(?P<what>.*?)\s+(?P<rule>\S+)")


def without_old(said: str, earlier_said: str, texts: Mapping[str, str], earlier: Mapping[str, str]) -> str | None:
    """The lines of ``said`` that were not said of the files as they were; ``None`` when they are in no form that is known here.

    Args:
        earlier_said: what the linter says of the files as they were, under the same names.
        texts, earlier: see :func:`new_among`.
    """
    now = dict(_read(said, texts))
    if not now:
        return None
    new = new_among(list(now.values()), [found for _, found in _read(earlier_said, earlier)], texts, earlier)
    if len(new) == len(now):
        return said.strip()
    lines = said.splitlines()
    kept = {id(each) for each in new}
    return "\n".join(
        f"{each.path}:{lines[place].strip().removeprefix(each.path + ':')}"
        for place, each in now.items()
        if id(each) in kept
    )


def _read(said: str, texts: Mapping[str, str]) -> Iterator[tuple[int, Finding]]:
    """Findings, by the number of their line."""
    header = ""
    for place, line in enumerate(said.splitlines()):
        found = _BY_PATH.fullmatch(line) or _BELOW.fullmatch(line)
        path = header if found is None or "path" not in found.re.groupindex else found["path"]
        if found is not None and path in texts:
            yield (
                place,
                Finding(path=path, line=int(found["line"]), rule=found["rule"], severity="medium", what=found["what"]),
            )
        elif found is None:
            header = max((path for path in texts if line.strip().endswith(path)), key=len, default="")
