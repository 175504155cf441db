"""The templates are part of what is installed."""

from __future__ import annotations

import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[4]


def test_the_wheel_has_the_templates(tmp_path: Path) -> None:
    """Templates, style sheets and the script are in the wheel beside the code that reads them."""
    from hatchling.builders.wheel import WheelBuilder

    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    folder = "agent_dispatcher_builtins/reporters/html/templates/"
    with zipfile.ZipFile(wheel) as archive:
        names = {name.removeprefix(folder) for name in archive.namelist() if name.startswith(folder)}
    assert names == {"report.html.jinja", "macros.html.jinja", "report.css", "plan.html.jinja", "plan.css", "plan.js"}
