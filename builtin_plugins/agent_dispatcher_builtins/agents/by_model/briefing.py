"""What an agent tells the model: the task in the specification's words, what is promised, and the parts of the repository that fit beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from attrs import frozen

from agent_dispatcher.agents import AgentContext
from agent_dispatcher.extension import ChatMessage
from agent_dispatcher.models import ArtifactRef, Task

from ...prompting.asking import tokens
from ...prompting.packaged import packaged
from ...prompting.templates import Prompt
from .announced import Announced
from .fitting import tools_for_tests
from .named import symbols_of
from .repository import Part, Shown, look_around
from .settled import by_chance

__all__ = ["SAMPLE", "Briefing", "brief", "provided_by"]

#: Room for why an earlier attempt was refused: a share of everything, at three characters for a token, and characters at least.
_FOR_FEEDBACK = 0.25
_FEEDBACK = 4000
#: Task types that change what is there, wherever the result is to stand.
_CHANGES = frozenset(("debugging", "refactoring"))
#: What planning puts before the words of a requirement: its id and priority.
_TITLED = re.compile(r"\A\S+ \(\w+\): ")
#: Room for a reply and what was wrong with it, as a share of everything.
_FOR_REPAIR = 0.25

#: Something in every place that a template may show.
SAMPLE: Mapping[str, Any] = {
    "title": "T",
    "type": "code_writing",
    "description": "D",
    "requirements": "R",
    "paths": ("a.py",),
    "existing": False,
    "symbols": ("a:b",),
    "subjects": ("a:b",),
    "provided": ("symbol a:c",),
    "messages": (Announced(topic="interface.a", text="m"),),
    "parts": (Part(path="a.py", text="A = 1", whole=True, why="w"),),
    "left_out": (),
    "language": "python",
    "framework": "pytest",
    "feedback": "F",
    "disputes": True,
    "examples": "E",
    "errors": ("e",),
}


@frozen(kw_only=True)
class Briefing:
    """What the model is told at first.

    Attributes:
        opening: the conversation.
        shown: what of the repository is in it.
        said: everything that the specification and the task say, as text.
    """

    prompt: Prompt
    values: Mapping[str, Any]
    shown: Shown
    said: str

    @property
    def opening(self) -> tuple[ChatMessage, ...]:
        return (
            ChatMessage(role="system", content=self.prompt.render("system", self.values)),
            ChatMessage(role="user", content=self.prompt.render("request", self.values)),
        )

    def repair(self, errors: Sequence[str]) -> str:
        """The message that tells what was wrong."""
        return self.prompt.render("repair", {**self.values, "errors": tuple(errors)})


@cache
def _packaged(name: str) -> Prompt:
    return packaged(name).load()


def brief(
    task: Task,
    context: AgentContext,
    template: str,
    *,
    own: Path | None = None,
    max_input_tokens: int,
    needed: Iterable[str] = (),
    hidden: Callable[[str], bool] = lambda path: False,
    **more: Any,
) -> Briefing:
    """Assemble it within ``max_input_tokens``: what is said of the task always, of the repository as much as fits.

    Args:
        template: file name of the packaged template.
        own: a file of the user's to use instead.
        needed: paths and modules that the task is known to need.
        hidden: files of the repository that must not be shown; what other tasks make at the same time never is.
        more: further values of the template.
    """
    prompt = packaged(template).load(own) if own is not None else _packaged(template)
    unsettled = by_chance(task, context)
    requirements = context.task_context(task).to_text()
    description = _beside(requirements, task.description)
    paths = tuple(ref.name for ref in task.produces if ref.type == "path")
    tools = tools_for_tests(context.language, context.workspace, paths)
    said = "\n".join(
        (task.title, task.description, requirements, *(ref.name for ref in (*task.produces, *task.consumes)))
    )
    values: dict[str, Any] = {
        "title": task.title,
        "type": task.type,
        "description": description,
        "requirements": requirements,
        "paths": paths,
        "existing": task.type in _CHANGES or not paths or any(context.workspace.exists(path) for path in paths),
        "symbols": symbols_of(task.produces, said, context.language),
        "language": context.language.name if context.language is not None else "",
        "framework": tools.test_framework if tools is not None else "",
        "messages": (),
        "feedback": _as_much(context.feedback.strip(), max(_FEEDBACK, int(3 * _FOR_FEEDBACK * max_input_tokens))),
        "parts": (),
        "left_out": (),
        "errors": (),
        **more,
    }
    fixed = tokens(prompt.render("system", values)) + tokens(prompt.render("request", values))
    room = int(max_input_tokens * (1 - _FOR_REPAIR)) - fixed
    shown = look_around(
        task,
        context.workspace,
        context.language,
        said=said,
        needed=needed,
        hidden=lambda path: hidden(path) or unsettled(path),
        most_tokens=max(0, room),
    )
    if shown.left_out:
        names = ", ".join(each.path for each in shown.left_out)
        context.log.info("task %s: no room to show the model %s", task.id, names)
    return Briefing(
        prompt=prompt, values={**values, "parts": shown.parts, "left_out": shown.left_out}, shown=shown, said=said
    )


def _as_much(text: str, most: int) -> str:
    """What stands first in a text is what matters most; that the rest is missing is said."""
    return text if len(text) <= most else f"{text[:most]}\n... and {len(text) - most} more characters"


def _beside(requirements: str, description: str) -> str:
    """What a description says beside the requirements; planning often repeats them in it, and a small model has no room for that."""
    if description.strip() in requirements:
        return ""
    paragraphs = (each.strip() for each in description.split("\n\n"))
    return "\n\n".join(each for each in paragraphs if each and _TITLED.sub("", each) not in requirements)


def provided_by(task: Task, promised: Mapping[str, Sequence[ArtifactRef]]) -> tuple[str, ...]:
    """What the task needs of others, and the files and symbols that those promise, as lines."""
    wanted = set(task.consumes)
    lines = []
    for name, refs in promised.items():
        if name != task.id and wanted & set(refs):
            lines += [f"{ref.type} {ref.name}" for ref in refs if ref.type in ("path", "symbol")]
    return tuple(dict.fromkeys(lines))
