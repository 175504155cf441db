"""What cannot be proven is not called done: a wrong example, a requirement in prose, a missing tool."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = [pytest.mark.sandbox, pytest.mark.main_job]

WITHOUT_BUBBLEWRAP = "for f in /usr/bin/bwrap /usr/local/bin/bwrap; do test ! -e $f || mount --bind /dev/null $f; done"
PROSE = "  - {id: R3, text: The shelf is pleasant to look at.}\n"


def line_of(path: Path, text: str) -> int:
    return next(n for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1) if text in line)


def test_a_wrong_example_fails_the_run_and_is_named_with_its_line(dispatch, small: Path, tmp_path: Path) -> None:
    """The run ends failed, saying which example contradicts the operations, where it stands, and both values."""
    small.write_text(small.read_text(encoding="utf-8").replace("result: {weight: 15}", "result: {weight: 16}"))
    ended = dispatch("run", small, "--output", tmp_path / "out", "--json")
    assert (ended.code, ended.document["status"]) == (1, "failed"), ended.stderr
    errors = "\n".join(task["error"] or "" for task in ended.document["tasks"] if task["status"] == "failed")
    assert "A box is made heavier" in errors
    assert f"shelf.yaml:{line_of(small, 'A box is made heavier')}" in errors
    assert "15" in errors and "16" in errors
    assert {r["id"]: r["verdict"] for r in ended.document["requirements"]}["R2"] == "not_met"


def test_prose_alone_is_refused_with_the_options(dispatch, small: Path, tmp_path: Path) -> None:
    """A requirement that nothing is declared for: exit 3 before anything is changed, naming it, its place and what can be done."""
    small.write_text(small.read_text(encoding="utf-8").replace("entities:\n", PROSE + "entities:\n", 1))
    ended = dispatch("run", small, "--output", tmp_path / "out")
    assert ended.code == 3
    assert ended.stdout == ""
    assert "R3" in ended.stderr and "--allow-partial" in ended.stderr
    assert f"shelf.yaml:{line_of(small, 'pleasant')}" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "out").exists()


def test_with_allow_partial_the_rest_is_done_and_prose_is_named(dispatch, small: Path, tmp_path: Path) -> None:
    """``--allow-partial``: partial, exit 1, the requirement not implemented, the others met, and no stub for it in the code."""
    small.write_text(small.read_text(encoding="utf-8").replace("entities:\n", PROSE + "entities:\n", 1))
    ended = dispatch("run", small, "--output", tmp_path / "out", "--allow-partial", "--json")
    assert (ended.code, ended.document["status"]) == (1, "partial"), ended.stderr
    verdicts = {r["id"]: r["verdict"] for r in ended.document["requirements"]}
    assert verdicts == {"R1": "met", "R2": "met", "R3": "not_implemented"}
    skipped = [task for task in ended.document["tasks"] if task["status"] == "skipped"]
    assert len(skipped) == 1 and "R3" in skipped[0]["error"]
    code = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "out" / "src").rglob("*.py"))
    assert "NotImplementedError" not in code and "pleasant" not in code


def test_without_bubblewrap_nothing_runs(dispatch, small: Path, tmp_path: Path) -> None:
    """No sandbox: exit 3, naming the package to install and the flag that goes without; nothing was executed or created."""
    ended = dispatch("run", small, "--output", tmp_path / "out", mounts=WITHOUT_BUBBLEWRAP)
    assert ended.code == 3
    assert "bubblewrap" in ended.stderr and "--unsafe-no-sandbox" in ended.stderr
    assert not (tmp_path / "out").exists()


def test_the_flag_goes_without_a_sandbox_and_says_so(dispatch, small: Path, tmp_path: Path) -> None:
    """``--unsafe-no-sandbox`` completes, warns in red letters, and the record says which tier was used."""
    ended = dispatch("run", small, "--output", tmp_path / "out", "--unsafe-no-sandbox", "--json")
    assert (ended.code, ended.document["status"]) == (0, "completed"), ended.stderr
    assert "WARNING: no sandbox" in ended.stderr
