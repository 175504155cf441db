"""Code writer and tester share the specification and the interface, and nothing else."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import agent_dispatcher_builtins

AGENTS = Path(agent_dispatcher_builtins.__file__).parent / "agents"
SHARED = ("agent_dispatcher_builtins.languages.python.interface", "agent_dispatcher_builtins.languages.python.layout")


def imports(package: str) -> Iterator[tuple[str, str]]:
    """File and dotted name of every import of builtins below ``agents/<package>``, relative ones made absolute."""
    for file in sorted((AGENTS / package).rglob("*.py")):
        parts = ("agent_dispatcher_builtins", *file.relative_to(AGENTS.parent).parts[:-1])
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                base = parts[: len(parts) - node.level + 1] if node.level else ()
                module = ".".join([*base, *([node.module] if node.module else [])])
                for alias in node.names:
                    yield file.name, f"{module}.{alias.name}"
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    yield file.name, alias.name


@pytest.mark.parametrize(("package", "other"), [("tester", "code_writer"), ("code_writer", "tester")])
def test_neither_imports_the_other(package: str, other: str) -> None:
    """What one says about the other's work is worth something because it never saw how it is done."""
    found = list(imports(package))
    assert len(found) > 50
    assert [entry for entry in found if f".agents.{other}" in entry[1]] == []


@pytest.mark.parametrize("package", ["tester", "code_writer"])
def test_of_the_builtins_they_use_the_interface_only(package: str) -> None:
    """Beside their own modules: the interface, the layout, the reading of results, and what all agents that ask a model share."""
    own = f"agent_dispatcher_builtins.agents.{package}"
    foreign = {
        name
        for _, name in imports(package)
        if name.startswith("agent_dispatcher_builtins.") and not f"{name}.".startswith(f"{own}.")
    }
    home = "agent_dispatcher_builtins"
    asking = tuple(f"{home}.{name}" for name in ("prompting", "agents.by_model", "doneness", "checks.citing"))
    allowed = (*SHARED, *asking, f"{home}.checks.junit")
    assert {name for name in foreign if not name.startswith(allowed)} == set()


@pytest.mark.parametrize(
    ("module", "other"),
    [
        ("agent_dispatcher_builtins.agents.tester.generation", "agent_dispatcher_builtins.agents.code_writer"),
        ("agent_dispatcher_builtins.agents.code_writer.generator", "agent_dispatcher_builtins.agents.tester"),
    ],
)
def test_importing_one_loads_nothing_of_the_other(module: str, other: str) -> None:
    """Not by way of a third module either."""
    code = f"import sys, {module}; print([name for name in sys.modules if name.startswith({other!r})])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_the_hook_loads_nothing_of_the_work() -> None:
    """Offering the agent type is cheap: no interpreter, no generator, no Hypothesis."""
    code = (
        "import sys, agent_dispatcher_builtins.agents.tester.hooks\n"
        "print([n for n in sys.modules if n.startswith('agent_dispatcher_builtins.agents.tester.') "
        "and n.rsplit('.', 1)[1] not in ('hooks', 'acceptance')] + [n for n in sys.modules if n == 'hypothesis'])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
