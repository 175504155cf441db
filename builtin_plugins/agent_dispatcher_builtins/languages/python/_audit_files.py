"""Looks through files by the rules their project has settled for itself. Runs in the sandbox, from its text.

Arguments: the program, where the findings go, the most complex a function may be, the rules for files without settings, a folder with earlier versions (empty to
look at the files as they are), then the files. Settings that stand in the project count, beside a file or above it, up to the current folder; they
are data to the program, which runs no code. Where there are none, or none that the program can use, the given rules count. An earlier version is looked at in
the place of its file, among what is around it now.
"""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

NAMES = (".ruff.toml", "ruff.toml", "pyproject.toml")

program, results, most, rules, before, *files = sys.argv[1:]
# Always judged: how complex a function is. Nothing in the files silences a finding.
COMMON = (
    "--no-cache",
    "--ignore-noqa",
    "--quiet",
    "--output-format",
    "json",
    "--config",
    "lint.mccabe.max-complexity=" + most,
)
OURS, THEIRS = ("--isolated", "--select", rules), ("--extend-select", "C901")


def holds_settings(path: Path) -> bool:
    try:
        return path.name != "pyproject.toml" or "ruff" in tomllib.loads(path.read_text("utf-8")).get("tool", {})
    except (OSError, ValueError):
        return False


def is_settled(file: str) -> bool:
    folders = [folder for folder in Path(file).parents if ".." not in folder.parts and not folder.is_absolute()]
    return any(holds_settings(folder / name) for folder in folders for name in NAMES if (folder / name).is_file())


def ask(options: tuple[str, ...], those: list[str], given: bytes | None) -> subprocess.CompletedProcess[bytes]:
    what = ("--", *those) if given is None else ("--stdin-filename", those[0], "-")
    return subprocess.run(
        (program, "check", *COMMON, *options, *what),
        check=False,
        input=given or b"",
        capture_output=True,
    )


def look(those: list[str], given: bytes | None, *, settled: bool) -> list[object]:
    if not those:
        return []
    done = ask(THEIRS if settled else OURS, those, given)
    if settled and done.returncode not in (0, 1):
        said = " ".join(done.stderr.decode("utf-8", "replace").split())
        print("the project's settings cannot be used, others are: " + said[:300], file=sys.stderr)
        done = ask(OURS, those, given)
    found = json.loads(done.stdout)
    if given is not None:
        found = [{**each, "filename": those[0]} for each in found]
    return list(found)


kinds = {file: is_settled(file) for file in files}
if before:
    found = [each for file in files for each in look([file], (Path(before) / file).read_bytes(), settled=kinds[file])]
else:
    found = [
        each for kind in (True, False) for each in look([f for f in files if kinds[f] is kind], None, settled=kind)
    ]
Path(results).write_text(json.dumps(found), "utf-8")
