"""What can be told from a requirement's words without understanding them: sort of work, size, component.

Guesses from surface signs, made so that a wrong one costs little: what is not clearly something else is code.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from agent_dispatcher.models import Requirement, Scenario

__all__ = ["classify", "complexity", "components", "described", "headline", "priority", "terms"]

_PRIORITY = {"critical": 2, "high": 1, "medium": 0, "low": -1}

#: Verbs that begin an order to do something other than write code.
_ORDERS = {
    "documentation": "document describe",
    "research": "research investigate explore evaluate compare spike",
    "analysis": "analyze analyse measure profile benchmark",
    "review": "review audit inspect",
    "refactoring": "refactor restructure rename simplify extract",
    "debugging": "fix debug repair diagnose",
    "deployment": "deploy publish release ship",
    "testing": "test verify",
}
#: Things that are other than code, when they are what a requirement is about (its subject, or the object of its first verb).
_THINGS = {
    "documentation": r"documentation|readme|user guide|manual(?! \w)|tutorial|changelog|release notes|api reference|docstrings?",
    "testing": r"(?:unit|integration|regression|acceptance|end-to-end|e2e) tests?|test suite|test coverage",
    "deployment": r"deployment|release pipeline|ci pipeline|ci/cd|docker image|container image|helm chart|dockerfile",
    "research": r"feasibility study|market study|research report",
}
_PASSIVE = {
    "documentation": "documented",
    "deployment": "deployed",
    "review": "reviewed|audited",
    "refactoring": "refactored",
    "research": "researched|investigated",
}
_MODAL = re.compile(r"\b(?:must|shall|should|will|can|may|is|are|has to|have to|needs? to)\b", re.IGNORECASE)
_MAKING = re.compile(
    r"^(?:write|add|create|provide|prepare|update|set up|build|include)\s+(?:an?|the)?\s*", re.IGNORECASE
)
_CONDITION = re.compile(
    r"\b(?:if|when|unless|except|only|until|otherwise|while|before|after|at least|at most|within)\b", re.IGNORECASE
)
_WORD = re.compile(r"[A-Za-z][A-Za-z]+(?:[-'][A-Za-z]+)*")
_EVERYWHERE = """
    a able about above accept access according across add after again all allow allowed also always an and another any application apply are as at
    available avoid back based be because been before being below between both but by called can cannot case change check clear complete contain correct
    could create created current data default define delete describe different display do does done down during each edit either enable ensure enter
    error etc every exactly example exist existing false few field file first following for format from full function further generate get give given
    handle has have help how however if implement in include including information input into invalid is it its itself just keep kind know last later
    least less like list long made maintain make manage many mark may mean message method might more most move much must name need needed new next no
    none nor not nothing number of off often on once one only open option or order other otherwise out over own page part per perform place possible
    prevent process project provide read receive record refuse reject remain remove request require required result return run same save second see
    select send set several shall should show shown since single so some someone something specific start state status store stored such support
    system take text than that the their them then there these they thing this those three through time to together too true try two type under
    unique unless until up update upon use used user users using valid value version via view visible want was way we well what when where whether
    which while who whose why will with within without work would write written yes yet you your
"""
_COMMON = frozenset(_EVERYWHERE.split())


def priority(requirement: Requirement) -> int:
    """A task priority for a requirement's: 2 critical, 1 high, 0 medium (or unknown), -1 low."""
    return _PRIORITY.get(requirement.priority, 0)


def classify(text: str) -> str:
    """The task type of a requirement.

    What a product does is code, even if it analyzes or publishes something: only an order that begins with such a verb, a requirement about such a thing, and
    "must be documented" are taken for other work.
    """
    plain = " ".join(text.split())
    first = plain.partition(" ")[0].strip("*_`:.,").lower()
    for kind, verbs in _ORDERS.items():
        if first in verbs.split():
            return kind
    modal = _MODAL.search(plain)
    making = _MAKING.match(plain)
    about = plain[making.end() :] if making else plain[: modal.start()] if modal else ""
    subject = " ".join(about.lower().split()[:6])
    for kind, things in _THINGS.items():
        if re.search(rf"\b(?:{things})\b", subject):
            return kind
    for kind, words in _PASSIVE.items():
        if re.search(rf"\b(?:must|shall|should|has to|needs to)\s+be\s+(?:{words})\b", plain, re.IGNORECASE):
            return kind
    return "code_writing"


def complexity(requirement: Requirement) -> float:
    """1 to 10, from the length of the text, its conditions, and what hangs on it."""
    words = len(requirement.text.split())
    conditions = len(_CONDITION.findall(requirement.text))
    extra = 0.5 * len(requirement.scenarios) + 0.25 * (len(requirement.edge_cases) + len(requirement.constraints))
    return min(10.0, round(1.0 + words / 40 + 0.3 * conditions + extra, 1))


def terms(text: str) -> list[str]:
    """Words that may name a component: singular, lower case, in order of first use, without those every specification uses."""
    found = dict.fromkeys(_singular(word.lower()) for word in _WORD.findall(text))
    return [word for word in found if len(word) > 2 and word not in _COMMON]


def components(requirements: Sequence[Requirement], glossary: Mapping[str, str]) -> dict[str, str]:
    """The component each requirement belongs to: of its terms the one most others share, those of the glossary first; ``""`` when it shares none."""
    own = {each.id: terms(each.text) for each in requirements}
    shared = Counter(term for found in own.values() for term in found)
    known = {term for name in glossary for term in terms(name)}
    everywhere = len(requirements) if len(requirements) > 3 else len(requirements) + 1
    result = {}
    for each in requirements:
        found = [term for term in own[each.id] if 1 < shared[term] < everywhere]
        best = max(found, key=lambda term: (term in known, shared[term], -own[each.id].index(term)), default="")
        result[each.id] = best
    return result


def headline(text: str) -> str:
    """The first sentence, at most 80 characters."""
    line = " ".join(text.split())
    sentence = re.split(r"(?<=[.!?;])\s", line, maxsplit=1)[0].rstrip(".;")
    if len(sentence) <= 80:
        return sentence or "Requirement"
    cut = sentence[:79].rsplit(" ", 1)[0]
    if cut.count("`") % 2 and len(cut.rpartition("`")[0]) > 20:  # not within a name
        cut = cut.rpartition("`")[0]
    return cut.rstrip(" ,;:") + "…"


def described(requirement: Requirement) -> str:
    """Everything the specification says about a requirement, as text for whoever does the work."""
    lines = [f"{requirement.id} ({requirement.priority}): {requirement.text}"]
    for scenario in requirement.scenarios:
        lines += _scenario(scenario)
    lines += [f"Edge case: {each}" for each in requirement.edge_cases]
    lines += [f"Constraint: {each}" for each in requirement.constraints]
    return "\n".join(lines)


def _scenario(scenario: Scenario) -> list[str]:
    lines = [f"Scenario: {scenario.title}" if scenario.title else "Scenario:"]
    for word, steps in (("Given", scenario.given), ("When", scenario.when), ("Then", scenario.then)):
        lines += [f"  {word if number == 0 else 'And'} {step}" for number, step in enumerate(steps)]
    return lines


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
