"""What a review says, and what of it is believed: a finding counts when its quotation stands in what was changed, at the place it names, under a rule that there is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from attrs import field, frozen
from attrs.validators import in_, min_len

from agent_dispatcher.codec import StructureError, read, suggestion
from agent_dispatcher.models import Finding

from ....checks.citing import shown, visible
from ....prompting.asking import Readout
from ....prompting.reply import misfits
from .diffs import Diff

__all__ = ["REVIEW_SCHEMA", "RULES", "SEVERITIES", "Dropped", "Reviewed", "in_words", "judge"]

SEVERITIES = ("low", "medium", "high")
#: What a finding may go against beside a requirement.
RULES: Mapping[str, str] = {
    "correctness": "it does something wrong, or fails on an input it has to take",
    "security": "it trusts what it must not trust, or shows what it must not show",
    "errors": "a failure is hidden, or told so that nobody can act on it",
    "clarity": "a reader is misled",
}
#: How far from its line a quotation may stand; people and models miscount.
_NEAR = 3
_LEAST = 4


@frozen(kw_only=True)
class Dropped:
    """A finding that was dropped, and why."""

    what: str
    why: str


@frozen(kw_only=True)
class Reviewed:
    """What is left of a reply.

    Attributes:
        findings: each with the line that was found for its quotation; ``rule`` is the id of a requirement, or one of :data:`RULES`. One of high severity
            refuses the work.
    """

    findings: tuple[Finding, ...] = ()
    dropped: tuple[Dropped, ...] = ()


@frozen(kw_only=True)
class _Said:
    path: str
    line: int
    quote: str
    rule: str
    severity: str = field(validator=in_(SEVERITIES))
    what: str = field(validator=min_len(1))


@frozen(kw_only=True)
class _Reply:
    findings: tuple[_Said, ...]


def judge(data: dict[str, Any], diffs: Mapping[str, Diff], requirements: Collection[str]) -> Readout[Reviewed]:
    """The review in ``data``. A fault: the shape. A flaw: a finding that does not hold, which is dropped.

    Args:
        diffs: path to what was changed of the files that were reviewed.
        requirements: ids that a finding may go against.
    """
    try:
        reply = read(data, _Reply)
    except StructureError as error:
        return Readout(faults=misfits(error))
    found: list[Finding] = []
    dropped: list[Dropped] = []
    for each in reply.findings:
        held = _held(each, diffs, requirements)
        if isinstance(held, str):
            dropped.append(Dropped(what=visible(each.what), why=held))
        elif held not in found:
            found.append(held)
    flaws = tuple(f"finding {each.what!r}: {each.why}" for each in dropped)
    return Readout(value=Reviewed(findings=tuple(found), dropped=tuple(dropped)), flaws=flaws)


def in_words(finding: Finding) -> str:
    """A finding in one line, for whoever has to mend it."""
    place, about = f"{finding.path}:{finding.line}", f"{finding.severity}, {finding.rule}"
    return f"{place}: {about}: {finding.what} ({shown(finding.quote)!r})"


def _held(said: _Said, diffs: Mapping[str, Diff], requirements: Collection[str]) -> Finding | str:
    path, rule = said.path.strip(), said.rule.strip()
    diff = diffs.get(path)
    if diff is None:
        return f"{path!r} was not shown; {suggestion(path, diffs)}"
    if rule not in RULES and rule not in requirements:
        return f"{rule!r} is neither a requirement nor one of {', '.join(RULES)}"
    if sum(not letter.isspace() for letter in said.quote) < _LEAST:
        return f"it quotes {said.quote!r}, which could stand anywhere: quote a whole line"
    changed, others = diff.places(said.quote)
    places = sorted(changed, key=lambda line: (abs(line - said.line), line))
    if not places and others:
        return f"{visible(said.quote)!r} stands in {path} and was not changed: say only what is wrong with the change"
    if not places:
        return f"{visible(said.quote)!r} does not stand in {path}: quote a line of it as it stands there"
    if abs(places[0] - said.line) > _NEAR:
        return f"{visible(said.quote)!r} stands at line {places[0]} of {path}, not at {said.line}"
    return Finding(
        path=path,
        line=places[0],
        quote=visible(said.quote),
        rule=rule,
        severity=said.severity,
        what=visible(said.what),
    )


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


_TEXT = {"type": "string"}
_FINDING = _object(
    path=_TEXT,
    line={"type": "integer"},
    quote=_TEXT,
    rule=_TEXT,
    severity={"type": "string", "enum": list(SEVERITIES)},
    what=_TEXT,
)

#: JSON schema of the reply.
REVIEW_SCHEMA: dict[str, Any] = _object(findings={"type": "array", "items": _FINDING})
