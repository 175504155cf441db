"""Which documents are known, and that every other format knows its own better."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.config import Config
from agent_dispatcher.errors import SpecificationError
from agent_dispatcher.extension.registry import Registry
from agent_dispatcher.models import Specification
from agent_dispatcher_builtins import default_plugins
from agent_dispatcher_builtins.specifications.markdown.reader import MarkdownFormat

Read = Callable[[str], Specification]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("# A\n", 0.3), ("- [ ] a\n", 0.3), ("1. a\n", 0.3), ("It must.", 0.3), ("words", 0.1), ("", 0.0), ("\n \n", 0.0)],
)
def test_likeness_of_a_file(tmp_path: Path, text: str, expected: float) -> None:
    """A heading, a list or a *must* make a document that asks for something."""
    (tmp_path / "x.md").write_text(text)
    (tmp_path / "x.txt").write_text(text)
    assert MarkdownFormat().matches(tmp_path / "x.md") == expected
    assert MarkdownFormat().matches(tmp_path / "x.txt") == 0.0


def test_a_folder_with_one_document(tmp_path: Path) -> None:
    """The only one, or the only one that is called like a specification; a README is about something else."""
    for name in ("README.md", "CHANGELOG.md"):
        (tmp_path / name).write_text("# A\n- [ ] no\n")
    assert MarkdownFormat().matches(tmp_path) == 0.0
    with pytest.raises(SpecificationError, match="there is not exactly one document that is meant"):
        MarkdownFormat().load(tmp_path)
    (tmp_path / "PRD.md").write_text("# B\n- [ ] yes\n")
    (tmp_path / "notes.md").write_text("# C\n- [ ] no\n")
    assert MarkdownFormat().matches(tmp_path) == 0.2
    assert [task.title for task in MarkdownFormat().load(tmp_path).tasks] == ["yes"]
    (tmp_path / "todo.md").write_text("# D\n")
    assert MarkdownFormat().matches(tmp_path) == 0.0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("spec.md", "# Feature Specification: A\n\n- **FR-001**: It must.\n"),
        ("tasks.md", "# Tasks: A\n\n## Phase 1: Setup\n- [ ] T001 Do `a.py`\n"),
        ("plan.md", "# Implementation Plan: A\n\n## Technical Context\n"),
        ("specs.md", "---\nformat: agent-dispatcher/specification\ntitle: A\n---\n"),
        ("kitty-specs/001-a/spec.md", "# Specification: A\n\nIt must.\n"),
        ("kitty-specs/001-a/tasks/WP01-a.md", "---\nwork_package_id: WP01\n---\n"),
        (".kiro/specs/a/tasks.md", "# Implementation Plan\n\n- [ ] 1. Do it\n  - _Requirements: 1.1_\n"),
        (".kiro/specs/a/requirements.md", "# Requirements Document\n\n## Requirements\n\n### Requirement 1\n"),
        ("openspec/changes/a/tasks.md", "## 1. Group\n- [ ] 1.1 Do it\n"),
        ("openspec/changes/a/proposal.md", "## Why\n\n## What Changes\n"),
    ],
)
def test_other_formats_know_their_own_better(tmp_path: Path, name: str, text: str) -> None:
    """Of every active format this one is the least sure of a document that another one knows."""
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    registry = Registry(Config(), default_plugins(), discover=False)
    components = registry.scope(tmp_path)
    sure = {
        name: components.get("specification_format", name).matches(file)
        for name in registry.active("specification_format")
    }
    own = sure.pop("markdown")
    assert 0 < own < max(sure.values())


def test_any_other_tasks_md_is_read(tmp_path: Path) -> None:
    """A document that is only called like one of spec-kit's is no error of spec-kit's."""
    (tmp_path / "tasks.md").write_text("# Garden\n\n- [ ] dig\n- [ ] sow\n")
    for source in (tmp_path, tmp_path / "tasks.md"):
        plan = AgentDispatcher({}, plugins=default_plugins(), discover=False).plan(source)
        assert (plan.specification.format, len(plan.tasks)) == ("markdown", 2)


@pytest.mark.parametrize("text", ["# A\n", "# A\n\nWords.\n", "```\n- [ ] x\n```\n", "---\ntitle: x\n---\n"])
def test_a_document_that_asks_for_nothing(read: Read, text: str) -> None:
    """The error says how to write a task."""
    with pytest.raises(SpecificationError, match=r"garden\.md:1: the document asks for nothing .*\[ \]"):
        read(text)
