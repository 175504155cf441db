"""The program runs with its own set of plugins, and with nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import handbook


def test_the_handbook_is_written(tmp_path: Path) -> None:
    """Chapters come first, then the table of contents that reads them; each task is done once, by the agent it is meant for."""
    assert handbook.write("Handbook", ["Opening hours", "Fire drill"], tmp_path / "out") == "completed"
    assert (tmp_path / "out" / "contents.md").read_text() == "# Handbook\n\n- Opening hours\n- Fire drill\n"
    (file,) = (tmp_path / "out" / ".dispatcher" / "runs").glob("*/result.json")
    tasks = json.loads(file.read_text())["tasks"]
    assert [(task["id"], task["status"], task["attempts"]) for task in tasks] == [
        ("chapter-1", "completed", 1),
        ("chapter-2", "completed", 1),
        ("contents", "completed", 1),
    ]
    assert [task["agent"].partition("-")[0] for task in tasks] == ["author", "author", "editor"]


def test_nothing_is_discovered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither installed plugins nor configuration files of the current folder are looked at."""

    def refuse(**_: object) -> None:
        raise AssertionError("installed plugins were looked for")

    monkeypatch.setattr("importlib.metadata.entry_points", refuse)
    (tmp_path / "agent-dispatcher.toml").write_text("this is no configuration")
    monkeypatch.chdir(tmp_path)
    assert handbook.write("Handbook", ["Alone"], tmp_path / "out") == "completed"


def test_it_fits_on_a_page() -> None:
    """The whole program has at most 60 lines."""
    assert len(Path(handbook.__file__).read_text().splitlines()) <= 60
