"""A real model of 1.5 billion parameters plans two small specifications: what it said is recorded, and the plans made of that hold.

The recordings hold the questions word for word, so they answer only the prompts they were made with. After a change of a prompt, of the schema or of a sample, record again::

    RECORD=1 nox -s local_model -- tests/builtin_plugins/decomposers/llm/test_real_model.py

On a busy machine ``LOCAL_MODEL_THREADS=1`` is several times as fast: threads that share too few cores wait for each other.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.models import ExecutionPlan
from agent_dispatcher_builtins import default_plugins

HERE = Path(__file__).parent
SAMPLES = sorted(path.name for path in (HERE / "samples").iterdir())
RECORDED = sorted(path.stem for path in (HERE / "recordings").glob("*.jsonl"))
MODEL = os.environ.get("LOCAL_MODEL", "")


def plan(sample: str, recording: Path, mode: str) -> ExecutionPlan:
    """The plan of a sample, with decomposer and rule asking the model."""
    options: dict[str, Any] = {
        "llm:recorded": {"file": str(recording), "backend": "local" if mode != "replay" else "", "mode": mode},
        "decomposer:llm": {"max_output_tokens": 1800},
        "dependency_rule:llm": {"max_output_tokens": 600},
    }
    if MODEL:
        options["llm:local"] = {
            "model": MODEL,
            "threads": int(os.environ.get("LOCAL_MODEL_THREADS", "0")),
            "total_s": 7200.0,
            "first_byte_s": 3600.0,
            "idle_s": 600.0,
        }
    config = {"use": {"llm": "recorded", "dependency_rules": ["...", "llm"]}, "options": options}
    return AgentDispatcher(config, plugins=default_plugins(), discover=False).plan(HERE / "samples" / sample)


def holds(made: ExecutionPlan) -> None:
    """The tasks are the model's, every requirement is served or warned about, nothing goes in circles, and tokens are reported."""
    assert not [text for text in made.warnings if "failed" in text]
    uses = {each.purpose: each for each in made.planning_usage}
    assert set(uses) == {"decompose", "dependencies"}
    assert all(each.input_tokens > 100 and each.output_tokens > 10 for each in uses.values())
    assert not any(each.estimated or each.failed for each in uses.values())
    offline = AgentDispatcher({}, plugins=default_plugins(), discover=False).plan(made.specification)
    assert {task.id for task in made.tasks}.isdisjoint(task.id for task in offline.tasks)
    served = {name for task in made.tasks for name in task.requirements}
    for requirement in made.specification.requirements:
        assert requirement.id in served or any(repr(requirement.id) in text for text in made.warnings)
    assert sorted(name for phase in made.phases for name in phase) == sorted(task.id for task in made.tasks)
    phase_of = {name: number for number, phase in enumerate(made.phases) for name in phase}
    assert all(phase_of[before] < phase_of[after] for before, after in made.binding_edges())
    assert all(task.depends_on == () for task in made.tasks)


@pytest.mark.parametrize("sample", RECORDED)
def test_what_a_real_model_said_becomes_a_plan(sample: str) -> None:
    """Played back, without model, key or network; the same plan each time."""
    recording = HERE / "recordings" / f"{sample}.jsonl"
    made = plan(sample, recording, "replay")
    holds(made)
    assert plan(sample, recording, "replay") == made


@pytest.mark.local_model
@pytest.mark.skipif(not MODEL, reason="needs a model file in LOCAL_MODEL: nox -s local_model brings one")
@pytest.mark.parametrize("sample", SAMPLES)
def test_a_real_model_makes_a_plan(sample: str, tmp_path: Path) -> None:
    """Asked afresh; with RECORD set what it says replaces the recording."""
    recording = tmp_path / f"{sample}.jsonl"
    holds(plan(sample, recording, "record"))
    if os.environ.get("RECORD"):
        (HERE / "recordings").mkdir(exist_ok=True)
        (HERE / "recordings" / recording.name).write_bytes(recording.read_bytes())
