"""For models that are not made to follow a schema: it is said in the prompt, and the JSON is picked out of what they answer."""

from __future__ import annotations

import json
import re

from attrs import evolve

from ..extension.llm import ChatMessage, LlmRequest

__all__ = ["bare_json", "schema_in_prompt"]

_FENCED = re.compile(r"```[\w+-]*[ \t]*\r?\n(.*?)```", re.DOTALL)


def schema_in_prompt(request: LlmRequest) -> LlmRequest:
    """The request with its schema said in the system text, and no schema any more; itself when it has none."""
    if request.schema is None:
        return request
    schema = json.dumps(request.schema, ensure_ascii=False, default=dict, indent=1)
    text = (
        "Answer with one JSON value that follows this JSON schema, and with nothing else: no explanation, no code fence.\n"
        f"{schema}"
    )
    first, *rest = request.messages or (ChatMessage(role="system", content=""),)
    if first.role == "system":
        messages = [evolve(first, content=f"{first.content}\n\n{text}".lstrip()), *rest]
    else:
        messages = [ChatMessage(role="system", content=text), first, *rest]
    return evolve(request, messages=messages, schema=None)


def bare_json(text: str) -> str:
    """The JSON object or array in a reply that has prose or a code fence around it; the text itself when there is none to be found.

    Nothing is repaired: what is cut off or malformed stays so, for the caller to judge.
    """
    fenced = [match.group(1).strip() for match in _FENCED.finditer(text)]
    for candidate in (text.strip(), *fenced, *_from_first_bracket(text)):
        if candidate[:1] in ("{", "[") and _is_json(candidate):
            return candidate
    return text


def _from_first_bracket(text: str) -> list[str]:
    """From the first opening bracket to the last closing one of its kind."""
    found = []
    for opening, closing in sorted((("{", "}"), ("[", "]")), key=lambda pair: text.find(pair[0])):
        start, end = text.find(opening), text.rfind(closing)
        if 0 <= start < end:
            found.append(text[start : end + 1])
    return found


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
