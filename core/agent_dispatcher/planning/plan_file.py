"""A plan as a file: JSON that can be edited and run, or whatever a plugin makes of it to be looked at."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError
from ..extension.components import PlanRenderer
from ..models import ExecutionPlan
from .plan_json import plan_to_json

__all__ = ["write_plan"]


def write_plan(plan: ExecutionPlan, path: Path, renderers: Sequence[PlanRenderer] = ()) -> None:
    """Write ``plan`` as the end of the file's name says.

    Args:
        renderers: what shows plans, best first.

    Raises:
        UsageError: the folder does not exist, or nobody writes such files.
    """
    suffix = path.suffix.lower()
    renderer = next((each for each in renderers if each.plan_suffix == suffix), None)
    if suffix != ".json" and renderer is None:
        known = ", ".join(dict.fromkeys([".json", *(each.plan_suffix for each in renderers)]))
        raise UsageError(f"{path}: a plan can be written as {known}, not as {suffix or 'a file without a suffix'}")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}")
    if suffix == ".json":
        text = json.dumps(plan_to_json(plan, plan_path=path), indent=2, ensure_ascii=False) + "\n"
    else:
        assert renderer is not None
        text = renderer.render_plan(plan)
    path.write_text(text, encoding="utf-8")
