"""The researcher: writes the note of one task, from what is written down already, with a model's answer where there is a model."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.models import Artifact, Task

from ...checks.kept_sources import INDEX
from ...prompting.asking import Unusable
from .acceptance import note_path
from .answer_note import render_answer
from .answering.answerer import Answerer
from .answering.library import Library
from .facts import gather
from .installed import fields, installed_name, metadata_name
from .note import render
from .options import ResearcherOptions
from .reading import Document, read_files, specification_documents
from .repository import Repository
from .subjects import in_general, means_of, own_lines, subjects_of

__all__ = ["ResearcherAgent"]

_READABLE = (
    ".md",
    ".rst",
    ".txt",
    ".toml",
    ".cfg",
    ".json",
    ".yaml",
    ".yml",
    ".py",
    ".js",
    ".ts",
    ".go",
    ".rs",
    ".java",
)
_KEPT_BESIDE = "sources"


class ResearcherAgent(BaseAgent):
    """Answers a question with a model, from sources that were read, each claim with its place; without a model it gathers facts and concludes nothing.

    Without a model the same task on the same files gives the same note.
    """

    commands_write = False

    def __init__(self, options: ResearcherOptions | None = None) -> None:
        self._options = options or ResearcherOptions()
        self._answerer: Answerer | None = None

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        """Write the note; see :meth:`agent_dispatcher.agents.BaseAgent.execute`."""
        path = note_path(task)
        if path is None:
            return AgentResult(
                status="declined", error="it writes one Markdown note, and the task promises other files"
            )
        if context.llm is not None and self._options.answer:
            return await self._answer(task, context, path)
        return await asyncio.to_thread(_gather, task, context, path)

    async def _answer(self, task: Task, context: AgentContext, path: str) -> AgentResult:
        if self._answerer is None:
            self._answerer = Answerer(self._options)
        context.progress(0.1, "reading the repository")
        library = await asyncio.to_thread(_library, task, context)
        stem = path.rpartition("/")[2].rpartition(".")[0]
        folder = "/".join(filter(None, [path.rpartition("/")[0], _KEPT_BESIDE, stem]))
        outcome = await self._answerer.answer(task, context, library, folder)
        if isinstance(outcome, Unusable):
            return AgentResult(status="failed", error=f"the question was not answered: {outcome.reason}")
        for name, text in outcome.kept.items():
            context.workspace.write_text(name, text)
        context.workspace.write_text(path, render_answer(task, outcome))
        answer = outcome.answer
        removed = f", {len(answer.removed)} removed for want of a source" if answer.removed else ""
        notes = [Artifact(name=name, type="note", path=name, task=task.id) for name in (path, *outcome.kept)]
        return AgentResult(
            status="done",
            summary=f"{len(answer.claims)} claims from {len({each.source for each in answer.claims})} sources{removed}, in {path}",
            artifacts=tuple(notes),
        )


def _gather(task: Task, context: AgentContext, path: str) -> AgentResult:
    """Facts alone."""
    specification = context.specification
    documents = specification_documents(specification)
    context.progress(0.2, "reading the repository")
    repository = Repository.read(context.workspace)
    means = means_of(documents, specification)
    subjects = subjects_of(
        task,
        specification,
        documents,
        means=means,
        in_repository=repository.uses,
        installed=lambda name: installed_name(name) is not None,
    )
    names = subjects.known or in_general(task, means).known
    context.progress(0.6, f"looking up {len(names)} names")
    own = own_lines(task, specification)
    findings = [gather(name, documents, repository, own) for name in names]
    claims = sum(len(each.facts) for each in findings)
    if not claims:
        asked = ", ".join(subjects.unknown) or "no technology"
        return AgentResult(
            status="failed",
            permanent=True,
            error=f"nothing could be looked up: the task names {asked}, of which neither the specification, the repository nor an installed package says anything",
        )
    looked_at = (
        f"documents of the specification: {len(documents)}; in the repository manifests: {repository.manifests}, "
        f"build files: {len(repository.build_files)}, Python files: {repository.sources}, readmes: {len(repository.readmes)}"
    )
    context.workspace.write_text(path, render(task, findings, subjects.unknown, looked_at))
    found = sum(1 for each in findings if each.facts)
    return AgentResult(
        status="done",
        summary=f"{claims} facts on {found} of {len(names) + len(subjects.unknown)} names, in {path}",
        artifacts=(Artifact(name=path, type="note", path=path, task=task.id),),
    )


def _library(task: Task, context: AgentContext) -> Library:
    """All that can be read without a network: the specification, the repository, metadata of packages that the task names; no notes of other tasks."""
    documents = specification_documents(context.specification)
    notes = {each.path for each in context.inputs if each.type == "note" and each.path.lower().endswith(".md")}
    names = [
        name
        for name in context.workspace.files()
        if name.lower().endswith(_READABLE) and name not in notes and name.rpartition("/")[2] != INDEX
    ]
    repository = read_files(context.workspace.read_bytes, names)
    return Library.of((*documents, *repository, *_metadata(task, context, documents)))


def _metadata(task: Task, context: AgentContext, documents: tuple[Document, ...]) -> Iterator[Document]:
    """Metadata of installed packages, a document for each field, named as the check ``citations`` names it."""
    means = means_of(documents, context.specification)
    subjects = subjects_of(
        task,
        context.specification,
        documents,
        means=means,
        installed=lambda name: installed_name(name) is not None,
    )
    for name in subjects.known:
        distribution = installed_name(name)
        if distribution is not None:
            gathered: dict[str, list[str]] = {}
            for field, value in fields(distribution):
                gathered.setdefault(field, []).append(value)
            for field, values in gathered.items():
                yield Document(metadata_name(distribution, field), tuple(values))
