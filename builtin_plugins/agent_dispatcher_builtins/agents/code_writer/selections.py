"""Aggregates and selections: comprehensions over the storage, which looks up by reference where a condition allows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from agent_dispatcher.behaviour import Aggregate, Attribute, Binary, Name, Node, Selection, Type, bind_selection
from agent_dispatcher.models import Entity

from ...languages.python.interface import class_name, entity_slug, identifier
from .code import AND, INTEGER, OR, Code, walk

if TYPE_CHECKING:
    from .expressions import Compiler

__all__ = ["aggregate", "rows_of"]


def aggregate(compiler: Compiler, node: Aggregate) -> Code:
    """``count``, ``exists`` or ``sum``."""
    type_ = compiler.type_of(node)
    entity, variable, collection, conditions = _selected(compiler, node.selection)
    compiler.depth += 1
    with compiler.bound(node.selection, entity, variable):
        condition = _joined(compiler, conditions)
        if node.kind == "count":
            source = _counted(variable, collection, condition)
        elif node.kind == "exists":
            source = (
                f"bool({collection})" if condition is None else f"any({condition.text} for {variable} in {collection})"
            )
        else:
            source = _total(compiler, node, variable, collection, conditions, condition, type_)
    compiler.depth -= 1
    code = Code(source, type_)
    if compiler.hoist is not None and compiler.depth == 0 and not compiler.known:
        return evolve(code, text=compiler.hoist(node, entity_slug(entity.name), code))
    return code


def _total(
    compiler: Compiler,
    node: Aggregate,
    variable: str,
    collection: str,
    conditions: list[Node],
    condition: Code | None,
    type_: Type,
) -> str:
    assert node.value is not None
    facts = [fact for part in conditions for fact in compiler.facts(part, holds=True)]
    with compiler.knowing(facts):
        number = compiler.value(node.value)
    loop = f"for {variable} in {collection}" + (f" if {condition.at(OR)}" if condition else "")
    start = ", Decimal(0)" if type_.kind == "decimal" else ""
    if not number.nullable:
        items = f"{number.at(OR)} {loop}"
    elif number.simple:
        both = f"{condition.at(AND)} and " if condition else ""
        items = f"{number.text} for {variable} in {collection} if {both}{number.text} is not None"
    else:
        items = f"number for number in ({number.at(OR)} {loop}) if number is not None"
    return f"sum(({items}){start})" if start else f"sum({items})"


def rows_of(compiler: Compiler, selection: Selection) -> Code:
    """The rows of a selection as a list."""
    entity, variable, collection, conditions = _selected(compiler, selection)
    type_ = Type("rows", entity.name)
    with compiler.bound(selection, entity, variable):
        condition = _joined(compiler, conditions)
    if condition is None:
        return Code(collection, type_)
    return Code(f"[{variable} for {variable} in {collection} if {condition.at(OR)}]", type_)


def _selected(compiler: Compiler, selection: Selection) -> tuple[Entity, str, str, list[Node]]:
    """The entity, the variable, the source text of the rows, and the conditions that text does not fulfil yet."""
    name, _ = bind_selection(selection, compiler.scope)
    entity = compiler.behaviour.entity(name)
    row_class = class_name(entity)
    references: dict[str, Code] = {}
    collection = selection.collection
    if isinstance(collection, Attribute):
        owner = compiler.identity(collection.target)
        references[_by(compiler.behaviour.entity(str(owner.type.entity)), collection.name)] = owner
    elif isinstance(collection, Name) and collection.name in compiler.scope.names:
        assert compiler.own is not None
        references[_by(compiler.own, collection.name)] = Code(f"{compiler.own_row}.id", INTEGER)
    remaining: list[Node] = []
    for part in _conjuncts(selection.condition):
        found = _reference_test(compiler, part, selection.variable, entity)
        if found is None or found[0] in references:
            remaining.append(part)
        else:
            references[found[0]] = found[1]
    variable = compiler.variable(selection.variable, entity)
    if not references:
        return entity, variable, f"storage.all({row_class})", remaining
    given = ", ".join(f"{identifier(by)}={owner.text}" for by, owner in references.items())
    return entity, variable, f"storage.where({row_class}, {given})", remaining


def _reference_test(compiler: Compiler, node: Node, variable: str, entity: Entity) -> tuple[str, Code] | None:
    """``variable.field == other`` where the field is a reference and ``other`` does not depend on the variable and is not null."""
    if not (isinstance(node, Binary) and node.operator == "=="):
        return None
    for side, other in ((node.left, node.right), (node.right, node.left)):
        if not (isinstance(side, Attribute) and side.target == Name(variable, side.target.position)):
            continue
        declared = next((declared for declared in entity.fields if declared.name == side.name), None)
        if declared is None or declared.type != "reference" or variable in _names(other):
            continue
        code = compiler.identity(other)
        if not code.nullable:
            return side.name, code
    return None


def _joined(compiler: Compiler, conditions: list[Node]) -> Code | None:
    if not conditions:
        return None
    whole = conditions[0]
    for part in conditions[1:]:
        whole = Binary("and", whole, part)
    return compiler.condition(whole)


def _by(owner: Entity, relation: str) -> str:
    """The reference field through which a relation's rows point at their owner."""
    return next(declared.by for declared in owner.relations if declared.name == relation)


def _names(node: Node) -> set[str]:
    return {part.name for part in walk(node) if isinstance(part, Name)}


def _counted(variable: str, collection: str, condition: Code | None) -> str:
    if condition is None:
        return f"len({collection})"
    return f"sum(1 for {variable} in {collection} if {condition.at(OR)})"


def _conjuncts(node: Node | None) -> list[Node]:
    if node is None:
        return []
    if isinstance(node, Binary) and node.operator == "and":
        return [*_conjuncts(node.left), *_conjuncts(node.right)]
    return [node]
