"""What can be set for the checks that are active by name. Pure, and quick to import."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import ge, gt, in_

__all__ = ["SEVERITIES", "QualityOptions", "SecurityOptions", "TimingOptions"]

#: Of findings, the mildest first.
SEVERITIES = ("low", "medium", "high")


@frozen(kw_only=True)
class QualityOptions:
    """``[options."check:quality"]``.

    Attributes:
        max_complexity: branches of a function (cyclomatic complexity) that are allowed.
    """

    max_complexity: int = field(default=10, validator=ge(1))


@frozen(kw_only=True)
class SecurityOptions:
    """``[options."check:security"]``.

    Attributes:
        severity: the mildest finding that is refused; milder ones are recorded.
    """

    severity: str = field(default="medium", validator=in_(SEVERITIES))


@frozen(kw_only=True)
class TimingOptions:
    """``[options."check:timing"]``.

    Attributes:
        limit_s: seconds that one test may take, with what it sets up.
        slowest: how many tests are recorded, the slowest first.
    """

    limit_s: float = field(default=5.0, validator=gt(0.0))
    slowest: int = field(default=10, validator=ge(1))
