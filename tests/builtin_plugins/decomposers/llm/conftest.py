"""A small specification, and a model that replies as it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from agent_dispatcher.extension import Declined, Decomposition, PlanningContext
from agent_dispatcher.models import TASK_TYPES, Requirement, Specification
from agent_dispatcher.testing import ScriptedBackend
from agent_dispatcher_builtins.decomposers.llm.decomposer import LlmDecomposer
from agent_dispatcher_builtins.decomposers.llm.options import LlmDecomposerOptions

Decompose = Callable[..., tuple[Decomposition | Declined, ScriptedBackend]]


def proposed(key: str, *serves: str, **values: Any) -> dict[str, Any]:
    """A task as a model writes it."""
    return {
        "key": key,
        "title": f"Build {key}",
        "description": f"There is {key}.",
        "type": "code_writing",
        "component": "shop",
        "requirements": list(serves),
        "produces": [],
        "consumes": [],
        "depends_on": [],
        "verifies": [],
        "complexity": 2,
        **values,
    }


@pytest.fixture
def task() -> Callable[..., dict[str, Any]]:
    """A function that writes a task: ``task(key, *requirements, **fields)``."""
    return proposed


@pytest.fixture
def says() -> Callable[..., str]:
    """A function that makes a reply of tasks."""

    def write(*tasks: dict[str, Any]) -> str:
        return json.dumps({"tasks": tasks})

    return write


@pytest.fixture
def shop() -> Specification:
    """Two requirements."""
    return Specification(
        id="shop",
        title="Shop",
        requirements=(
            Requirement(id="R1", text="A visitor puts books into a cart.", priority="high", source="spec.md:3"),
            Requirement(id="R2", text="A visitor pays what is in the cart by card.", source="spec.md:4"),
        ),
    )


@pytest.fixture
def decompose(shop: Specification) -> Decompose:
    """A function from replies to what the decomposer makes of them, and the backend that was asked."""

    def work(
        *replies: Any, specification: Specification = shop, types: tuple[str, ...] = TASK_TYPES, **options: Any
    ) -> tuple[Decomposition | Declined, ScriptedBackend]:
        backend = ScriptedBackend(replies)
        decomposer = LlmDecomposer(LlmDecomposerOptions(**options), types)
        context = PlanningContext(specification=specification, llm=backend)
        return asyncio.run(decomposer.decompose(specification, context)), backend

    return work
