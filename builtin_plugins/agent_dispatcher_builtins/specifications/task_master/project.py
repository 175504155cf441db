"""Where a Task Master project keeps its things: found by names and a bounded look, never by parsing."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from agent_dispatcher.errors import DispatcherError
from agent_dispatcher.safe_load import Located, load_json, read_text

__all__ = ["Project", "find_project", "sureness"]

#: Where ``tasks.json`` may lie below a project's folder, the newest habit first.
_TASKS = (".taskmaster/tasks/tasks.json", "tasks/tasks.json", "tasks.json")
_REQUIREMENTS = (
    *(f".taskmaster/docs/{name}" for name in ("prd.txt", "prd.md", "PRD.txt", "PRD.md")),
    *(f"{folder}prd.{suffix}" for folder in ("scripts/", "docs/", "") for suffix in ("txt", "md")),
)
_LOOK = 65_536
_KEYS = (b'"title"', b'"dependencies"', b'"subtasks"', b'"testStrategy"')


@frozen(kw_only=True)
class Project:
    """The files of one project.

    Attributes:
        tasks: ``tasks.json``.
        shown: how messages call it.
        root: the folder everything else is looked for in.
        home: the folder that the caller named, or that of the file.
    """

    tasks: Path
    shown: str
    root: Path
    home: Path

    @property
    def prd(self) -> Path | None:
        """The document the tasks were made from, if it is where Task Master puts it."""
        beside = [self.tasks.parent / f"prd.{suffix}" for suffix in ("txt", "md")]
        found = (path for path in (*(self.root / name for name in _REQUIREMENTS), *beside) if path.is_file())
        return next(found, None)

    def current_tag(self) -> tuple[str, str]:
        """(tag, why) that Task Master itself would work on; ``("", "")`` when nothing says so."""
        home = self.root / ".taskmaster"
        for file, keys in ((home / "state.json", ("currentTag",)), (home / "config.json", ("global", "defaultTag"))):
            tag = _text_at(file, keys)
            if tag:
                return tag, f"{'.'.join(keys)} of .taskmaster/{file.name}"
        return "", ""


def find_project(source: Path) -> Project | None:
    """The project at a file, or in a folder (a ``.taskmaster`` folder or one inside it too); ``None`` when there is none."""
    if not source.is_dir():
        return Project(tasks=source, shown=source.name, root=_root_of(source), home=source.parent)
    for name in _TASKS:
        file = source / name
        if file.is_file() and sureness(file) > 0:
            return Project(tasks=file, shown=name, root=_root_of(file), home=source)
    return None


def sureness(file: Path) -> float:
    """2 for a file where Task Master puts it, 1.5 for one that looks like it by name and beginning, less for less, else 0."""
    if file.suffix.lower() != ".json" or not file.is_file():
        return 0.0
    try:
        with file.open("rb") as opened:
            head = opened.read(_LOOK)
    except OSError:
        return 0.0
    named = file.name.lower() == "tasks.json"
    if b'"agent-dispatcher/' in head or (not named and b'"tasks"' not in head):
        return 0.0
    if file.absolute().parts[-3:-1] == (".taskmaster", "tasks"):
        return 2.0
    keys = sum(key in head for key in _KEYS)
    if b'"tasks"' in head and keys >= 2:
        return 1.5 if named else 1.0
    if not named:
        return 0.0
    return 0.5 if b'"label"' not in head and b'"command"' not in head else 0.0


def _root_of(file: Path) -> Path:
    """The project's folder, from the place of ``tasks.json`` in it."""
    folder = file.absolute().parent
    if folder.name == "tasks":
        folder = folder.parent
    return folder.parent if folder.name == ".taskmaster" else folder


def _text_at(file: Path, keys: tuple[str, ...]) -> str:
    """A text in a small JSON file; a file that cannot be read says nothing, as it only expresses a preference."""
    if not file.is_file():
        return ""
    try:
        node: Located | None = load_json(read_text(file, max_bytes=_LOOK), file.name)
    except DispatcherError:
        return ""
    for key in keys:
        node = node.value.get(key) if node is not None and isinstance(node.value, dict) else None
    return node.value if node is not None and isinstance(node.value, str) else ""
