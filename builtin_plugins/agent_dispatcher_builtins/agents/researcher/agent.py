"""The researcher: writes the note of one task from what is written down already."""

from __future__ import annotations

from agent_dispatcher.agents import AgentContext, AgentResult, SyncAgent
from agent_dispatcher.models import Artifact, Task

from .acceptance import note_path
from .facts import gather
from .installed import installed_name
from .note import render
from .reading import specification_documents
from .repository import Repository
from .subjects import in_general, means_of, own_lines, subjects_of

__all__ = ["ResearcherAgent"]


class ResearcherAgent(SyncAgent):
    """Gathers facts on the technologies a task names, from the specification's folder, the repository and installed packages' metadata.

    The same task on the same files gives the same note. It never concludes anything: what nobody has written down it lists as not found.
    """

    def execute(self, task: Task, context: AgentContext) -> AgentResult:
        """Write the note; see :meth:`agent_dispatcher.agents.BaseAgent.execute`."""
        path = note_path(task)
        if path is None:
            return AgentResult(
                status="declined", error="it writes one Markdown note, and the task promises other files"
            )
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
