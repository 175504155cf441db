"""A task in prose, the real sandbox and language, and a model that says what a test tells it to."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from agent_dispatcher.agents import BaseAgent
from agent_dispatcher.errors import SandboxUnavailable
from agent_dispatcher.models import ArtifactRef, Requirement, Specification, Task
from agent_dispatcher.testing import ScriptedBackend, run_agent
from agent_dispatcher.testing.context import AgentRun
from agent_dispatcher_builtins.languages.python.language import Python
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap

Play = Callable[..., tuple[AgentRun, ScriptedBackend]]


@pytest.fixture(scope="session")
def isolated() -> Bubblewrap:
    """A sandbox that has proved itself; continuous integration fails without one."""
    sandbox = Bubblewrap()
    try:
        asyncio.run(sandbox.probe())
    except SandboxUnavailable as error:
        if os.environ.get("CI") or "does not isolate" in str(error):
            pytest.fail(f"the sandbox must work here: {error}")
        pytest.skip(str(error))
    return sandbox


@pytest.fixture(scope="session")
def slugs() -> Specification:
    """One function, with examples and an edge case."""
    requirement = Requirement(
        id="FR-1",
        text='A title becomes a slug: words in lower case, joined by single hyphens. slugify("Hello World") returns "hello-world".',
        edge_cases=('slugify("") returns "".',),
        source="spec.md:3",
    )
    return Specification(id="slugs", title="Slugs", requirements=(requirement,))


@pytest.fixture(scope="session")
def code_task() -> Task:
    """The function, in its module."""
    return Task(
        id="slugify",
        title="Write slugify",
        requirements=("FR-1",),
        produces=(
            ArtifactRef(type="path", name="src/slugs/text.py"),
            ArtifactRef(type="symbol", name="slugs.text:slugify"),
        ),
    )


@pytest.fixture
def play(isolated: Bubblewrap, slugs: Specification) -> Play:
    """Run an agent on a task with replies of a model; gives what came of it, and the model with what it was asked."""

    def run(
        agent: BaseAgent, task: Task, replies: Sequence[Any], files: Mapping[str, str] | None = None, **more: Any
    ) -> tuple[AgentRun, ScriptedBackend]:
        llm = ScriptedBackend(replies)
        done = run_agent(
            agent,
            task,
            files,
            **{"specification": slugs, "sandbox": isolated, "language": Python(), "llm": llm, **more},
        )
        return done, llm

    return run
