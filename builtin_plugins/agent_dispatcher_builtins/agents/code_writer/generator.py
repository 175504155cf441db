"""The package that declared behaviour asks for: every file of :func:`..languages.python.layout.layout` that is not a test.

A pure function of the specification: the same input gives the same bytes. Texts of the specification enter as values (literals, docstrings,
escaped Markdown), names only when they are plain identifiers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from agent_dispatcher.behaviour import constraint_scope, parse, to_value
from agent_dispatcher.errors import Problem, SpecificationError
from agent_dispatcher.models import Behaviour, Entity, Specification

from ...languages.python.interface import (
    class_name,
    console_script,
    entity_module,
    entity_slug,
    identifier,
    operations_module,
    package_name,
    source_path,
)
from ...languages.python.layout import layout, operation_groups
from . import text
from .checks import check
from .code import python_type, walk
from .commands import commands, kinds
from .documents import readme, reference
from .expressions import Compiler
from .modules import all_names, import_statement, imports, used_helpers, values_module
from .operations import function
from .rendering import render
from .wrap import statement

__all__ = ["generate"]

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ENTITY = re.compile(r"[A-Z][A-Za-z0-9]*")
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


def generate(
    specification: Specification,
    paths: Collection[str] | None = None,
    *,
    promised: Collection[str] | None = None,
) -> dict[str, str]:
    """The text of each file.

    Args:
        specification: with behaviour.
        paths: the files that are wanted; all when ``None``.
        promised: all files that will be there in the end; everything of the layout when ``None``. The package's metadata mentions
            a README and an extra for tests only when there are some.

    Raises:
        SpecificationError: there is no behaviour, or a name in it is no plain identifier.
        KeyError: a path that is none of :func:`.acceptance.generated_paths`.
    """
    behaviour = specification.behaviour
    found = layout(specification)
    if behaviour is None or found is None:
        raise SpecificationError(Problem("nothing is declared to generate code from", specification.path))
    _refuse_odd_names(behaviour)
    if promised is None:
        promised = [path for module in found.modules for path in module.paths]
    package = _Package(specification, behaviour, frozenset(promised))
    writers = package.writers()
    return {path: writers[path]() for path in (writers if paths is None else paths)}


def _refuse_odd_names(behaviour: Behaviour) -> None:
    """Formats refuse such names already; a behaviour may have been built in memory."""
    named: list[tuple[str, str, re.Pattern[str]]] = [("package", behaviour.package, _NAME)]
    for entity in behaviour.entities:
        named.append((entity.source, entity.name, _ENTITY))
        named += [(declared.source, declared.name, _NAME) for declared in entity.fields]
        named += [(relation.source, relation.name, _NAME) for relation in entity.relations]
        named += [(part.source, part.error, _CODE) for part in entity.constraints]
    for operation in behaviour.operations:
        named.append((operation.source, operation.name, _NAME))
        named += [(given.source, given.name, _NAME) for given in operation.inputs]
        named += [(change.source, change.name, _NAME) for change in operation.changes if change.name is not None]
        named += [(guard.source, guard.error, _CODE) for guard in operation.requires]
    problems = [
        Problem(f"{name!r} cannot be a name in Python code", where, "use letters, digits and underscores")
        for where, name, pattern in named
        if pattern.fullmatch(name) is None
    ]
    if problems:
        raise SpecificationError(problems)


class _Package:
    """The files of one package, each by a function of its own."""

    def __init__(self, specification: Specification, behaviour: Behaviour, promised: frozenset[str]) -> None:
        self.specification = specification
        self.behaviour = behaviour
        self.promised = promised
        self.package = package_name(behaviour)
        self.groups = operation_groups(behaviour)
        self.bodies: dict[str, str] = {}
        self.classes = {class_name(entity): entity_module(behaviour, entity) for entity in behaviour.entities}
        self.own = {
            "DomainError": f"{self.package}.errors",
            "Storage": f"{self.package}.storage",
            "TABLES": f"{self.package}.schema",
            "__version__": self.package,
            "operations": self.package,
            "values": self.package,
            **self.classes,
        }

    def writers(self) -> dict[str, Callable[[], str]]:
        """What writes each file, in the order of the layout."""
        package = self.package
        found: dict[str, Callable[[], str]] = {
            "pyproject.toml": self.pyproject,
            ".gitignore": lambda: render("gitignore.jinja"),
            source_path(package, package=True): self.root,
            f"src/{package}/py.typed": lambda: "",
            source_path(f"{package}.errors"): lambda: _kept("errors.py"),
            source_path(f"{package}.values"): self.values,
        }
        for entity in self.behaviour.entities:
            found[source_path(entity_module(self.behaviour, entity))] = _later(self.model, entity)
        found[source_path(f"{package}.models", package=True)] = self.models
        found[source_path(f"{package}.schema")] = self.schema
        found[source_path(f"{package}.constraints")] = self.constraints
        found[source_path(f"{package}.storage")] = lambda: render("storage.py.jinja", package=package)
        for group, operations in self.groups.items():
            found[source_path(operations_module(self.behaviour, operations[0]))] = _later(self.operations, group)
        found[source_path(f"{package}.operations", package=True)] = self.operations_root
        found[source_path(f"{package}.cli")] = self.cli
        found["README.md"] = lambda: readme(self.specification, self.behaviour, with_tests=self._has_tests())
        found["docs/reference.md"] = lambda: reference(self.specification, self.behaviour)
        return found

    # --- the skeleton

    def _has_tests(self) -> bool:
        return any(path.startswith("tests/") for path in self.promised)

    def pyproject(self) -> str:
        summary = self.specification.summary or self.specification.title
        return render(
            "pyproject.toml.jinja",
            package=self.package,
            script=console_script(self.behaviour),
            description=text.toml(summary),
            has_readme="README.md" in self.promised,
            has_tests=self._has_tests(),
        )

    def root(self) -> str:
        summary = text.sentence(self.specification.title, self.package)
        return render("package.py.jinja", docstring=text.docstring([summary]))

    def values(self) -> str:
        bodies = [self._model_body(entity) for entity in self.behaviour.entities]
        bodies += [self._constraints_body(), *map(self._operations_body, self.groups)]
        return values_module(self.package, {name for body in bodies for name in used_helpers(body)})

    # --- models

    def model(self, entity: Entity) -> str:
        title = text.sentence(entity.summary, f"{entity_slug(entity.name).replace('_', ' ')}")
        return self._module(
            [f"The model {entity.name}: {title[:1].lower()}{title[1:]}"], self._model_body(entity), [class_name(entity)]
        )

    def _model_body(self, entity: Entity) -> str:
        parts = [text.sentence(entity.summary, entity_slug(entity.name).replace("_", " "))]
        described = [
            f"    {identifier(field.name)}: {text.sentence(field.summary)}"
            for field in entity.fields
            if text.one_line(field.summary)
        ]
        if described:
            parts.append("\n".join(["Attributes:", *described]))
        fields, checks = [], []
        for field in entity.fields:
            name = identifier(field.name)
            annotation = python_type(field, self.behaviour, nullable=not field.required)
            default = "" if field.required else " = None"
            if field.default is not None and field.type != "reference":
                default = f" = {text.value(to_value(field, field.default))}"
            fields.append(f"{name}: {annotation}{default}")
            if field.type == "decimal":
                checks.append(statement(8, "", f'object.__setattr__(self, "{name}", values.to_decimal(self.{name}))'))
            checks += check(8, field, f"self.{name}", f"{entity_slug(entity.name)}_{field.name}")
        return render(
            "model.py.jinja", name=class_name(entity), docstring=text.docstring(parts, 4), fields=fields, checks=checks
        )

    def models(self) -> str:
        return self._reexports("What is kept: one frozen class for each kind of row.", self.classes)

    # --- storage

    def schema(self) -> str:
        tables = []
        for entity in self.behaviour.entities:
            columns = [self._column(entity, index) for index in range(len(entity.fields))]
            arguments = [f"row={class_name(entity)}", f'name="{entity_slug(entity.name)}"']
            if columns:
                arguments.append(f"columns=({', '.join(columns)},)")
            tables.append(f"Table({', '.join(arguments)})")
        body = statement(0, "TABLES: tuple[Table, ...] = ", f"({', '.join(tables)}{',' if tables else ''})")
        return render("schema.py.jinja", imports=imports(body, self.classes), tables=body)

    def _column(self, entity: Entity, index: int) -> str:
        field = entity.fields[index]
        kind = "text" if field.type == "choice" else field.type
        arguments = [f'name="{field.name}"', f'kind="{kind}"', f'attribute="{identifier(field.name)}"']
        arguments += [f"{name}=True" for name in ("required", "unique") if getattr(field, name)]
        if field.entity is not None:
            arguments.append(f'references="{entity_slug(field.entity)}"')
        return f"Column({', '.join(arguments)})"

    def constraints(self) -> str:
        body = self._constraints_body()
        if not body:
            return render("constraints_none.py.jinja")
        return self._module(
            ["Conditions over several fields, or over a row and what belongs to it."],
            body,
            ["CONSTRAINTS"],
            typing_only={"Storage"},
        )

    def _constraints_body(self) -> str:
        constrained = [entity for entity in self.behaviour.entities if entity.constraints]
        if not constrained:
            return ""
        functions = [self._constraint_function(entity) for entity in constrained]
        entries = "".join(f"    {class_name(entity)}: _check_{entity_slug(entity.name)},\n" for entity in constrained)
        table = f"CONSTRAINTS: dict[type[Any], Callable[[Storage, Any], None]] = {{\n{entries}}}\n"
        return "\n\n".join([*functions, table])

    def _constraint_function(self, entity: Entity) -> str:
        slug = entity_slug(entity.name)
        nodes = [parse(constraint.check.text, constraint.check.source) for constraint in entity.constraints]
        variables = {getattr(part, "variable", "") for node in nodes for part in walk(node)}
        row = f"{identifier(slug).rstrip('_')}_row" if slug in variables else identifier(slug)
        compiler = Compiler(
            behaviour=self.behaviour,
            scope=constraint_scope(self.behaviour, entity),
            fields={field.name: (f"{row}.{identifier(field.name)}", not field.required) for field in entity.fields},
            own=entity,
            own_row=row,
            taken=frozenset({row, "storage"}),
        )
        lines = [f"def _check_{slug}(storage: Storage, {row}: {class_name(entity)}) -> None:"]
        summary = f"Refuse a {slug.replace('_', ' ')} that breaks one of its own rules."
        lines.append(f"    {text.docstring([summary], 4)}")
        for constraint, node in zip(entity.constraints, nodes, strict=True):
            condition = compiler.condition(node, negated=True)
            message = text.one_line(constraint.message)
            arguments = [text.literal(constraint.error), *([text.literal(message)] if message else [])]
            lines.append(statement(4, "if ", condition.text, ":"))
            lines.append(statement(8, "raise ", f"DomainError({', '.join(arguments)})"))
        return "\n".join(lines) + "\n"

    # --- operations and command line

    def operations(self, group: str) -> str:
        return self._module(
            [f"The operations of the group {group}."],
            self._operations_body(group),
            [identifier(operation.name) for operation in self.groups[group]],
        )

    def _operations_body(self, group: str) -> str:
        if group not in self.bodies:
            functions = [function(self.behaviour, operation) for operation in self.groups[group]]
            self.bodies[group] = "\n\n".join(functions)
        return self.bodies[group]

    def operations_root(self) -> str:
        names = {
            identifier(operation.name): operations_module(self.behaviour, operation)
            for operation in self.behaviour.operations
        }
        return self._reexports("What can be done: one function for each operation.", names)

    def cli(self) -> str:
        script = console_script(self.behaviour)
        values = {
            "help": text.literal(text.sentence(self.specification.title, script)),
            "kinds": kinds(self.behaviour),
            "variable": text.literal(f"{self.behaviour.package.upper()}_DATABASE"),
            "database": text.literal(f"{self.behaviour.package}.db"),
            "commands": "\n\n\n".join(command.rstrip("\n") for command in commands(self.behaviour)),
        }
        body = render("cli.py.jinja", imports="", **values)
        needed = imports(body, self.own, modules=["json", "sqlite3"], others=["click"])
        return render("cli.py.jinja", imports=needed, **values)

    # --- modules

    def _module(self, docstring: list[str], body: str, names: list[str], *, typing_only: set[str] | None = None) -> str:
        later = typing_only or set()
        own = {name: module for name, module in self.own.items() if name not in later}
        needed = imports(body, own)
        if later:
            lines = "\n".join(f"    {import_statement(self.own[name], [name])}" for name in sorted(later))
            needed = needed.replace("from typing import Any", "from typing import TYPE_CHECKING, Any")
            needed = f"{needed}\n\nif TYPE_CHECKING:\n{lines}"
        return render(
            "module.py.jinja",
            docstring=text.docstring(docstring),
            imports=needed,
            names=all_names(names),
            body=body.rstrip("\n"),
        )

    def _reexports(self, docstring: str, origin: dict[str, str]) -> str:
        by_module: dict[str, list[str]] = {}
        for name, module in origin.items():
            by_module.setdefault(module, []).append(name)
        return render(
            "reexports.py.jinja",
            docstring=text.docstring([docstring]),
            imports="\n".join(import_statement(module, names) for module, names in sorted(by_module.items())),
            names=all_names(origin),
        )


def _later(write: Callable[[Any], str], argument: Any) -> Callable[[], str]:
    return lambda: write(argument)


def _kept(name: str) -> str:
    return (Path(__file__).parent / "kept" / name).read_text(encoding="utf-8")
