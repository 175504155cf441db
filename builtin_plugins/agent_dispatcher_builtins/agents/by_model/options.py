"""How agents use a model. Pure, and quick to import."""

from __future__ import annotations

from pathlib import Path

from attrs import field, frozen
from attrs.validators import and_, ge, gt, le, optional

__all__ = ["ModelOptions", "model_options"]


@frozen(kw_only=True)
class ModelOptions:
    """How an agent works with a model.

    Attributes:
        template: a Jinja2 file to use instead of the packaged prompt; relative to the current folder.
        model: the model to ask, ``""`` for the backend's.
        rounds: how often it is asked for one attempt at most: the first time for the work, then with what was wrong with it.
        max_input_tokens: about so much it is shown at once; what does not fit of the repository is left out and listed.
        max_output_tokens: it is stopped after so many.
        timeout_s: seconds for one reply, ``None`` for the backend's own limit.
        test_timeout_s: seconds for one run of the tests of a round.
    """

    template: Path | None = None
    model: str = ""
    rounds: int = field(default=4, validator=and_(ge(1), le(20)))
    max_input_tokens: int = field(default=12_000, validator=ge(1000))
    max_output_tokens: int = field(default=4096, validator=gt(0))
    timeout_s: float | None = field(default=None, validator=optional(gt(0.0)))
    test_timeout_s: float = field(default=60.0, validator=gt(0.0))


def model_options(options: object) -> ModelOptions:
    """The part of an agent type's options that is about the model; fields have the same names there."""
    if options is None:
        return ModelOptions()
    return ModelOptions(
        **{name: getattr(options, name) for name in ModelOptions.__annotations__ if hasattr(options, name)}
    )
