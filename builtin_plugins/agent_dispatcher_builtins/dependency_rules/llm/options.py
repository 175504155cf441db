"""What can be configured of the ``llm`` dependency rule."""

from __future__ import annotations

from pathlib import Path

from attrs import field, frozen
from attrs.validators import and_, ge, gt, le, optional

from ...prompting.quoting import TRUST

__all__ = ["LlmRuleOptions"]


@frozen(kw_only=True)
class LlmRuleOptions:
    """``[options."dependency_rule:llm"]``.

    Attributes:
        template: a Jinja2 file to use instead of the packaged prompt; relative to the current folder.
        model: the model to ask, ``""`` for the backend's.
        max_tasks_per_call: tasks in one question. Of more tasks every two are in at least one question together, as long as there are questions.
        max_calls: questions in all; repairs are not counted.
        max_description_chars: how much of a task's description the model is shown.
        max_output_tokens: how long one reply may be.
        repairs: how often a reply that cannot be used is sent back, 0 to 2.
        trust: what an order is worth that the model is certain of, above 0 and at most 1; twice as much when it quotes a task. What is worth 0.5 holds a task.
        timeout_s: seconds for one reply; without it the backend's own limit.
    """

    template: Path | None = None
    model: str = ""
    max_tasks_per_call: int = field(default=40, validator=ge(2))
    max_calls: int = field(default=15, validator=ge(1))
    max_description_chars: int = field(default=400, validator=ge(0))
    max_output_tokens: int = field(default=4096, validator=ge(64))
    repairs: int = field(default=2, validator=and_(ge(0), le(2)))
    trust: float = field(default=TRUST, validator=and_(gt(0), le(1)))
    timeout_s: float | None = field(default=None, validator=optional(gt(0.0)))
