"""Answers one question: choose what to read, let the model ask for more, have it answer, believe what can be found in what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from agent_dispatcher.agents import AgentContext
from agent_dispatcher.extension import ChatMessage, LlmRequest
from agent_dispatcher.models import Specification, Task

from ....prompting.asking import Answer, Asking, Question, Readout, Unusable, ask, tokens
from ....prompting.packaged import packaged
from ..options import ResearcherOptions
from .addresses import Where
from .claims import ANSWER_SCHEMA, Researched, judge
from .library import Library, Passage, source_name, unread
from .mcp_servers import McpServers
from .tools import OWN_TOOLS, Kept, Toolbox

__all__ = ["SAMPLE", "Answerer", "Outcome"]

#: Tool calls of one reply that are carried out.
_MOST_CALLS = 16
_TOO_MANY = f"That was not done: at most {_MOST_CALLS} calls at once."
#: Something in every place that a template may show.
SAMPLE = {
    "task": Task(id="T1", title="T", type="research", description="D"),
    "context": "C",
    "passages": ("P",),
    "left_out": ("L",),
    "sources": ("S",),
    "looking": True,
    "errors": ("E",),
}


@frozen(kw_only=True)
class Outcome:
    """What came of a question.

    Attributes:
        left_out: names of sources that had something and did not fit.
        read: names of the sources that were shown to the model.
        kept: path to text of what came from outside.
    """

    answer: Researched
    read: tuple[str, ...]
    left_out: tuple[str, ...]
    kept: Mapping[str, str]


class Answerer:
    """Answers with a model.

    Raises:
        ConfigError: the prompt template cannot be used.
    """

    def __init__(self, options: ResearcherOptions) -> None:
        self._options = options
        self._prompt = packaged("research.jinja").load(options.template)

    async def answer(self, task: Task, context: AgentContext, library: Library, folder: str) -> Outcome | Unusable:
        """The answer to ``task``, from ``library`` and what the model has fetched; ``folder`` is where that is kept.

        Raises:
            Unavailable: an MCP server does not start.
        """
        kept = Kept(folder, context.scrub)
        async with McpServers(self._options.mcp, context.log, OWN_TOOLS) as servers:
            where = Where(hosts=self._options.fetch, networks=self._options.fetch_networks)
            values = self._values(task, context, library, ())
            toolbox = Toolbox(library, kept, where, servers, values["chosen"], self._options.registries)
            if self._options.rounds and (self._options.fetch or servers.tools or values["left_out"]):
                await self._read_more(context, values, toolbox)
        values = self._values(task, context, library, toolbox.read)

        def judged(data: dict[str, Any]) -> Readout[Researched]:
            return judge(data, library)

        question: Question[Researched] = Question(
            prompt=self._prompt,
            values=values,
            purpose="research",
            schema=ANSWER_SCHEMA,
            schema_name="answer",
            read=judged,
        )
        asking = Asking(
            model=self._options.model,
            max_output_tokens=self._options.max_output_tokens,
            repairs=self._options.repairs,
            timeout_s=self._options.timeout_s,
        )
        answer = await ask(context.llm, question, asking)
        if not isinstance(answer, Answer):
            return answer
        return Outcome(answer=answer.value, read=values["read"], left_out=values["left_out"], kept=kept.files)

    async def _read_more(self, context: AgentContext, values: Mapping[str, Any], toolbox: Toolbox) -> None:
        """Let the model look around; ends when it calls nothing any more, or after so many rounds."""
        assert context.llm is not None
        asked = {**values, "looking": True, "sources": toolbox.sources()}
        messages: tuple[ChatMessage, ...] = (
            ChatMessage(role="system", content=self._prompt.render("system", asked)),
            ChatMessage(role="user", content=self._prompt.render("request", asked)),
        )
        for number in range(self._options.rounds):
            context.progress(0.2 + 0.4 * number / self._options.rounds, "reading")
            reply = await context.llm.complete(
                LlmRequest(
                    messages=messages,
                    purpose="research",
                    model=self._options.model,
                    tools=toolbox.tools,
                    max_output_tokens=self._options.max_output_tokens,
                    timeout_s=self._options.timeout_s,
                )
            )
            if not reply.tool_calls:
                return
            told = []
            for place, call in enumerate(reply.tool_calls):
                content = await toolbox.answer(call) if place < _MOST_CALLS else _TOO_MANY
                told.append(ChatMessage(role="tool", content=content, tool_call_id=call.id))
            said = ChatMessage(role="assistant", content=reply.text, tool_calls=reply.tool_calls)
            messages = (*messages, said, *told)
            if sum(tokens(message.content) for message in messages) > self._options.max_input_tokens:
                return

    def _values(self, task: Task, context: AgentContext, library: Library, more: Sequence[Passage]) -> dict[str, Any]:
        """What the template is rendered with; what the model asked to read comes before what was chosen for it, and no line comes twice."""
        own = context.task_context(task).to_text() if isinstance(context.specification, Specification) else ""
        question = f"{task.title}\n{task.description}\n{own}"
        room = self._options.max_input_tokens - tokens(question) - 1_500
        asked: list[Passage] = []
        for passage in more:
            for part in unread(passage, asked):
                size = tokens(part.to_text())
                if size <= room:
                    asked.append(part)
                    room -= size
        found, left_out = library.find(question, max(room, 0), asked)
        chosen = (*asked, *found)
        return {
            "task": task,
            "context": own,
            "chosen": chosen,
            "passages": tuple(passage.to_text() for passage in chosen),
            "left_out": left_out[:20],
            "sources": (),
            "looking": False,
            "read": tuple(dict.fromkeys(source_name(passage.document) for passage in chosen)),
        }
