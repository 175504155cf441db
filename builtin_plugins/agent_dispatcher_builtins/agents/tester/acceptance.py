"""Which tasks the tester takes. Pure, and quick to import."""

from __future__ import annotations

import re
from pathlib import Path

from attrs import field, frozen
from attrs.validators import and_, ge, gt, le, optional

from agent_dispatcher.extension.components import Available
from agent_dispatcher.models import Behaviour, Specification, Task

from ...languages.python.interface import entity_slug, operation_group
from ...prompting.packaged import usable

__all__ = [
    "REFERENCE_MODEL",
    "STATE_MACHINE",
    "TesterOptions",
    "accepts",
    "follows_from_behaviour",
    "note_path",
    "promised_paths",
    "writable_paths",
]

_REVIEWS = "docs/reviews"
STATE_MACHINE = "tests/test_state_machine.py"
#: What the state machine compares with; belongs to it.
REFERENCE_MODEL = "tests/reference_model.py"


@frozen(kw_only=True)
class TesterOptions:
    """``[options."agent_type:tester"]``.

    Attributes:
        template, review_template: Jinja2 files to use instead of the packaged prompts ``tests.jinja`` and ``review.jinja``; relative to the current folder.
        model, rounds, max_input_tokens, max_output_tokens, timeout_s, test_timeout_s: how it uses a model, see
            :class:`agent_dispatcher_builtins.agents.by_model.options.ModelOptions`.
    """

    __test__ = False

    template: Path | None = field(default=None, validator=usable("tests.jinja"))
    review_template: Path | None = field(default=None, validator=usable("review.jinja"))
    model: str = ""
    rounds: int = field(default=4, validator=and_(ge(1), le(20)))
    max_input_tokens: int = field(default=12_000, validator=ge(1000))
    max_output_tokens: int = field(default=4096, validator=gt(0))
    timeout_s: float | None = field(default=None, validator=optional(gt(0.0)))
    test_timeout_s: float = field(default=60.0, validator=gt(0.0))


def writable_paths(behaviour: Behaviour) -> tuple[str, ...]:
    """The test files that can be derived from the behaviour, in reading order; none where nothing is declared."""
    if not (behaviour.entities or behaviour.operations):
        return ()
    groups = dict.fromkeys(operation_group(behaviour, operation) for operation in behaviour.operations)
    return (
        *(f"tests/test_model_{entity_slug(entity.name)}.py" for entity in behaviour.entities),
        "tests/test_storage.py",
        *(f"tests/test_operations_{group}.py" for group in groups),
        REFERENCE_MODEL,
        STATE_MACHINE,
        "tests/test_cli.py",
    )


def promised_paths(task: Task) -> tuple[str, ...]:
    """The files that a task promises."""
    return tuple(ref.name for ref in task.produces if ref.type == "path")


def follows_from_behaviour(task: Task, specification: Specification) -> bool:
    """Whether all files of the task can be derived, so that no model is needed."""
    promised = promised_paths(task)
    return (
        specification.behaviour is not None
        and bool(promised)
        and set(promised) <= set(writable_paths(specification.behaviour))
    )


def accepts(task: Task, available: Available) -> str | None:
    """Whether every test file the task promises follows from declared behaviour, or a model can write it; else the reason why not.

    A review is always a model's.
    """
    if task.type == "review":
        return _accepts_review(task, available)
    if available.llm is not None and available.language:
        return None
    if available.language not in ("", "python"):
        return f"tests are derived for Python only, and the language here is {available.language}"
    behaviour = available.specification.behaviour
    writable = frozenset(writable_paths(behaviour)) if behaviour is not None else frozenset()
    if not writable:
        return "nothing is declared to derive tests from; declare entities, operations and examples, or use --allow-partial"
    promised = promised_paths(task)
    unknown = [path for path in promised if path not in writable]
    if unknown:
        return f"{', '.join(unknown)} does not follow from the declared entities and operations"
    if not promised:
        return f"task {task.id} names no test files, so there is nothing declared to derive; use --allow-partial"
    return None


def _accepts_review(task: Task, available: Available) -> str | None:
    if available.llm is None:
        return (
            "a review takes judgement, and no model is there to read the work; choose a backend, or use --allow-partial"
        )
    if task.verifies:
        return f"a review reads finished work, and {task.id} verifies it, which is done before it is finished: let it depend on its subjects instead"
    if note_path(task) is None:
        return "a review is one Markdown note, and this task promises other files"
    return None


def note_path(task: Task) -> str | None:
    """Where a review goes: the path the task promises, or one made from its id; ``None`` when it promises something else."""
    paths = promised_paths(task)
    if not paths:
        return f"{_REVIEWS}/{re.sub(r'[^A-Za-z0-9._-]', '-', task.id).strip('.') or 'review'}.md"
    return paths[0] if len(paths) == 1 and paths[0].lower().endswith(".md") else None
