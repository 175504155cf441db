"""The calls by which generated code checks one value: a field in a model's constructor, an input in an operation."""

from __future__ import annotations

from agent_dispatcher.behaviour import to_value
from agent_dispatcher.models import Field

from . import text
from .wrap import statement

__all__ = ["check"]

_KINDS = {"choice": "text"}


def check(indent: int, declared: Field, source: str, label: str) -> list[str]:
    """Statements that refuse ``source`` with an error code that begins with ``label``.

    An integer that is given for a decimal is converted first; for an attribute of a frozen row that is the caller's business.
    """
    lines = []
    if declared.type == "decimal" and "." not in source:
        lines.append(statement(indent, f"{source} = ", f"values.to_decimal({source})"))
    arguments = [text.literal(label), source]
    if declared.required:
        arguments.append("required=True")
    if declared.type == "choice":
        choices = [text.literal(choice) for choice in declared.choices]
        arguments.append(f"choices=({', '.join(choices)}{',' if len(choices) == 1 else ''})")
    if declared.pattern is not None:
        arguments.append(f"pattern={text.literal(declared.pattern, raw=True)}")
    for name in ("min_length", "max_length"):
        length = getattr(declared, name)
        if length is not None:
            arguments.append(f"{name}={length}")
    for name in ("minimum", "maximum"):
        bound = getattr(declared, name)
        if bound is not None:
            arguments.append(f"{name}={text.value(to_value(declared, bound))}")
    kind = _KINDS.get(declared.type, declared.type)
    lines.append(statement(indent, "", f"values.check_{kind}({', '.join(arguments)})"))
    return lines
