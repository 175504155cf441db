"""Embeds the dispatcher with exactly the plugins it names: nothing is discovered, no configuration file is read."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agent_dispatcher import AgentContext, AgentDispatcher, AgentResult, Requirement, Specification, SyncAgent, Task
from agent_dispatcher.extension import AgentType, Component, Decomposition, PlanningContext, hookimpl
from agent_dispatcher.models import DeclaredDependency
from agent_dispatcher_builtins import default_plugins

BUILTIN = ("declared", "sql-store", "local-executor", "no-workspace", "local-bus", "json-report")


class Chapters:
    """A decomposer: a chapter for each requirement, then a table of contents."""

    async def decompose(self, specification: Specification, context: PlanningContext) -> Decomposition:
        chapters = [Task(id=each.id, title=each.text, type="chapter") for each in specification.requirements]
        first = tuple(DeclaredDependency(task=chapter.id) for chapter in chapters)
        contents = Task(id="contents", title=specification.title, type="contents", depends_on=first)
        return Decomposition(tasks=[*chapters, contents])


class Author(SyncAgent):
    def execute(self, task: Task, context: AgentContext) -> AgentResult:
        context.workspace.write_text(f"{task.id}.md", f"# {task.title}\n")
        return AgentResult(status="done", summary=f"wrote {task.title}")


class Editor(SyncAgent):
    def execute(self, task: Task, context: AgentContext) -> AgentResult:
        lines = [f"- {context.workspace.read_text(path)[2:]}" for path in context.workspace.files()]
        context.workspace.write_text("contents.md", f"# {task.title}\n\n{''.join(lines)}")
        return AgentResult(status="done", summary=f"listed {len(lines)} chapters")


class Handbook:
    @hookimpl
    def dispatcher_decomposers(self) -> Iterable[Component]:
        yield Component("chapters", "A task for each chapter.", lambda *_: Chapters(), default_rank=1)

    @hookimpl
    def dispatcher_agent_types(self) -> Iterable[AgentType]:
        common: dict[str, Any] = {"summary": "Makes pages.", "default_rank": 1}
        yield AgentType(name="author", factory=lambda *_: Author(), task_types=["chapter"], **common)
        yield AgentType(name="editor", factory=lambda *_: Editor(), task_types=["contents"], **common)


def write(title: str, chapters: Iterable[str], output: Path) -> str:
    requirements = tuple(Requirement(id=f"chapter-{number}", text=text) for number, text in enumerate(chapters, 1))
    plugins = [*((name, plugin) for name, plugin in default_plugins() if name in BUILTIN), ("handbook", Handbook())]
    dispatcher = AgentDispatcher({"use": {"workspace": "none"}}, plugins=plugins, discover=False)
    return dispatcher.dispatch(Specification(id="handbook", title=title, requirements=requirements), output).status


if __name__ == "__main__":
    print(write("Handbook", sys.argv[2:], Path(sys.argv[1])))
