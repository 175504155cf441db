"""The plugins that come with Agent Dispatcher. Each registers through the same entry points as a stranger's package."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agents.code_writer.agent import CodeWriterAgent
    from .agents.researcher.agent import ResearcherAgent
    from .agents.tester.agent import TesterAgent

__all__ = ["CodeWriterAgent", "ResearcherAgent", "TesterAgent", "default_plugins"]

_AGENTS = {
    "CodeWriterAgent": "code_writer",
    "ResearcherAgent": "researcher",
    "TesterAgent": "tester",
}


def __getattr__(name: str) -> Any:
    """The three default agents, imported when they are first named."""
    if name not in _AGENTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".agents.{_AGENTS[name]}.agent", __name__), name)


def default_plugins() -> tuple[tuple[str, object], ...]:
    """Name and plugin object of each builtin, as the entry points have them.

    For programs that carry no entry points (frozen ones), and for embedding with a chosen set::

        AgentDispatcher(plugins=default_plugins(), discover=False)

    The imports are written out so that tools that pack a program see them; none of them is heavy.
    """
    from .agents.code_writer import hooks as code_writer
    from .agents.coding import hooks as coding
    from .agents.researcher import hooks as researcher
    from .agents.tester import hooks as tester
    from .checks import hooks as checks
    from .decomposers import hooks as decomposers
    from .dependency_rules import hooks as dependency_rules
    from .executors import hooks as executors
    from .languages import hooks as languages
    from .llm_backends import hooks as llm_backends
    from .message_buses import hooks as message_buses
    from .prompting import hooks as prompting
    from .reporters import hooks as reporters
    from .sandboxes import hooks as sandboxes
    from .specifications import hooks as specifications
    from .stores import hooks as stores
    from .workspaces import hooks as workspaces

    return (
        ("native", specifications.native),
        ("spec-kit", specifications.spec_kit),
        ("task-master", specifications.task_master),
        ("finalized", specifications.finalized),
        ("beads", specifications.beads),
        ("spec-kitty", specifications.spec_kitty),
        ("markdown", specifications.markdown),
        ("kiro", specifications.kiro),
        ("openspec", specifications.openspec),
        ("listed", decomposers.listed),
        ("llm-decomposer", decomposers.llm),
        ("pattern", decomposers.pattern),
        ("declared", dependency_rules.declared),
        ("phases", dependency_rules.phases),
        ("artifacts", dependency_rules.artifacts),
        ("resources", dependency_rules.resources),
        ("references", dependency_rules.references),
        ("data", dependency_rules.data),
        ("logical", dependency_rules.logical),
        ("suggested", dependency_rules.suggested),
        ("llm-rule", dependency_rules.llm),
        ("code-writer", code_writer.code_writer),
        ("acp-agent", coding.acp),
        ("command-line-agent", coding.command_line),
        ("researcher", researcher.researcher),
        ("tester", tester.tester),
        ("sql-store", stores.sql),
        ("local-executor", executors.local),
        ("git-workspace", workspaces.git),
        ("no-workspace", workspaces.none),
        ("bubblewrap", sandboxes.bubblewrap),
        ("reduced-sandbox", sandboxes.reduced),
        ("no-sandbox", sandboxes.none),
        ("citations-check", checks.citations_check),
        ("compile-check", checks.compile_check),
        ("contract-check", checks.contract_check),
        ("doneness-check", checks.doneness_check),
        ("examples-check", checks.examples_check),
        ("pytest-check", checks.pytest_check),
        ("quality-check", checks.quality_check),
        ("red-first-check", checks.red_first_check),
        ("security-check", checks.security_check),
        ("timing-check", checks.timing_check),
        ("python", languages.python),
        ("javascript", languages.javascript),
        ("scripted-llm", llm_backends.scripted),
        ("recorded-llm", llm_backends.recorded),
        ("anthropic-llm", llm_backends.anthropic),
        ("openai-llm", llm_backends.openai),
        ("local-llm", llm_backends.local),
        ("prompts", prompting.prompts),
        ("local-bus", message_buses.local),
        ("markdown-report", reporters.markdown),
        ("json-report", reporters.json),
        ("html-report", reporters.html),
    )
