"""From a behaviour and a path to the text of a test module."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from agent_dispatcher.models import Behaviour, Example

from ...languages.python.interface import entity_slug, operation_group
from .acceptance import REFERENCE_MODEL, STATE_MACHINE, writable_paths
from .modules.cli import cli_module
from .modules.model import model_module
from .modules.operations import operations_module
from .modules.state_machine import reference_model, state_machine_module
from .modules.storage import storage_module
from .search import TRIES
from .subject import Subject

__all__ = ["concerned", "generate", "writable_paths"]


def generate(behaviour: Behaviour, paths: tuple[str, ...] | None = None, *, tries: int = TRIES) -> dict[str, str]:
    """The text of test files by path; the same text for the same behaviour.

    Args:
        behaviour: what the package is to do.
        tries: how many situations to play at most for each operation and entity.
        paths: some of :func:`writable_paths`, all when ``None``. The state machine brings the reference model it imports.

    Raises:
        KeyError: a path that cannot be derived.
    """
    writers = _writers(Subject(behaviour, tries=tries))
    wanted = dict.fromkeys(writable_paths(behaviour) if paths is None else paths)
    if STATE_MACHINE in wanted:
        wanted.setdefault(REFERENCE_MODEL)
    return {path: writers[path]() for path in wanted}


def concerned(behaviour: Behaviour, paths: tuple[str, ...]) -> tuple[Example, ...]:
    """The examples that tests in ``paths`` are made from."""
    names = {
        operation.name
        for operation in behaviour.operations
        if f"tests/test_operations_{operation_group(behaviour, operation)}.py" in paths
    }
    return tuple(example for example in behaviour.examples if example.operation in names)


def _writers(subject: Subject) -> dict[str, Callable[[], str]]:
    """How each file is written."""
    return {
        **{
            f"tests/test_model_{entity_slug(entity.name)}.py": partial(model_module, subject, entity)
            for entity in subject.behaviour.entities
        },
        **{
            f"tests/test_operations_{group}.py": partial(operations_module, subject, group, operations)
            for group, operations in subject.groups().items()
        },
        "tests/test_storage.py": partial(storage_module, subject),
        REFERENCE_MODEL: partial(reference_model, subject),
        STATE_MACHINE: partial(state_machine_module, subject),
        "tests/test_cli.py": partial(cli_module, subject),
    }
