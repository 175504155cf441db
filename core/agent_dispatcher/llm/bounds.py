"""How many tokens a call can take at most, known before it is made.

A tokenizer that works on bytes never makes more tokens than there are bytes. What a chat template adds around the text is bounded by
constants that leave room for the templates in use; nothing here needs a tokenizer, which would have to fetch its tables.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from ..extension.llm import LlmRequest

__all__ = ["input_bound", "output_bound"]

#: What a template may add to any request (a system text of its own, the words around a schema), to a message, and to a tool.
_PER_REQUEST: Final = 256
_PER_MESSAGE: Final = 16
_PER_TOOL: Final = 64
#: What a template may add when there are tools at all.
_FOR_TOOLS: Final = 512


def input_bound(request: LlmRequest) -> int:
    """The most tokens the model can be made to read by this request."""
    bound = _PER_REQUEST
    for message in request.messages:
        bound += _PER_MESSAGE + _bytes(message.content) + _bytes(message.tool_call_id)
        bound += sum(_PER_TOOL + _bytes(each.id + each.name + each.arguments) for each in message.tool_calls)
    if request.tools:
        bound += _FOR_TOOLS
    for tool in request.tools:
        bound += _PER_TOOL + _bytes(tool.name + tool.description) + _json_bytes(tool.parameters)
    if request.schema is not None:
        bound += _bytes(request.schema_name) + _json_bytes(request.schema)
    return bound


def output_bound(text: str) -> int:
    """The most tokens a model can have written to say ``text``; the one that ends the reply included."""
    return _bytes(text) + 1


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _json_bytes(value: Mapping[str, Any]) -> int:
    return _bytes(json.dumps(value, ensure_ascii=False, default=dict, indent=2))
