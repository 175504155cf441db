"""Bad input gives one clear message and the right exit code, never a traceback, and damages nothing."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.main_job

LAUGHS = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and "home" not in path.relative_to(folder).parts
    }


def refused(ended, code: int, *words: str) -> None:
    """One message on stderr with these words, nothing on stdout, no traceback."""
    assert ended.code == code, ended.stderr
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    assert ended.stderr.count("error:") == 1, ended.stderr
    for word in words:
        assert word in ended.stderr, ended.stderr


BAD_SPECIFICATIONS = {
    "malformed-yaml": ("title: 'open\nentities: {", ("spec.yaml:",)),
    "billion-laughs": (
        "format: agent-dispatcher/specification\nversion: 1\ntitle: T\n" + LAUGHS,
        ("spec.yaml:4", "anchor"),
    ),
    "nested-100000-deep": ("format: agent-dispatcher/specification\nx: " + "[" * 100_000, ("spec.yaml:2", "deep")),
    "unknown-key": (None, ("spec.yaml:", "entitys", "entities")),
    "type-error": (None, ("spec.yaml:", "weight")),
    "duplicate-id": (None, ("spec.yaml:", "R1")),
    "cycle": (None, ("one", "two", "declared")),
}


@pytest.mark.parametrize("name", BAD_SPECIFICATIONS)
@pytest.mark.parametrize("verb", ["plan", "run"])
def test_a_bad_specification_is_refused_with_the_place(
    name: str, verb: str, dispatch, small: Path, tmp_path: Path
) -> None:
    """Exit 3 with file and line, and what was there is untouched."""
    text, words = BAD_SPECIFICATIONS[name]
    good = small.read_text(encoding="utf-8")
    text = (
        text
        or {
            "unknown-key": good.replace("entities:", "entitys:"),
            "type-error": good.replace("count(Box as b) < 3", "count(Box as b) < label"),
            "duplicate-id": good.replace("id: R2", "id: R1"),
            "cycle": good.split("entities:")[0]
            + "tasks:\n"
            + "  - {id: one, title: One, requirements: [R1], depends_on: [two]}\n"
            + "  - {id: two, title: Two, requirements: [R2], depends_on: [one]}\n",
        }[name]
    )
    words = ("count(Box as b) < label",) if name == "type-error" else words
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    before = snapshot(tmp_path)
    arguments = [verb, path] + (["--output", tmp_path / "out"] if verb == "run" else [])
    refused(dispatch(*arguments), 3, *words)
    assert snapshot(tmp_path) == before
    assert not (tmp_path / "out").exists()


def test_malformed_yaml_names_line_and_column(dispatch, tmp_path: Path) -> None:
    """The message points at the character where reading stopped."""
    path = tmp_path / "spec.yaml"
    path.write_text("format: agent-dispatcher/specification\ntitle: x: y\n", encoding="utf-8")
    refused(dispatch("plan", path), 3, "spec.yaml:2:9")


def test_a_missing_file_is_wrong_usage(dispatch, tmp_path: Path) -> None:
    """Exit 2, naming what is not there."""
    refused(dispatch("run", tmp_path / "nowhere.yaml"), 2, "nowhere.yaml")


def test_a_folder_of_no_known_format_is_refused(dispatch, tmp_path: Path) -> None:
    """Exit 3, naming the formats that were tried."""
    (tmp_path / "stuff").mkdir()
    (tmp_path / "stuff" / "notes.txt").write_text("nothing")
    refused(dispatch("plan", tmp_path / "stuff"), 3, "stuff", "native")


def test_an_output_that_is_a_file_is_wrong_usage(dispatch, small: Path, tmp_path: Path) -> None:
    """Exit 2, and the file keeps its content."""
    (tmp_path / "out").write_text("precious")
    refused(dispatch("run", small, "--output", tmp_path / "out"), 2, "out", "file")
    assert (tmp_path / "out").read_text() == "precious"


def git(folder: Path, *arguments: str, check: bool = True) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=check, capture_output=True, text=True
    ).stdout


def test_a_repository_in_mid_rebase_is_refused(dispatch, small: Path, tmp_path: Path) -> None:
    """Exit 3, saying what is going on there; the rebase can be continued afterwards."""
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "-q")
    for branch, text in (("main", "one"), ("side", "two"), ("main", "three")):
        git(repository, *(("checkout", "-q", branch) if branch != "side" else ("checkout", "-qb", "side")), check=False)
        (repository / "file").write_text(text)
        git(repository, "add", "file")
        git(repository, "commit", "-qm", text)
    git(repository, "rebase", "side", check=False)
    before = snapshot(repository)
    refused(dispatch("run", small, "--output", repository), 3, "rebase")
    assert snapshot(repository) == before


def test_a_subfolder_of_a_repository_is_refused(dispatch, small: Path, tmp_path: Path) -> None:
    """A folder with files inside another repository is not its root: exit 3, naming the root."""
    repository = tmp_path / "repository"
    (repository / "sub").mkdir(parents=True)
    (repository / "sub" / "file").write_text("x")
    git(repository, "init", "-q")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "one")
    refused(dispatch("run", small, "--output", repository / "sub"), 3, str(repository))


def test_a_database_of_a_newer_version_is_refused(dispatch, small: Path, tmp_path: Path) -> None:
    """Exit 3, naming both versions; the database is left as it was."""
    output = tmp_path / "out"
    assert dispatch("run", small, "--output", output, "--json").code == 0
    database = output / ".dispatcher" / "state.db"
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    content = database.read_bytes()
    refused(dispatch("status", "--output", output), 3, "999")
    assert database.read_bytes() == content


FULL_DISK = """
mount -t tmpfs -o size=$SIZE tmpfs "$DISK"
set +e
"$PYTHON" -m agent_dispatcher run "$SPEC" --output "$DISK/out" > "$LOGS/run.out" 2> "$LOGS/run.err"
echo $? > "$LOGS/run.code"
mount -o remount,size=64m "$DISK"
"$PYTHON" -m agent_dispatcher resume --output "$DISK/out" --json > "$LOGS/resume.out" 2> "$LOGS/resume.err"
echo $? > "$LOGS/resume.code"
"""


@pytest.mark.sandbox
@pytest.mark.parametrize("size", ["600k", "1000k", "1400k"])
def test_a_full_disk_stops_with_a_message_and_can_be_resumed(size: str, small: Path, tmp_path: Path) -> None:
    """The run stops saying that there is no space left; with space again the same run goes on to its end."""
    for name in ("disk", "logs", "home"):
        (tmp_path / name).mkdir()
    subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-ec", FULL_DISK],
        env={
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(tmp_path / "home"),
            "PYTHON": sys.executable,
            "SIZE": size,
            "SPEC": str(small),
            "DISK": str(tmp_path / "disk"),
            "LOGS": str(tmp_path / "logs"),
        },
        check=True,
        timeout=280,
    )
    logs = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "logs").iterdir()}
    assert logs["run.code"].strip() in ("1", "3"), logs
    assert "space" in logs["run.err"] or "full" in logs["run.err"] or "space" in logs["run.out"], logs
    assert "Traceback" not in logs["run.err"], logs["run.err"]
    assert logs["resume.code"].strip() == "0", logs["resume.err"]
    assert json.loads(logs["resume.out"])["status"] == "completed"


def test_a_plan_whose_specification_changed_is_refused(dispatch, small: Path, tmp_path: Path) -> None:
    """A plan is only run for the specification it was made from."""
    plan = tmp_path / "plan.json"
    assert dispatch("plan", small, "--output", plan).code == 0
    assert json.loads(plan.read_text())["format"] == "agent-dispatcher/plan"
    small.write_text(small.read_text() + "# changed\n")
    refused(dispatch("run", plan, "--output", tmp_path / "out"), 3, "changed")
    assert not (tmp_path / "out").exists()
