"""The commands of the generated command line: one for each operation, and three for each kind of row."""

from __future__ import annotations

from agent_dispatcher.behaviour import from_value, infer_text, operation_scopes, to_value
from agent_dispatcher.models import Behaviour, Entity, Field, Operation

from ...languages.python.interface import class_name, entity_slug, identifier
from . import text
from .wrap import statement

__all__ = ["commands", "kinds"]

_TYPES = {"integer": "click.INT", "reference": "click.INT"}
_PARSED = {"boolean": "true_or_false", "date": "iso_date", "datetime": "iso_datetime", "decimal": "decimal"}


def kinds(behaviour: Behaviour) -> frozenset[str]:
    """The types of options that need a parser of their own."""
    fields = [given for operation in behaviour.operations for given in operation.inputs]
    fields += [field for entity in behaviour.entities for field in entity.fields]
    return frozenset(field.type for field in fields if field.type in _PARSED)


def commands(behaviour: Behaviour) -> list[str]:
    """The source text of every command, operations first. An operation takes the place of a command of the same name."""
    taken = {_dashed(operation.name) for operation in behaviour.operations}
    found = [_operation(behaviour, operation) for operation in behaviour.operations]
    for entity in behaviour.entities:
        slug = _dashed(entity_slug(entity.name))
        for verb, make in (("list", _list), ("show", _show), ("add", _add)):
            if f"{verb}-{slug}" not in taken:
                found.append(make(entity))
    return found


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _operation(behaviour: Behaviour, operation: Operation) -> str:
    name = identifier(operation.name)
    arguments = "storage, **inputs" if operation.inputs else "storage"
    call = f"operations.{name}({arguments})"
    body = (
        [f"        {call}", "        _show(None)"]
        if _gives_nothing(behaviour, operation)
        else [f"        _show({call})"]
    )
    summary = text.sentence(operation.summary, _words(operation.name))
    return _command(_dashed(operation.name), f"{operation.name}_command", summary, operation.inputs, body)


def _gives_nothing(behaviour: Behaviour, operation: Operation) -> bool:
    """Whether the function's result can only be ``None``, which a type checker does not let anyone use."""
    if operation.returns is None:
        return True
    return infer_text(operation.returns, operation_scopes(behaviour, operation).returns).kind == "null"


def _list(entity: Entity) -> str:
    slug = entity_slug(entity.name)
    body = [statement(8, "for row in ", f"storage.all({class_name(entity)})", ":"), "            _show(row)"]
    return _command(f"list-{_dashed(slug)}", f"list_{slug}_command", f"Every {_words(slug)}, one on a line", (), body)


def _show(entity: Entity) -> str:
    slug = entity_slug(entity.name)
    body = [statement(8, "", f"_show(storage.require({class_name(entity)}, id))")]
    head = '@click.argument("id", type=click.INT)'
    return _command(f"show-{_dashed(slug)}", f"show_{slug}_command", f"One {_words(slug)}", (), body, head, "id: int")


def _add(entity: Entity) -> str:
    slug = entity_slug(entity.name)
    arguments = "**inputs" if entity.fields else ""
    body = [statement(8, "", f"_show(storage.add({class_name(entity)}({arguments})))")]
    title = f"Add a row of the kind {_words(slug)}"
    return _command(f"add-{_dashed(slug)}", f"add_{slug}_command", title, entity.fields, body)


def _words(slug: str) -> str:
    return slug.replace("_", " ")


def _command(
    name: str,
    function: str,
    summary: str,
    options: tuple[Field, ...],
    body: list[str],
    head: str = "",
    parameter: str = "",
) -> str:
    lines = [f'@main.command("{name}")', *([head] if head else []), *map(_option, options), "@click.pass_obj"]
    parameter = parameter or ("**inputs: Any" if options else "")
    parameters = f"database: str, /, {parameter}" if parameter else "database: str"
    signature = f"def {function}({parameters}) -> None:"
    lines += [signature, f"    {text.docstring([text.sentence(summary)], 4)}"]
    return "\n".join([*lines, "    with _opened(database) as storage:", *body]) + "\n"


def _option(field: Field) -> str:
    arguments = [f'"--{_dashed(field.name)}"', f'"{identifier(field.name)}"']
    if field.type in _TYPES:
        arguments.append(f"type={_TYPES[field.type]}")
    elif field.type in _PARSED:
        arguments.append(f"type={_PARSED[field.type]}")
    if field.default is not None and field.type != "reference":
        arguments += [f"default={text.literal(_as_given(field))}", "show_default=True"]
    described = _help(field)
    if described:
        arguments.append(f"help={text.literal(described)}")
    return statement(0, "@", f"click.option({', '.join(arguments)})")


def _as_given(field: Field) -> str:
    """The default as it would be written on the command line."""
    value = from_value(to_value(field, field.default))
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _help(field: Field) -> str:
    parts = [text.sentence(field.summary)] if text.one_line(field.summary) else []
    if field.type == "choice":
        parts.append(f"One of: {', '.join(map(text.one_line, field.choices))}.")
    elif field.type == "reference":
        parts.append(f"Id of a row of {field.entity}.")
    if field.required and field.default is None:
        parts.append("Required.")
    return " ".join(parts)
