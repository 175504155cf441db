"""What was asked of language models, added up. Field names are those of the plan JSON."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import field, frozen
from attrs.validators import and_, ge, lt, optional

__all__ = ["ModelUse", "PlanningCall", "used_in_words"]


@frozen(kw_only=True)
class ModelUse:
    """Every call that was made for one purpose to one model, and every answer of it that was used again.

    Attributes:
        purpose: what it was for (``decompose``, ``dependencies``, ...), as the requests say.
        backend: name of the backend, ``llm_client`` for one that a program passed in.
        model: the one that answered, as the server names it.
        calls: calls made, those that failed included.
        failed: calls that gave no reply. Their tokens are not known and not in the counts below.
        cached_input_tokens: the part of ``input_tokens`` that the server had read before.
        estimated: some server did not count: those numbers are upper bounds from the length of the text.
        counted_tokens: what they count as in a budget: the tokens above, and the worst case of failed calls that may have been billed.
        cost_usd: what that costs in US dollars, of the calls whose price is known; ``None`` when none is.
        unpriced: calls of unknown price.
        reused: questions that were not asked, as the answer of an earlier plan was kept; they cost nothing and are in no other count.
    """

    purpose: str = ""
    backend: str = ""
    model: str = ""
    calls: int = field(default=0, validator=ge(0))
    failed: int = field(default=0, validator=ge(0))
    input_tokens: int = field(default=0, validator=ge(0))
    output_tokens: int = field(default=0, validator=ge(0))
    cached_input_tokens: int = field(default=0, validator=ge(0))
    estimated: bool = False
    counted_tokens: int = field(default=0, validator=ge(0))
    cost_usd: float | None = field(default=None, validator=optional(and_(ge(0.0), lt(1e12))))
    unpriced: int = field(default=0, validator=ge(0))
    reused: int = field(default=0, validator=ge(0))


@frozen(kw_only=True)
class PlanningCall:
    """One question to a language model that was asked while the plan was made.

    Attributes:
        number: of the call in the plan, from 1 on.
        purpose, backend, model: as in :class:`ModelUse`.
        about: ids of the requirements and tasks it was about.
        tokens: what it counts as in a budget.
        cost_usd: ``None`` when the price is not known.
        error: the sort of its failure, ``""`` without one.
        used: whether what was answered went into the plan; not so where the one who asked could make nothing of it, and another planned instead.
        request, reply: digests of what was said; ``None`` when it was not kept.
        reused: it was not asked: the answer is that of an earlier plan.
    """

    number: str
    purpose: str = ""
    backend: str = ""
    model: str = ""
    about: tuple[str, ...] = ()
    tokens: int = field(default=0, validator=ge(0))
    cost_usd: float | None = field(default=None, validator=optional(and_(ge(0.0), lt(1e12))))
    error: str = ""
    used: bool = True
    request: str | None = None
    reply: str | None = None
    reused: bool = False


def used_in_words(uses: Iterable[ModelUse]) -> str:
    """``planning asked the model 3 times: 1,200 tokens read, 340 written``; ``""`` when it was not asked."""
    uses = tuple(uses)
    calls, failed = sum(each.calls for each in uses), sum(each.failed for each in uses)
    reused = sum(each.reused for each in uses)
    kept = f"{reused} answer{'s' if reused > 1 else ''} of an earlier plan reused, at no cost" if reused else ""
    if not calls:
        return f"planning did not ask the model: {kept} (--fresh asks again)" if kept else ""
    times = "once" if calls == 1 else f"{calls} times"
    read, written = sum(each.input_tokens for each in uses), sum(each.output_tokens for each in uses)
    most = "at most " if any(each.estimated for each in uses) else ""
    unanswered = f" ({failed} without an answer)" if failed else ""
    asked = f"planning asked the model {times}{unanswered}: {most}{read:,} tokens read, {written:,} written{_cost_in_words(uses)}"
    return f"{asked}; {kept}" if kept else asked


def _cost_in_words(uses: tuple[ModelUse, ...]) -> str:
    """``, 0.0042 US dollars``; that a price is not known is said, it is never nothing."""
    known = [each.cost_usd for each in uses if each.cost_usd is not None]
    unpriced = sum(each.unpriced for each in uses)
    if not known:
        return ", price unknown" if unpriced else ""
    more = f" and {unpriced} calls of unknown price" if unpriced else ""
    return f", {sum(known):.4f} US dollars{more}"
