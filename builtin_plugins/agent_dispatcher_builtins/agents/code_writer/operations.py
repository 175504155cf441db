"""The function of one operation: inputs, guards, changes and result, in the order the specification's meaning prescribes.

A name of a row stands for the row as it is at that moment. So a row that was read is used until a change may have touched it; then it
is read again. Every function is written twice: the first time to see which rows are read at all, the second time without the rest.
"""

from __future__ import annotations

import ast

from attrs import evolve, field, mutable

from agent_dispatcher.behaviour import (
    Aggregate,
    Name,
    Node,
    Scope,
    Selection,
    field_type,
    infer,
    operation_scopes,
    parse,
    parse_selection,
    to_value,
)
from agent_dispatcher.behaviour.scopes import ChangeScope
from agent_dispatcher.models import Assignment, Behaviour, Change, Entity, Field, Guard, Operation

from ...languages.python.interface import class_name, entity_slug, identifier
from . import text
from .checks import check
from .code import Code, RowName, python_type, walk
from .expressions import Compiler
from .wrap import WIDTH, definition, statement

__all__ = ["function"]

_BODY = 8


def function(behaviour: Behaviour, operation: Operation) -> str:
    """The source text of an operation's function."""
    draft = _Writer(behaviour, operation, wanted=None)
    draft.write()
    wanted = frozenset(draft.used)
    while True:
        final = _Writer(behaviour, operation, wanted=wanted)
        source = final.write()
        idle = {key for key, name in final.variables.items() if name not in _read(source)}
        if not idle & wanted:
            return source
        wanted -= idle


def _read(source: str) -> set[str]:
    """The names that a function reads, rather than assigns."""
    return {
        node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


@mutable
class _Writer:
    """Writes one function.

    Attributes:
        wanted: keys of the rows that are worth a variable; ``None`` for all.
        used: keys of the rows whose variable was read.
        rows, fields: how the names of the specification are written at this point.
        taken: names that no further variable can have.
        variables: the variable of each key that has one.
        locals: entity of each variable that holds a row.
        returns: the annotation of the result.
        last: the number of lines after the last statement that was added here, its prefix and its expression.
    """

    behaviour: Behaviour
    operation: Operation
    wanted: frozenset[str] | None
    used: set[str] = field(factory=set)
    lines: list[str] = field(factory=list)
    rows: dict[str, RowName] = field(factory=dict)
    fields: dict[str, tuple[str, bool]] = field(factory=dict)
    taken: set[str] = field(factory=set)
    variables: dict[str, str] = field(factory=dict)
    locals: dict[str, str] = field(factory=dict)
    returns: str = "None"
    last: tuple[int, str, str] = (0, "", "")

    def write(self) -> str:
        operation = self.operation
        scopes = operation_scopes(self.behaviour, operation)
        self.taken = {identifier(name) for name in _spec_names(operation)} | {"storage"}
        for given in operation.inputs:
            self._input(given)
        for guard in operation.requires:
            self._guard(guard, scopes.guards)
        for index, seen in enumerate(scopes.changes):
            self._change(index, seen)
        self._result(scopes.returns)
        head = definition(0, identifier(operation.name), ["storage: Storage", *self._parameters()], self.returns)
        body = "\n".join(self.lines) or f"{' ' * _BODY}pass"
        return f"{head}\n    {self._docstring()}\n    with storage.transaction():\n{body}\n"

    def _parameters(self) -> list[str]:
        if not self.operation.inputs:
            return []
        found = ["*"]
        for given in self.operation.inputs:
            annotation = python_type(given, self.behaviour, nullable=not given.required)
            default = ""
            if given.default is not None and given.type != "reference":
                default = f" = {text.value(to_value(given, given.default))}"
            elif not given.required:
                default = " = None"
            found.append(f"{identifier(given.name)}: {annotation}{default}")
        return found

    def _docstring(self) -> str:
        operation = self.operation
        parts = [text.sentence(operation.summary, operation.name.replace("_", " "))]
        arguments = [
            f"    {identifier(given.name)}: {text.sentence(given.summary)}"
            for given in operation.inputs
            if text.one_line(given.summary)
        ]
        if arguments:
            parts.append("\n".join(["Args:", *arguments]))
        if operation.requires:
            guards = [f"    DomainError: ``{guard.error}``. {_reason(guard)}" for guard in operation.requires]
            parts.append("\n".join(["Raises:", *guards]))
        return text.docstring(parts, 4)

    # --- parts

    def _input(self, given: Field) -> None:
        name = identifier(given.name)
        label = f"{self.operation.name}_{given.name}"
        self.lines += check(_BODY, given, name, label)
        if given.type != "reference":
            self.fields[given.name] = (name, not given.required)
            return
        entity = self.behaviour.entity(given.entity or "")
        row_class, method = class_name(entity), "require" if given.required else "find"
        key = f"input {given.name}"
        row = None
        call = f"storage.{method}({row_class}, {name})"
        if self._wants(key):
            row = self._free(f"{name.rstrip('_')}_row")
            self.variables[key] = row
            self._add(f"{row} = ", call)
        else:
            self._add("", call)
        self.rows[given.name] = RowName(
            entity=entity,
            ident=name,
            row=row,
            row_nullable=not given.required,
            nullable=not given.required,
            key=key if row else "",
        )

    def _guard(self, guard: Guard, scope: Scope) -> None:
        node = parse(guard.that.text, guard.that.source)
        condition = self._compiler(scope).condition(node, negated=True)
        if len(condition.text) + _BODY + 4 > WIDTH:
            compiler = self._compiler(scope)
            compiler.hoist = self._hoist
            condition = compiler.condition(node, negated=True)
        self._add("if ", condition.text, ":")
        message = f", {text.literal(text.one_line(guard.message))}" if text.one_line(guard.message) else ""
        self._add("raise ", f"DomainError({text.literal(guard.error)}{message})", indent=4)

    def _hoist(self, node: Aggregate, slug: str, code: Code) -> str:
        name = self._free({"count": f"{slug}_count", "exists": f"has_{slug}", "sum": f"{slug}_sum"}[node.kind])
        self._add(f"{name} = ", code.text)
        return name

    def _change(self, index: int, seen: ChangeScope) -> None:
        entity = self.behaviour.entity(seen.entity)
        if seen.change.each is None:
            self._apply(index, seen, entity, 0)
            return
        selection = parse_selection(seen.change.each.text, seen.change.each.source)
        compiler = self._compiler(seen.before)
        matched = compiler.selection(selection)
        self._note(compiler)
        bound = self.behaviour.entity(str(matched.type.entity))
        key = f"each {index}"
        variable = self._local(compiler.variable(selection.variable, bound), bound) if self._wants(key) else "_"
        self.variables[key] = variable
        outer = dict(self.rows)
        target = self._target(seen)
        if seen.change.kind != "create":
            self._touch(entity, gone=seen.change.kind == "delete")
        own = isinstance(target, Name) and target.name == selection.variable
        fresh = own or seen.change.kind == "create" or bound.name != entity.name
        self.rows[selection.variable] = RowName(
            entity=bound,
            ident=f"{variable}.id",
            row=variable if fresh else None,
            gone=not fresh and seen.change.kind == "delete",
            stored=True,
            key=key,
        )
        self._add(f"for {variable} in ", matched.text, ":")
        self._apply(index, seen, entity, 4)
        self.rows = {name: row for name, row in self.rows.items() if name in outer}

    def _apply(self, index: int, seen: ChangeScope, entity: Entity, indent: int) -> None:
        change, scope = seen.change, seen.inside
        key = f"change {index}"
        if change.kind == "create":
            values = [self._assignment(assignment, entity, scope) for assignment in change.assignments]
            created = f"storage.add({class_name(entity)}({', '.join(values)}))"
            name = change.name if change.each is None else None
            known = self._local(identifier(name), entity) if name else ""
            self._add(f"{known} = " if name and self._wants(key) else "", created, indent=indent)
            if name:
                self.variables[key] = known
                self.rows[name] = RowName(entity=entity, ident=f"{known}.id", row=known, stored=True, key=key)
            return
        target = self._target(seen)
        assert target is not None
        compiler = self._compiler(scope)
        row = compiler.row(target)
        self._note(compiler)
        source = row.text
        if row.nullable:
            ident = self._compiler(scope).identity(target)
            source = f"storage.require({class_name(entity)}, {ident.text})"
        values, source = self._written(change, source, entity, scope, indent)
        name = target.name if isinstance(target, Name) and target.name in self.rows else ""
        before = self.rows.get(name)
        if change.kind == "delete":
            self._add("", f"storage.remove({source})", indent=indent)
            self._touch(entity, gone=True)
            return
        updated = f"storage.update(replace({', '.join([source, *values])}))"
        if before is None or before.row is None or change.each is not None or not self._wants(key):
            self._add("", updated, indent=indent)
            self._touch(entity, gone=False)
            return
        self._add(f"{before.row} = ", updated, indent=indent)
        self._touch(entity, gone=False)
        self.rows[name] = evolve(before, key=key, row_nullable=False)

    def _written(self, change: Change, source: str, entity: Entity, scope: Scope, indent: int) -> tuple[list[str], str]:
        """The values of a change, and its row: in a variable of its own if the values look at it too."""
        used: set[str] = set()
        alias = ""
        if source.startswith("storage."):
            alias = self._free(f"{entity_slug(entity.name)}_row")
            for assignment in change.assignments:
                self._assignment(assignment, entity, scope, {source: alias}, used)
        aliases = {source: alias} if source in used else {}
        if not aliases:
            self.taken.discard(alias)
        else:
            self._add(f"{alias} = ", source, indent=indent)
        values = [self._assignment(assignment, entity, scope, aliases) for assignment in change.assignments]
        return values, aliases.get(source, source)

    def _assignment(
        self,
        assignment: Assignment,
        entity: Entity,
        scope: Scope,
        aliases: dict[str, str] | None = None,
        used: set[str] | None = None,
    ) -> str:
        declared = next(declared for declared in entity.fields if declared.name == assignment.field)
        node = parse(assignment.value.text, assignment.value.source)
        compiler = self._compiler(scope)
        compiler.aliases = aliases or {}
        compiler.aliased = set() if used is None else used
        wanted = field_type(declared)
        code = compiler.identity(node, typed=True) if infer(node, scope).kind == "row" else compiler.value(node)
        code = compiler.as_type(code, wanted)
        self._note(compiler)
        source = code.text
        if code.nullable and declared.required:
            annotation = python_type(declared, self.behaviour, nullable=False)
            source = f'cast("{annotation}", {source})'
        return f"{identifier(declared.name)}={source}"

    def _result(self, scope: Scope) -> None:
        returns = self.operation.returns
        if returns is None:
            return
        node = parse(returns.text, returns.source)
        compiler = self._compiler(scope)
        type_ = infer(node, scope)
        if isinstance(node, Aggregate) and node.kind == "select":
            code = compiler.selection(node.selection)
        elif type_.kind == "row":
            code = compiler.row(node)
        else:
            code = compiler.value(node)
        self._note(compiler)
        self.returns = python_type(type_, self.behaviour, nullable=code.nullable)
        count, prefix, expression = self.last
        if prefix == f"{code.text} = " and count == len(self.lines):
            self.lines.pop()
            self._add("return ", expression)
            self.variables = {key: name for key, name in self.variables.items() if name != code.text}
        else:
            self._add("return ", code.text)

    # --- names

    def _compiler(self, scope: Scope) -> Compiler:
        return Compiler(
            behaviour=self.behaviour,
            scope=scope,
            rows=dict(self.rows),
            fields=dict(self.fields),
            taken=frozenset(self.taken - {identifier(name) for name in _variables(self.operation)}),
            read=self.used,
        )

    def _note(self, compiler: Compiler) -> None:
        self.used |= compiler.read

    def _target(self, seen: ChangeScope) -> Node | None:
        target = seen.change.target
        return None if target is None else parse(target.text, target.source)

    def _touch(self, entity: Entity, *, gone: bool) -> None:
        """A row of ``entity`` was changed or deleted: none that was read before is up to date."""
        for name, row in self.rows.items():
            if row.entity.name == entity.name:
                self.rows[name] = evolve(row, row=None, gone=row.gone or gone)

    def _wants(self, key: str) -> bool:
        return self.wanted is None or key in self.wanted

    def _local(self, name: str, entity: Entity) -> str:
        """A variable for rows of ``entity``; one name never stands for rows of two."""
        while self.locals.setdefault(name, entity.name) != entity.name:
            name += "_"
        return name

    def _free(self, name: str) -> str:
        """A variable that means nothing else in the function."""
        found, number = name, 1
        while found in self.taken:
            number += 1
            found = f"{name}_{number}"
        self.taken.add(found)
        return found

    def _add(self, prefix: str, expression: str, suffix: str = "", *, indent: int = 0) -> None:
        self.lines.append(statement(_BODY + indent, prefix, expression, suffix))
        self.last = (len(self.lines), prefix, expression) if indent == 0 else (0, "", "")


def _reason(guard: Guard) -> str:
    return text.sentence(guard.message or f"Unless {text.one_line(guard.that.text)}")


def _spec_names(operation: Operation) -> set[str]:
    names = {given.name for given in operation.inputs} | _variables(operation)
    return names | {change.name for change in operation.changes if change.name}


def _variables(operation: Operation) -> set[str]:
    """The variables of all selections."""
    nodes: list[Node | Selection] = []
    for guard in operation.requires:
        nodes.append(parse(guard.that.text, guard.that.source))
    for change in operation.changes:
        if change.each is not None:
            nodes.append(parse_selection(change.each.text, change.each.source))
        if change.target is not None:
            nodes.append(parse(change.target.text, change.target.source))
        nodes += [parse(item.value.text, item.value.source) for item in change.assignments]
    if operation.returns is not None:
        nodes.append(parse(operation.returns.text, operation.returns.source))
    return {part.variable for node in nodes for part in walk(node) if isinstance(part, Selection)}
