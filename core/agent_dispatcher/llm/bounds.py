"""How many tokens a call can take at most, known before it is made.

A tokenizer that works on bytes never makes more tokens than there are bytes. What a chat template adds around the text is bounded by
constants that leave room for the templates in use; nothing here needs a tokenizer, which would have to fetch its tables.

Templates put what was said into the prompt as it is, and tools, their calls, what they answered and schemas as JSON, in which one byte can become
six. Such a part counts as the longest of the ways in which JSON is written: indented, ASCII only, and safe for HTML.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from ..extension.llm import LlmRequest, ToolCall

__all__ = ["MOST_TOKENS", "input_bound", "output_bound"]

#: No exchange has more: who counts so has not counted.
MOST_TOKENS: Final = 10**9

#: What a template may add to any request (a system text of its own, the words around a schema), to a message, and to a tool.
_PER_REQUEST: Final = 256
_PER_MESSAGE: Final = 16
_PER_TOOL: Final = 64
#: What a template may add when there are tools at all.
_FOR_TOOLS: Final = 512
#: How far templates indent JSON.
_INDENT: Final = 4
#: What is written as six characters where JSON is to be safe in HTML, and the ends of lines, which get an indentation or the sign of a comment.
_ESCAPED: Final = ("<", ">", "&", "'", "\\n")
_LONGER: Final = 5


def input_bound(request: LlmRequest) -> int:
    """The most tokens the model can be made to read by this request."""
    bound = _PER_REQUEST
    for message in request.messages:
        answers = message.role == "tool"
        bound += _PER_MESSAGE + (_as_json(message.content) if answers else _bytes(message.content))
        bound += _as_json(message.tool_call_id) if message.tool_call_id else 0
        bound += sum(_PER_TOOL + _call(each) for each in message.tool_calls)
    if request.tools:
        bound += _FOR_TOOLS
    for tool in request.tools:
        bound += _PER_TOOL + _as_json(tool.name) + _as_json(tool.description) + _as_json(tool.parameters)
    if request.schema is not None:
        bound += _as_json(request.schema_name) + _as_json(request.schema)
    return bound


def output_bound(text: str) -> int:
    """The most tokens a model can have written to say ``text``; the one that ends the reply included."""
    return _bytes(text) + 1


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _call(call: ToolCall) -> int:
    """A template writes the arguments as the text that they are, or reads them and writes the value."""
    return _as_json(call.id) + _as_json(call.name) + max(_as_json(call.arguments), _as_read(call.arguments))


def _as_read(text: str) -> int:
    try:
        return _as_json(json.loads(text))
    except (ValueError, RecursionError):
        return 0


def _as_json(value: object) -> int:
    text = json.dumps(value, default=dict)
    return len(text) + _LONGER * sum(text.count(each) for each in _ESCAPED) + _indentation(value)


def _indentation(value: object) -> int:
    """What JSON grows by when each member has a line of its own. Counted, not written: deep down it is most of the text."""
    grown, inside = 0, [(value, 1)]
    while inside:
        value, depth = inside.pop()
        if isinstance(value, Mapping):
            members: list[object] = list(value.values())
        elif isinstance(value, list | tuple):
            members = list(value)
        else:
            continue
        grown += (len(members) + 1) * (1 + _INDENT * depth)
        inside += [(each, depth + 1) for each in members]
    return grown
