"""Which tasks the researcher takes: those that name something it can look up, decided from the specification alone."""

from __future__ import annotations

import re
from functools import lru_cache

from agent_dispatcher.extension import Available
from agent_dispatcher.models import Specification, Task

from .installed import installed_name
from .reading import Document, specification_documents
from .subjects import in_general, means_of, subjects_of

__all__ = ["accepts", "note_path"]

_FOLDER = "docs/research"


def accepts(task: Task, available: Available) -> str | None:
    """Why it does not take a task; ``None`` when it does: any question where there is a model, else what names something to look up.

    The specification's documents are read, once per version of it.
    """
    if note_path(task) is None:
        return "it writes one Markdown note, and this task promises other files"
    if available.llm is not None:
        return None
    specification = available.specification
    documents = _documents(specification.path, specification.documents, specification.digest)
    means = means_of(documents, specification)
    subjects = subjects_of(
        task, specification, documents, means=means, installed=lambda name: installed_name(name) is not None
    )
    if subjects.known or in_general(task, means).known:
        return None
    named = f" ({', '.join(subjects.unknown[:5])} stands nowhere else)" if subjects.unknown else ""
    return (
        "without a model it only looks up technologies, and this task names none that the specification's "
        f"documents or an installed package tell of{named}"
    )


def note_path(task: Task) -> str | None:
    """Where the note goes: the path the task promises, or one made from its id; ``None`` when it promises something else."""
    paths = [ref.name for ref in task.produces if ref.type == "path"]
    if not paths:
        return f"{_FOLDER}/{re.sub(r'[^A-Za-z0-9._-]', '-', task.id).strip('.') or 'note'}.md"
    if len(paths) == 1 and paths[0].lower().endswith(".md"):
        return paths[0]
    return None


@lru_cache(maxsize=4)
def _documents(path: str, documents: tuple[str, ...], digest: str) -> tuple[Document, ...]:
    return specification_documents(Specification(id="s", title="s", path=path, documents=documents, digest=digest))
