"""What one endpoint understands of chat completions. Servers differ; what one refused is not asked of it again.

A schema is asked for as strictly as the server can: ``json_schema``, else ``json_object``, else in words only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve, field, frozen

from agent_dispatcher.codec import unstructure
from agent_dispatcher.extension import ChatMessage, LlmRequest
from agent_dispatcher.llm import schema_in_prompt

__all__ = ["STRUCTURED", "Dialect"]

#: How a schema is asked for, strictest first.
STRUCTURED: Final = ("json_schema", "json_object", "prompt")
_ABOUT_STRUCTURE: Final = re.compile(
    r"response[ _]?format|json[ _]?schema|json[ _]?object|structured[ _]output|grammar|schema"
)


@frozen(kw_only=True)
class Dialect:
    """What is sent to an endpoint.

    Attributes:
        structured: one of :data:`STRUCTURED`.
        settled: ``structured`` is the user's choice.
        limit_name: how ``max_output_tokens`` is called.
        left_out: parameters that the endpoint refused.
    """

    structured: str = "json_schema"
    settled: bool = False
    limit_name: str = "max_tokens"
    left_out: frozenset[str] = field(default=frozenset())

    @classmethod
    def asking(cls, structured: str) -> Dialect:
        """One that asks for schemas in a fixed way, or (``auto``) in whichever way the endpoint understands."""
        return cls() if structured == "auto" else cls(structured=structured, settled=True)

    def body(self, request: LlmRequest, model: str) -> dict[str, Any]:
        """The parameters of a streamed chat completion."""
        in_words = request.schema is not None and self.structured != "json_schema"
        said = schema_in_prompt(request) if in_words else request
        body: dict[str, Any] = {
            "model": model,
            "messages": [_message(each) for each in said.messages],
            self.limit_name: request.max_output_tokens,
            "temperature": request.temperature,
            "stream_options": {"include_usage": True},
        }
        if request.seed is not None:
            body["seed"] = request.seed
        if request.stop:
            body["stop"] = list(request.stop)
        if request.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": each.name,
                        "description": each.description,
                        "parameters": unstructure(each.parameters) or {"type": "object", "properties": {}},
                    },
                }
                for each in request.tools
            ]
        if request.schema is not None and self.structured == "json_schema":
            schema = unstructure(request.schema)
            described = {"name": _name(request.schema_name), "schema": schema, "strict": _is_strict(schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": described}
        elif request.schema is not None and self.structured == "json_object":
            body["response_format"] = {"type": "json_object"}
        return {name: value for name, value in body.items() if name not in self.left_out}

    def after(self, complaint: str, request: LlmRequest) -> Dialect | None:
        """What to send instead after the endpoint refused a request with ``complaint``; ``None`` when it is about nothing that can be left out."""
        text = complaint.lower()
        if "max_completion_tokens" in text and self.limit_name == "max_tokens":
            return evolve(self, limit_name="max_completion_tokens")
        asked = {"temperature", "stream_options"} | ({"seed"} if request.seed is not None else set())
        for name in sorted(asked - self.left_out):
            if name in text:
                return evolve(self, left_out=self.left_out | {name})
        can_step = not self.settled and self.structured != STRUCTURED[-1]
        if request.schema is not None and can_step and _ABOUT_STRUCTURE.search(text):
            return evolve(self, structured=STRUCTURED[STRUCTURED.index(self.structured) + 1])
        return None


def _message(message: ChatMessage) -> dict[str, Any]:
    said: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        said["tool_calls"] = [
            {"id": each.id, "type": "function", "function": {"name": each.name, "arguments": each.arguments}}
            for each in message.tool_calls
        ]
    if message.role == "tool":
        said["tool_call_id"] = message.tool_call_id
    return said


def _name(text: str) -> str:
    """A schema's name as servers accept it."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)[:64] or "reply"


def _is_strict(schema: object) -> bool:
    """Whether every object in a schema lists all of its properties as required and allows no others: only then may it be called strict."""
    if isinstance(schema, Mapping):
        if schema.get("type") == "object" or "properties" in schema:
            names = set(schema.get("properties") or ())
            if schema.get("additionalProperties") is not False or set(schema.get("required") or ()) != names:
                return False
        return all(_is_strict(each) for each in schema.values())
    if isinstance(schema, list | tuple):
        return all(_is_strict(each) for each in schema)
    return True
