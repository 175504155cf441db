"""Every builtin rule and decomposer passes the suite that authors of rules and decomposers use."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from agent_dispatcher.extension.components import Decomposer, DependencyRule, Language
from agent_dispatcher.models import (
    ArtifactRef,
    DeclaredDependency,
    PhaseOrder,
    Requirement,
    Specification,
    Task,
    TaskPhase,
)
from agent_dispatcher.testing import DecomposerContract, DependencyRuleContract
from agent_dispatcher_builtins.decomposers.listed import ListedDecomposer
from agent_dispatcher_builtins.decomposers.pattern import PatternDecomposer
from agent_dispatcher_builtins.dependency_rules.artifacts import ArtifactsRule
from agent_dispatcher_builtins.dependency_rules.declared import DeclaredRule
from agent_dispatcher_builtins.dependency_rules.logical import LogicalRule
from agent_dispatcher_builtins.dependency_rules.phases import PhasesRule
from agent_dispatcher_builtins.dependency_rules.resources import ResourcesRule
from agent_dispatcher_builtins.languages.python.language import Python


def _path(name: str) -> ArtifactRef:
    return ArtifactRef(type="path", name=name)


TASKS = (
    Task(id="setup", title="Set up the project", group="Setup", produces=(_path("pyproject.toml"),)),
    Task(id="model", title="Write the model", produces=(_path("src/a.py"),), consumes=(_path("pyproject.toml"),)),
    Task(
        id="api",
        title="Write the API",
        consumes=(_path("src/a.py"),),
        produces=(_path("src/b.py"), _path("src/shared.py")),
        depends_on=(DeclaredDependency(task="model", source="t.md:3"),),
    ),
    Task(id="ui", title="Write the interface", produces=(_path("src/c.py"), _path("src/shared.py"))),
    Task(id="docs", title="Document everything", type="documentation", consumes=(_path("src/b.py"),)),
)


class RuleSuite(DependencyRuleContract):
    def sample(self) -> tuple[Sequence[Task], Specification]:
        return TASKS, Specification(id="s", title="s", tasks=TASKS)


class TestDeclaredRule(RuleSuite):
    def make_rule(self) -> DependencyRule:
        return DeclaredRule()

    def expected(self) -> frozenset[tuple[str, str]]:
        return frozenset({("model", "api")})


class TestArtifactsRule(RuleSuite):
    def make_rule(self) -> DependencyRule:
        return ArtifactsRule()


class TestLogicalRule(DependencyRuleContract):
    def make_rule(self) -> DependencyRule:
        return LogicalRule()

    def sample(self) -> tuple[Sequence[Task], Specification]:
        tasks = (
            Task(id="api", title="Write the API", requirements=("R1",)),
            Task(id="setup", title="Set up the project"),
            Task(id="docs", title="Document the API", type="documentation", requirements=("R1",)),
        )
        return tasks, Specification(id="s", title="s", tasks=tasks)


class TestResourcesRule(RuleSuite):
    def make_rule(self) -> DependencyRule:
        return ResourcesRule()


class TestPhasesRule(DependencyRuleContract):
    def make_rule(self) -> DependencyRule:
        return PhasesRule()

    def sample(self) -> tuple[Sequence[Task], Specification]:
        phases = (
            TaskPhase(name="Setup", tasks=("setup",)),
            TaskPhase(
                name="Work", tasks=("model", "api"), after=(PhaseOrder(phase="Setup", why="set-up comes first"),)
            ),
        )
        return TASKS[:3], Specification(id="s", title="s", tasks=TASKS[:3], phases=phases)


class TestListedDecomposer(DecomposerContract):
    def make_decomposer(self) -> Decomposer:
        return ListedDecomposer()

    def specification(self) -> Specification:
        requirement = Requirement(id="R1", text="It works")
        tasks = (Task(id="a", title="A", requirements=("R1",)), Task(id="b", title="B", verifies=("a",)))
        return Specification(id="s", title="s", requirements=(requirement,), tasks=tasks)


class TestPatternDecomposer(DecomposerContract):
    read: Specification

    @pytest.fixture(autouse=True)
    def _read(self, shelf: Specification) -> None:
        type(self).read = shelf

    def specification(self) -> Specification:
        return self.read

    def language(self) -> Language | None:
        return Python()

    def make_decomposer(self) -> Decomposer:
        return PatternDecomposer()
