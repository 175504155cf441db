"""What can be configured of the ``llm`` decomposer."""

from __future__ import annotations

from pathlib import Path

from attrs import field, frozen
from attrs.validators import and_, ge, gt, le, optional

from ...prompting.quoting import TRUST

__all__ = ["LlmDecomposerOptions"]


@frozen(kw_only=True)
class LlmDecomposerOptions:
    """``[options."decomposer:llm"]``.

    Attributes:
        template: a Jinja2 file to use instead of the packaged prompt; relative to the current folder.
        model: the model to ask, ``""`` for the backend's.
        max_input_tokens: how long one question may be, in tokens estimated at three bytes each; a larger specification is asked about in parts.
        max_requirements_per_call: requirements in one question, however short they are.
        max_output_tokens: how long one reply may be.
        repairs: how often a reply that cannot be used is sent back, 0 to 2.
        trust: what an order is worth that the model is certain of, above 0 and at most 1; twice as much when it quotes the specification. What is worth 0.5 holds a task.
        timeout_s: seconds for one reply; without it the backend's own limit.
    """

    template: Path | None = None
    model: str = ""
    max_input_tokens: int = field(default=24_000, validator=ge(500))
    max_requirements_per_call: int = field(default=25, validator=ge(1))
    max_output_tokens: int = field(default=8192, validator=ge(64))
    repairs: int = field(default=2, validator=and_(ge(0), le(2)))
    trust: float = field(default=TRUST, validator=and_(gt(0), le(1)))
    timeout_s: float | None = field(default=None, validator=optional(gt(0.0)))
