"""The rooms: imports run one way, the core knows no builtin, and nothing heavy is imported early."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import agent_dispatcher
import agent_dispatcher_builtins

CORE = Path(agent_dispatcher.__file__).parent

#: Each room may import itself and the rooms of earlier rows.
ROOMS = (
    ("collecting", "errors", "failpoints", "making"),
    ("models",),
    ("safe_load", "codec"),
    ("behaviour", "config"),
    ("extension",),
    ("provenance",),
    ("llm",),
    ("agents", "forbidden_acts", "planning", "workspace"),
    ("reporting",),
    ("coordination",),
    ("runs",),
    ("dispatcher",),
    ("testing", "cli"),
)
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}

#: Names of builtin components that are no ordinary words of the core's own vocabulary.
BUILTIN_NAMES = {
    "code-writer", "tester", "bubblewrap", "sql", "git", "listed", "pytest", "markdown",
}  # fmt: skip


def modules() -> Iterator[tuple[str, Path, ast.Module]]:
    for path in sorted(CORE.rglob("*.py")):
        relative = path.relative_to(CORE)
        if relative.as_posix() in ("__init__.py", "__main__.py"):
            continue
        yield relative.parts[0].removesuffix(".py"), path, ast.parse(path.read_text(encoding="utf-8"))


def imported_rooms(path: Path, tree: ast.Module) -> Iterator[tuple[str, int]]:
    """(room, line) of every import of the core's own modules that happens at run time."""
    package = ["agent_dispatcher", *path.relative_to(CORE).parts[:-1]]
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            names = [*base, *(node.module.split(".") if node.module else [])]
            if names[:1] == ["agent_dispatcher"]:
                if len(names) > 1:
                    yield names[1], node.lineno
                else:
                    yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                names = alias.name.split(".")
                if names[0] == "agent_dispatcher" and len(names) > 1:
                    yield names[1], node.lineno


def test_every_room_is_in_the_order() -> None:
    """A new room has to take its place in the order of imports."""
    assert {room for room, _, _ in modules()} == set(LEVEL)


def test_imports_run_one_way() -> None:
    """No module imports, even inside a function, from a room that comes after its own."""
    wrong = [
        f"{path.relative_to(CORE)}:{line} imports {other}"
        for room, path, tree in modules()
        for other, line in imported_rooms(path, tree)
        if other in LEVEL and LEVEL[other] > LEVEL[room]
    ]
    assert wrong == []


def test_the_core_knows_no_builtin() -> None:
    """Neither the package of the builtins nor the name of one of their components stands in the core."""
    found = []
    for _, path, tree in modules():
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                if node.value in BUILTIN_NAMES or "agent_dispatcher_builtins" in node.value:
                    found.append(f"{path.relative_to(CORE)}:{node.lineno} {node.value!r}")
            elif isinstance(node, ast.ImportFrom | ast.Import) and "agent_dispatcher_builtins" in ast.unparse(node):
                found.append(f"{path.relative_to(CORE)}:{node.lineno}")
    assert found == []


HEAVY = ("sqlalchemy", "sqlmodel", "networkx", "jinja2", "rich", "pydantic", "yaml", "markdown_it", "cattrs", "asyncio")


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["plugins", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    """Asking for help costs no library that only work needs."""
    allowed = {"asyncio"} if arguments[0] == "run" else set()
    code = (
        "import sys\n"
        "from agent_dispatcher.cli import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit: pass\n"
        f"print('LOADED', sorted(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = ast.literal_eval(done.stdout.rpartition("LOADED ")[2])
    assert set(loaded) - allowed == set()


def test_public_names_are_sorted_and_there() -> None:
    """``from agent_dispatcher import *`` gives every documented name, and the list is easy to read."""
    assert agent_dispatcher.__all__ == sorted(agent_dispatcher.__all__)
    missing = [name for name in agent_dispatcher.__all__ if getattr(agent_dispatcher, name, None) is None]
    assert missing == []


def test_no_group_is_repeated_possessively() -> None:
    """Python before 3.11.5 may miss what such a pattern matches (its issue 106052); an atomic group around a plain repetition says the same everywhere."""
    parser: Any = importlib.import_module("re._parser")
    found, seen = [], 0
    for package in (agent_dispatcher, agent_dispatcher_builtins):
        for path in sorted(Path(str(package.__file__)).parent.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
                if not re.search(r"[*+?}]\+", text):
                    continue
                try:
                    repeated = list(_possessive(parser.parse(text), parser))
                except re.error:
                    continue
                seen += len(repeated)
                if any(len(body) > 1 or body.getwidth() != (1, 1) for body in repeated):
                    found.append(f"{path.name}:{node.lineno}")
    assert found == []
    assert seen > 50


def _possessive(parsed: Any, parser: Any) -> Iterator[Any]:
    """What is repeated possessively, wherever it stands in a pattern."""
    for kind, value in parsed:
        for part in value if isinstance(value, tuple) else (value,):
            for each in part if isinstance(part, list) else (part,):
                if isinstance(each, parser.SubPattern):
                    if str(kind) == "POSSESSIVE_REPEAT":
                        yield each
                    yield from _possessive(each, parser)
