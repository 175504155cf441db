"""Expressions of the specification as Python: direct where nothing can be null, with a named helper where something can.

A :class:`Compiler` knows the names that an expression sees and gives flat source text; what that text needs to have imported is seen
from the finished module. A row is compiled in one of two forms: its identity (an id) for comparisons and references, or the row itself when a field is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from attrs import evolve, field, mutable

from agent_dispatcher.behaviour import (
    Aggregate,
    Attribute,
    Binary,
    Call,
    In,
    IsNull,
    Literal,
    Name,
    Node,
    Scope,
    Selection,
    Type,
    Unary,
    bind_selection,
    infer,
)
from agent_dispatcher.models import Behaviour, Entity

from ...languages.python.interface import class_name, entity_slug, identifier
from . import conditions, functions, selections, text
from .code import ATOM, CHOICE, INTEGER, Code, RowName

__all__ = ["Compiler"]


@mutable
class Compiler:
    """Compiles the expressions of one function.

    Attributes:
        scope: the names and their types.
        rows: how each name of a row is written.
        fields: how each other name is written, and whether it can be null.
        own: the entity whose fields and relations are names here (constraints).
        own_row: source text of that row.
        taken: names that a variable of a comprehension cannot have.
        read: keys of the row names whose ``row`` was used.
        aliases: variables that hold what a source text would read from the storage.
        aliased: is told which of them were used.
        known: source texts that are known not to be null here.
        depth: how many aggregates the compiled node is inside of.
        hoist: gives a name to an aggregate that is not inside another one; ``None`` leaves aggregates where they are.
    """

    behaviour: Behaviour
    scope: Scope
    rows: dict[str, RowName] = field(factory=dict)
    fields: dict[str, tuple[str, bool]] = field(factory=dict)
    own: Entity | None = None
    own_row: str = ""
    taken: frozenset[str] = frozenset()
    read: set[str] = field(factory=set)
    aliases: dict[str, str] = field(factory=dict)
    aliased: set[str] = field(factory=set)
    hoist: Callable[[Aggregate, str, Code], str] | None = None
    known: frozenset[str] = frozenset()
    depth: int = 0

    def value(self, node: Node) -> Code:
        """The value of a node: ``None`` for null; the id of a row."""
        code = self._value(node)
        if code.nullable and code.text in self.known:
            return evolve(code, nullable=False)
        return code

    def condition(self, node: Node, *, negated: bool = False) -> Code:
        """A node where a condition is expected: null counts as false. ``negated`` gives the opposite without a ``not`` around it."""
        return conditions.condition(self, node, negated)

    def selection(self, selection: Selection) -> Code:
        """The rows of a selection as a list."""
        return selections.rows_of(self, selection)

    def row(self, node: Node) -> Code:
        """A node of row type as the row object."""
        if isinstance(node, Name) and node.name in self.rows:
            return self.named_row(self.rows[node.name])
        ident = self.value(node)
        return self.stored_row(self.behaviour.entity(str(ident.type.entity)), ident)

    def as_type(self, code: Code, wanted: Type) -> Code:
        """``code`` where a value of type ``wanted`` is expected: an integer becomes a decimal."""
        if wanted.kind != "decimal" or code.type.kind != "integer":
            return code
        if code.nullable:
            return Code(f"values.apply(Decimal, {code.text})", wanted, nullable=True)
        return Code(f"Decimal({code.text})", wanted)

    def named_row(self, name: RowName) -> Code:
        type_ = Type("row", name.entity.name)
        if name.key and (name.row is not None or name.stored):
            self.read.add(name.key)
        if name.row is not None:
            nullable = name.row_nullable and name.row not in self.known
            return Code(name.row, type_, nullable=nullable)
        return self.stored_row(name.entity, Code(name.ident, type_, nullable=name.nullable or name.gone))

    def stored_row(self, entity: Entity, ident: Code) -> Code:
        method = "get" if ident.nullable else "require"
        source = f"storage.{method}({class_name(entity)}, {ident.text})"
        if source in self.aliases:
            self.aliased.add(source)
            source = self.aliases[source]
        return Code(source, Type("row", entity.name), nullable=ident.nullable)

    def _identity(self, name: RowName, *, typed: bool) -> Code:
        """The id of a named row; ``typed`` where the type checker must know that it is an integer."""
        type_ = Type("row", name.entity.name)
        if name.key and name.stored:
            self.read.add(name.key)
        if name.gone:
            row = self.stored_row(name.entity, Code(name.ident, type_, nullable=True))
            return Code(f"values.apply(values.id_of, {row.text})", type_, nullable=True)
        if name.stored and typed:
            return Code(f"values.id_of({name.ident.removesuffix('.id')})", type_)
        return Code(name.ident, type_, nullable=name.nullable and name.ident not in self.known)

    def identity(self, node: Node, *, typed: bool = False) -> Code:
        """A node of row type as an id."""
        if isinstance(node, Name) and node.name in self.rows:
            return self._identity(self.rows[node.name], typed=typed)
        return self.value(node)

    def _value(self, node: Node) -> Code:
        match node:
            case Literal():
                return self._literal(node)
            case Name():
                return self._name(node)
            case Attribute():
                return self._attribute(node)
            case Unary(operator="-"):
                return functions.negative(self, node)
            case Binary(operator="+" | "-" | "*" | "/" | "%"):
                return functions.arithmetic(self, node)
            case Call():
                return functions.call(self, node)
            case Aggregate():
                return selections.aggregate(self, node)
            case _:
                code = conditions.condition(self, node, False)
                return code if self.is_boolean(node) else Code(f"bool({code.text})", code.type)

    def type_of(self, node: Node) -> Type:
        return infer(node, self.scope)

    def is_boolean(self, node: Node) -> bool:
        """Whether the compiled condition is ``True`` or ``False``, and not just true or false."""
        match node:
            case Binary(operator="and" | "or", left=left, right=right):
                return self.is_boolean(left) and self.is_boolean(right)
            case Unary() | Binary() | In() | IsNull():
                return True
            case _:
                hoist, self.hoist = self.hoist, None
                nullable = self.value(node).nullable
                self.hoist = hoist
                return not nullable

    def _literal(self, node: Literal) -> Code:
        return Code(text.value(node.value), self.type_of(node), nullable=node.value is None)

    def _name(self, node: Name) -> Code:
        if node.name in self.rows:
            return self._identity(self.rows[node.name], typed=True)
        if self.own is not None and node.name == "id":
            return Code(f"values.id_of({self.own_row})", INTEGER)
        source, nullable = self.fields[node.name]
        return Code(source, self.type_of(node), nullable=nullable)

    def _attribute(self, node: Attribute) -> Code:
        type_ = self.type_of(node)
        row = self.row(node.target)
        entity = self.behaviour.entity(str(row.type.entity))
        if node.name == "id":
            ident = self.identity(node.target, typed=True)
            return Code(ident.text, type_, nullable=ident.nullable)
        declared = next(declared for declared in entity.fields if declared.name == node.name)
        attribute = identifier(node.name)
        if not row.nullable:
            return Code(f"{row.at(ATOM)}.{attribute}", type_, nullable=not declared.required)
        if row.simple:
            source = f"{row.text}.{attribute} if {row.text} is not None else None"
            return Code(source, type_, nullable=True, binds=CHOICE)
        return functions.applied(f"lambda row: row.{attribute}", row, type_)

    def facts(self, node: Node, *, holds: bool) -> frozenset[str]:
        """Source texts that cannot be null when ``node`` holds (or, not ``holds``, when it does not)."""
        hoist, self.hoist = self.hoist, None
        try:
            return frozenset(conditions.found_facts(self, node, holds))
        finally:
            self.hoist = hoist

    @contextmanager
    def knowing(self, facts: Iterable[str]) -> Iterator[None]:
        """Within it, the given source texts are known not to be null."""
        before = self.known
        self.known = before | frozenset(facts)
        try:
            yield
        finally:
            self.known = before

    def variable(self, name: str, entity: Entity) -> str:
        """The name of a selection's variable in Python."""
        variable = identifier(name)
        slug = identifier(entity_slug(entity.name))
        free = slug not in self.taken and slug not in self.scope.names
        if variable in ("l", "O", "I") or not variable.islower():
            variable = slug if free else f"{slug}_{variable.lower()}"
        bound = {name.row for name in self.rows.values()}
        while variable in self.taken or variable in bound:
            variable += "_"
        return variable

    @contextmanager
    def bound(self, selection: Selection, entity: Entity, variable: str) -> Iterator[None]:
        """Within it, the selection's variable is a row."""
        scope, rows = self.scope, self.rows
        _, self.scope = bind_selection(selection, scope)
        bound = RowName(entity=entity, ident=f"{variable}.id", row=variable, stored=True)
        self.rows = {**rows, selection.variable: bound}
        try:
            yield
        finally:
            self.scope, self.rows = scope, rows
