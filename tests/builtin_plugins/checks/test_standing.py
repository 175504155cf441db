"""Which findings stood before is found out in time that grows with their number, not with its square."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from agent_dispatcher.models import Finding
from agent_dispatcher_builtins.checks.standing import new_among


def found(rule: str, what: str, line: int, path: str = "a.py") -> Finding:
    return Finding(path=path, rule=rule, severity="low", what=what, line=line)


def test_an_altered_line_is_the_same_line() -> None:
    """Where most of it is as it was; so is a name that a finding names, wherever its line is now."""
    before = [found("E501", "Line too long", 1), found("F401", "`os` imported but unused", 2)]
    earlier = {"a.py": "total = price * count  # what it costs\nimport os\n"}
    texts = {"a.py": "\n\ntotal = price * number  # what it costs\nfrom os import path, os\nx = call()\n"}
    now = [
        found("E501", "Line too long", 3),
        found("F401", "`os` imported but unused", 4),
        found("E501", "Line too long", 5),
    ]
    assert new_among(now, before, texts, earlier) == (now[2],)


@pytest.mark.parametrize("what", ["Line too long", "`{}` is unused"])
def test_a_file_written_anew_costs_no_hour(growth: Callable[..., float], what: str) -> None:
    """All lines differ, and each has a finding of the same rule."""

    def prepare(size: int) -> Callable[[], object]:
        dice = random.Random(size)
        earlier = "\n".join(f"x{n} = call({n}, '{dice.random()}')" for n in range(size))
        text = "\n".join(f'    other_{n} = function({n}, "{dice.random()}")' for n in range(size))
        before = [found("R1", what.format(f"x{n}"), n + 1) for n in range(size)]
        now = [found("R1", what.format(f"other_{n}"), n + 1) for n in range(size)]
        return lambda: new_among(now, before, {"a.py": text}, {"a.py": earlier})

    assert growth(prepare, 60, 300) < 3
