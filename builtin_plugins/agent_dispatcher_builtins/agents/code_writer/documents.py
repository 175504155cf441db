"""README and reference of the generated package, in Markdown."""

from __future__ import annotations

from agent_dispatcher.models import Behaviour, Entity, Field, Operation, Scalar, Specification

from ...languages.python.interface import (
    class_name,
    console_script,
    entity_slug,
    identifier,
    operation_group,
    operations_module,
    package_name,
)
from . import text
from .rendering import render
from .text import code_span, markdown

__all__ = ["readme", "reference"]


def readme(specification: Specification, behaviour: Behaviour, *, with_tests: bool) -> str:
    """What the package is, how to install it and how to begin."""
    summary = text.sentence(specification.summary)
    return render(
        "README.md.jinja",
        title=markdown(specification.title),
        summary="" if summary == text.sentence(specification.title) else markdown(summary),
        package=package_name(behaviour),
        script=console_script(behaviour),
        variable=f"{behaviour.package.upper()}_DATABASE",
        database=f"{behaviour.package}.db",
        with_tests=with_tests,
        entities=[
            (code_span(class_name(entity)), markdown(text.sentence(entity.summary))) for entity in behaviour.entities
        ],
        operations=[
            (code_span(identifier(operation.name)), markdown(text.sentence(operation.summary)))
            for operation in behaviour.operations
        ],
        requirements=[
            (markdown(requirement.id), markdown(requirement.text)) for requirement in specification.requirements
        ],
        example=_example(behaviour),
    )


def _example(behaviour: Behaviour) -> str:
    """The command that shows what can be called."""
    if not behaviour.operations:
        return ""
    return behaviour.operations[0].name.replace("_", "-")


def reference(specification: Specification, behaviour: Behaviour) -> str:
    """Every class with its fields and rules, every operation with its inputs, conditions and effects."""
    return render(
        "reference.md.jinja",
        title=markdown(specification.title),
        package=package_name(behaviour),
        entities=[_entity(entity) for entity in behaviour.entities],
        operations=[_operation(behaviour, operation) for operation in behaviour.operations],
    )


def _entity(entity: Entity) -> dict[str, object]:
    slug = entity_slug(entity.name)
    return {
        "name": class_name(entity),
        "summary": markdown(text.sentence(entity.summary)),
        "fields": [_field(field) for field in entity.fields],
        "relations": [
            f"{code_span(relation.name)}: the rows of {code_span(relation.entity)} whose {code_span(relation.by)} it is"
            for relation in entity.relations
        ],
        "constraints": [
            f"{code_span(constraint.error)}: {_rule(constraint.message, constraint.check.text)}"
            for constraint in entity.constraints
        ],
        "not_found": code_span(f"{slug}_not_found"),
        "in_use": code_span(f"{slug}_in_use"),
    }


def _operation(behaviour: Behaviour, operation: Operation) -> dict[str, object]:
    return {
        "name": identifier(operation.name),
        "summary": markdown(text.sentence(operation.summary)),
        "module": operations_module(behaviour, operation),
        "group": operation_group(behaviour, operation),
        "command": operation.name.replace("_", "-"),
        "inputs": [_field(given) for given in operation.inputs],
        "guards": [
            f"{code_span(guard.error)}: {_rule(guard.message, guard.that.text)}" for guard in operation.requires
        ],
        "returns": code_span(operation.returns.text) if operation.returns is not None else "",
        "requirements": ", ".join(map(markdown, operation.requirements)),
    }


def _rule(message: str, condition: str) -> str:
    spoken = f"{markdown(text.sentence(message))} " if text.one_line(message) else ""
    return f"{spoken}Must hold: {code_span(condition)}"


def _field(field: Field) -> tuple[str, str, str, str]:
    """Name, type, rules and summary of a field or input, each ready for a table."""
    kind = code_span(field.entity) if field.entity else field.type
    return (
        code_span(identifier(field.name)),
        kind,
        "; ".join(_rules(field)) or "-",
        markdown(text.sentence(field.summary)) or "-",
    )


def _rules(field: Field) -> list[str]:
    rules = ["required"] if field.required else []
    rules += ["unique"] if field.unique else []
    if field.default is not None:
        rules.append(f"default {_shown(field.default)}")
    if field.choices:
        rules.append(f"one of {', '.join(map(code_span, field.choices))}")
    if field.pattern is not None:
        rules.append(f"matches {code_span(field.pattern)}")
    if field.min_length is not None:
        rules.append(f"at least {field.min_length} characters")
    if field.max_length is not None:
        rules.append(f"at most {field.max_length} characters")
    if field.minimum is not None:
        rules.append(f"from {_shown(field.minimum)}")
    if field.maximum is not None:
        rules.append(f"to {_shown(field.maximum)}")
    return rules


def _shown(value: Scalar) -> str:
    return code_span({True: "true", False: "false"}[value] if isinstance(value, bool) else str(value))
