"""Formats files as their project wants it: arguments are the program, then the files. Runs in the sandbox, from its text.

Settings count that stand in the project, beside a file or above it, up to the current folder; those of the user and of folders around the project do not. They are
data to the program, which runs no code. Where there are none, everything is as the program has it.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

NAMES = (".ruff.toml", "ruff.toml", "pyproject.toml")


def holds_settings(path: Path) -> bool:
    try:
        return path.name != "pyproject.toml" or "ruff" in tomllib.loads(path.read_text("utf-8")).get("tool", {})
    except (OSError, ValueError):
        return False


def settings_of(path: str) -> Path | None:
    folders = [folder for folder in Path(path).parents if ".." not in folder.parts and not folder.is_absolute()]
    found = (folder / name for folder in folders for name in NAMES if (folder / name).is_file())
    return next(filter(holds_settings, found), None)


program, *files = sys.argv[1:]
grouped: dict[Path | None, list[str]] = {}
for file in files:
    grouped.setdefault(settings_of(file), []).append(file)
codes = []
for settings, those in grouped.items():
    chosen = ("--isolated",) if settings is None else ("--config", str(settings))
    command = (program, "format", *chosen, "--no-cache", "--quiet", "--", *those)
    codes.append(subprocess.run(command, check=False).returncode)
sys.exit(max(codes, default=0))
