"""The tree's own project, as if it were installed: its version can be asked for, its entry points are found, its commands can be started.

Its code stays where it is, and nothing is built. Entry points for pytest are left out: what steers tests is declared where it is looked at.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from ..provisioning import made_once
from .manifests.manifest import Manifest

__all__ = ["OF_TESTS", "Project", "made", "project_of"]

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_COMMAND = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_PLACE = re.compile(
    r"(?P<module>[A-Za-z_]\w*(\.[A-Za-z_]\w*)*)( *: *(?P<object>[A-Za-z_]\w*(\.[A-Za-z_]\w*)*))?", re.ASCII
)
_KEY = re.compile(r"[\w.: -]+")
_COMMANDS = "console_scripts"
#: Entry points that are left out.
OF_TESTS = "pytest11"
#: For a project that works its version out when it is built.
_UNKNOWN = "0+unknown"


@frozen
class Project:
    """What is known of it.

    Attributes:
        name: normalized.
        version: as PEP 440 has it.
        entry_points: by group, names -> objects.
    """

    name: str
    version: str
    entry_points: Mapping[str, Mapping[str, str]]


def project_of(manifest: Manifest) -> Project | None:
    """What the manifests say of it; ``None`` where they give it no name. Entry points that are none are left out."""
    from packaging.utils import canonicalize_name
    from packaging.version import InvalidVersion, Version

    if not _NAME.fullmatch(manifest.name):
        return None
    try:
        version = str(Version(manifest.version))
    except InvalidVersion:
        version = _UNKNOWN
    points = {
        group: {name: place for name, place in found.items() if _PLACE.fullmatch(place) and _KEY.fullmatch(name)}
        for group, found in manifest.entry_points.items()
        if group != OF_TESTS and _KEY.fullmatch(group)
    }
    return Project(
        canonicalize_name(manifest.name), version, {group: found for group, found in points.items() if found}
    )


async def made(project: Project, cache: Path, python: Path) -> tuple[Path, Path]:
    """A folder to import its metadata from, and one with its commands.

    Args:
        python: what its commands are run by.
    """
    said = json.dumps([project.name, project.version, project.entry_points, str(python)], sort_keys=True)
    place = cache / "python" / f"project-{hashlib.sha256(said.encode()).hexdigest()[:32]}"

    async def make(folder: Path) -> None:
        about = folder / "lib" / f"{project.name.replace('-', '_')}-{project.version}.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project.name}\nVersion: {project.version}\n", encoding="utf-8"
        )
        sections = (
            f"[{group}]\n" + "".join(f"{name} = {point}\n" for name, point in sorted(found.items()))
            for group, found in sorted(project.entry_points.items())
        )
        (about / "entry_points.txt").write_text("\n".join(sections), encoding="utf-8")
        (folder / "bin").mkdir()
        for name, point in project.entry_points.get(_COMMANDS, {}).items():
            match = _PLACE.fullmatch(point)
            if match is not None and match["object"] and _COMMAND.fullmatch(name):
                command = folder / "bin" / name
                command.write_text(_command(python, match["module"], match["object"]), encoding="utf-8")
                command.chmod(0o755)

    await made_once(place, make)
    return place / "lib", place / "bin"


def _command(python: Path, module: str, target: str) -> str:
    return f"#!{python}\nimport sys\n\nfrom {module} import {target.partition('.')[0]}\n\nsys.exit({target}())\n"
