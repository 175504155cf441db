"""Code that follows from declared behaviour: generated, with no model and no guess."""

from __future__ import annotations

from agent_dispatcher.agents.base_agent import AgentContext, AgentResult
from agent_dispatcher.errors import SpecificationError
from agent_dispatcher.models import Artifact, Task

from .acceptance import promised_paths
from .generator import generate

__all__ = ["generate_task", "kind"]

#: How much of the checks' output an error repeats.
_FEEDBACK = 600


def generate_task(task: Task, context: AgentContext) -> AgentResult:
    """Write the files of ``task``.

    The same specification gives the same bytes, so a second attempt after a check refused the first would end the same way: it
    fails for good, with what the check said.
    """
    if context.feedback:
        said = context.feedback.strip()
        return AgentResult(
            status="failed",
            permanent=True,
            error="the generated code follows from the specification alone and would be the same again; "
            f"the checks said: {said[:_FEEDBACK]}{'…' if len(said) > _FEEDBACK else ''}",
        )
    paths = promised_paths(task)
    promised = {ref.name for refs in context.promised.values() for ref in refs if ref.type == "path"} | set(paths)
    context.progress(0.1, "generating")
    try:
        files = generate(context.specification, paths, promised=promised)
    except SpecificationError as error:
        return AgentResult(status="failed", permanent=True, error=str(error))
    except KeyError as error:
        return AgentResult(status="declined", error=f"{error.args[0]} does not follow from the declared behaviour")
    for index, (path, content) in enumerate(files.items(), start=1):
        context.workspace.write_text(path, content)
        context.progress(0.1 + 0.9 * index / len(files), path)
    artifacts = tuple(Artifact(name=path, type=kind(path), path=path, task=task.id) for path in files)
    return AgentResult(status="done", summary=f"generated {', '.join(files)}", artifacts=artifacts)


def kind(path: str) -> str:
    """The type of the artifact a file is."""
    return "doc" if path.endswith((".md", ".rst", ".txt")) else "code"
