"""The builtins for programs without entry points are those of the entry points."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

from agent_dispatcher.config import Config
from agent_dispatcher.extension.registry import Registry
from agent_dispatcher_builtins import default_plugins


def test_they_are_the_entry_points() -> None:
    """Each builtin entry point of the distribution has its pair, the same object under the same name, and no other is there."""
    installed = {
        entry.name: entry.load()
        for entry in entry_points(group="agent_dispatcher.plugins")
        if entry.dist is not None and entry.dist.name == "agent-dispatcher"
    }
    assert dict(default_plugins()) == installed
    assert len(default_plugins()) == len(installed)


def test_they_are_well() -> None:
    """All of them load strictly, each offer is accepted, and the default configuration fits them."""
    registry = Registry(Config(), default_plugins(), discover=False)
    assert registry.problems() == ()
    assert {each.status for each in registry.plugins()} == {"loaded"}
    assert registry.warnings == []


def test_offering_is_light() -> None:
    """Loading every builtin and asking for every offer imports none of the heavy libraries."""
    code = (
        "import sys\nfrom agent_dispatcher.config import Config\nfrom agent_dispatcher.extension.registry import Registry\n"
        "from agent_dispatcher_builtins import default_plugins\n"
        "Registry(Config(), default_plugins(), discover=False).problems()\n"
        "print([name for name in ('sqlmodel', 'sqlalchemy', 'networkx', 'jinja2', 'rich', 'yaml', 'markdown_it') if name in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert output.stdout.strip() == "[]"


def test_the_default_agents_are_public() -> None:
    """The three agents of the architecture can be imported by name, to be subclassed or wrapped."""
    from agent_dispatcher import BaseAgent, SyncAgent
    from agent_dispatcher_builtins import CodeWriterAgent, ResearcherAgent, TesterAgent

    assert all(issubclass(each, (BaseAgent, SyncAgent)) for each in (CodeWriterAgent, ResearcherAgent, TesterAgent))
