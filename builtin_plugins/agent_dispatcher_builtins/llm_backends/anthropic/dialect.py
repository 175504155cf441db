"""What one endpoint understands of Anthropic's messages. What a model refused is not asked of it again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from attrs import evolve, field, frozen

from agent_dispatcher.codec import unstructure
from agent_dispatcher.extension import ChatMessage, LlmRequest
from agent_dispatcher.llm import schema_in_prompt

__all__ = ["Dialect"]

#: What a refusal of a schema mentions.
_ABOUT_STRUCTURE: Final = ("output_config", "output_format", "schema", "structured output")


@frozen(kw_only=True)
class Dialect:
    """What is sent to an endpoint.

    Attributes:
        structured: ``json_schema`` (the server enforces it) or ``prompt`` (it is said in words).
        settled: ``structured`` is the user's choice.
        left_out: parameters that the endpoint refused.
    """

    structured: str = "json_schema"
    settled: bool = False
    left_out: frozenset[str] = field(default=frozenset())

    @classmethod
    def asking(cls, structured: str) -> Dialect:
        """One that asks for schemas in a fixed way, or (``auto``) in whichever way the endpoint understands."""
        return cls() if structured == "auto" else cls(structured=structured, settled=True)

    def body(self, request: LlmRequest, model: str) -> dict[str, Any]:
        """The parameters of a streamed message."""
        in_words = request.schema is not None and self.structured == "prompt"
        said = schema_in_prompt(request) if in_words else request
        system = "\n\n".join(each.content for each in said.messages if each.role == "system" and each.content)
        body: dict[str, Any] = {
            "model": model,
            "max_tokens": request.max_output_tokens,
            "messages": _turns(each for each in said.messages if each.role != "system"),
        }
        if system:
            body["system"] = system
        if "temperature" not in self.left_out:
            body["extra_body"] = {"temperature": request.temperature}  # the SDK has no name for it any more, servers do
        if request.stop:
            body["stop_sequences"] = list(request.stop)
        if request.tools:
            body["tools"] = [
                {
                    "name": each.name,
                    "description": each.description,
                    "input_schema": unstructure(each.parameters) or {"type": "object", "properties": {}},
                }
                for each in request.tools
            ]
        if request.schema is not None and not in_words:
            body["output_config"] = {"format": {"type": "json_schema", "schema": unstructure(request.schema)}}
        return body

    def after(self, complaint: str, request: LlmRequest) -> Dialect | None:
        """What to send instead after the endpoint refused a request with ``complaint``; ``None`` when it is about nothing that can be left out."""
        text = complaint.lower()
        if "temperature" in text and "temperature" not in self.left_out:
            return evolve(self, left_out=self.left_out | {"temperature"})
        can_step = request.schema is not None and not self.settled and self.structured != "prompt"
        if can_step and any(word in text for word in _ABOUT_STRUCTURE):
            return evolve(self, structured="prompt")
        return None


def _turns(messages: Iterable[ChatMessage]) -> list[dict[str, Any]]:
    """The conversation as turns that change between user and assistant: what answers tools is said by the user."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        role = "assistant" if message.role == "assistant" else "user"
        blocks = _blocks(message)
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": role, "content": blocks})
    return turns


def _blocks(message: ChatMessage) -> list[dict[str, Any]]:
    if message.role == "tool":
        return [{"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.content}]
    blocks: list[dict[str, Any]] = [{"type": "text", "text": message.content}] if message.content else []
    for call in message.tool_calls:
        blocks.append({"type": "tool_use", "id": call.id, "name": call.name, "input": _arguments(call.arguments)})
    return blocks


def _arguments(text: str) -> dict[str, Any]:
    """Arguments as the object that they must be here; what a model wrote that is none is passed on as it is."""
    try:
        value = json.loads(text or "{}", parse_constant=_no_number)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"arguments": text}


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")
