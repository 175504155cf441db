"""Entities and operations: shapes and short forms. What they mean is checked by :func:`agent_dispatcher.behaviour.check_behaviour`."""

from __future__ import annotations

from agent_dispatcher.behaviour import PatternProblem, entity_slug, hint, portable
from agent_dispatcher.models import (
    FIELD_TYPES,
    Assignment,
    Change,
    Constraint,
    Entity,
    Expression,
    Field,
    Guard,
    Operation,
    Relation,
)
from agent_dispatcher.safe_load import Located

from .document import Problems, Section

__all__ = ["Declarations"]

_FLAGS = ("required", "unique")
_KINDS = ("create", "set", "delete")


class Declarations:
    """Reads the entities and operations of one document.

    Args:
        top: the document.
        problems: where problems go.
    """

    def __init__(self, top: Section, problems: Problems) -> None:
        self._top = top
        self._problems = problems
        self._entities = [name for name, _, _ in top.pairs("entities")]

    def entities(self) -> tuple[Entity, ...]:
        """All entities, in order."""
        return tuple(self._entity(name, node, where) for name, node, where in self._top.pairs("entities"))

    def operations(self) -> tuple[Operation, ...]:
        """All operations, in order."""
        return tuple(self._operation(name, node, where) for name, node, where in self._top.pairs("operations"))

    # --- entities

    def _entity(self, name: str, node: Located, where: str) -> Entity:
        section = Section("entity", node, self._problems, where, f"entity {name}")
        return Entity(
            name=name,
            fields=tuple(self._field(*pair) for pair in section.pairs("fields")),
            relations=tuple(self._relation(*pair) for pair in section.pairs("relations")),
            constraints=tuple(self._constraint(name, *pair) for pair in section.pairs("constraints")),
            requirements=section.texts("requirements"),
            summary=section.text("summary"),
            source=where,
        )

    def _field(self, name: str, node: Located, where: str) -> Field:
        if isinstance(node.value, str):
            return self._short_field(name, node.value, where)
        section = Section("field", node, self._problems, where, f"field {name!r}")
        type_, entity = self._type(section.text("type"), section.place("type"))
        if "entity" in section:
            entity = section.text("entity")
        return Field(
            name=name,
            type=type_,
            required=section.flag("required"),
            unique=section.flag("unique"),
            default=section.scalar("default"),
            choices=self._choices(section),
            entity=entity,
            minimum=section.scalar("minimum"),
            maximum=section.scalar("maximum"),
            min_length=section.integer("min_length"),
            max_length=section.integer("max_length"),
            pattern=self._pattern(section),
            summary=section.text("summary"),
            source=where,
        )

    def _short_field(self, name: str, text: str, where: str) -> Field:
        """``text, required, unique``."""
        words = [word.strip() for word in text.split(",")]
        type_, entity = self._type(words[0], where)
        for word in words[1:]:
            if word not in _FLAGS:
                self._problems.add(
                    f"field {name!r}: after the type stand 'required' and 'unique', not {word!r}",
                    where,
                    "write everything else as a mapping, {type: ..., ...}",
                )
        flags = {flag: flag in words[1:] for flag in _FLAGS}
        return Field(
            name=name, type=type_, entity=entity, source=where, required=flags["required"], unique=flags["unique"]
        )

    def _type(self, text: str, where: str) -> tuple[str, str | None]:
        """Type and entity; the name of an entity stands for a reference to it."""
        if text in FIELD_TYPES:
            return text, None
        if text in self._entities:
            return "reference", text
        if text:
            self._problems.add(f"there is no type {text!r}{hint(text, [*FIELD_TYPES, *self._entities])}", where)
        return "text", None

    def _choices(self, section: Section) -> tuple[str, ...]:
        for node in section.items("choices"):
            if not isinstance(node.value, str):
                self._problems.add(f"a choice is a text, and here is {node.kind}", node.where, "put it in quotes")
        return section.texts("choices")

    def _pattern(self, section: Section) -> str | None:
        node = section.get("pattern")
        if node is None:
            return None
        if not isinstance(node.value, str):
            section.problem(f"a pattern is a text, and here is {node.kind}", "pattern", "put it in quotes")
            return None
        try:
            return portable(node.value)
        except PatternProblem as problem:
            section.problem(str(problem), "pattern")
            return None

    def _relation(self, name: str, node: Located, where: str) -> Relation:
        if isinstance(node.value, str):
            entity, dot, by = node.value.partition(".")
            if not dot:
                self._problems.add(f"relation {name!r} is written Entity.field, like Loan.member", where)
            return Relation(name=name, entity=entity.strip(), by=by.strip(), source=where)
        section = Section("relation", node, self._problems, where, f"relation {name!r}")
        return Relation(name=name, entity=section.text("entity"), by=section.text("by"), source=where)

    def _constraint(self, entity: str, name: str, node: Located, where: str) -> Constraint:
        code = f"{entity_slug(entity)}_{name}"
        if not isinstance(node.value, dict):
            return Constraint(name=name, check=self._expression(node, where), error=code, source=where)
        section = Section("constraint", node, self._problems, where, f"constraint {name!r}")
        return Constraint(
            name=name,
            check=self._expression(section.get("check"), section.place("check")),
            error=section.text("error", code),
            message=section.text("message"),
            source=where,
        )

    # --- operations

    def _operation(self, name: str, node: Located, where: str) -> Operation:
        section = Section("operation", node, self._problems, where, f"operation {name}")
        returns = section.get("returns")
        return Operation(
            name=name,
            inputs=tuple(self._field(*pair) for pair in section.pairs("inputs")),
            requires=tuple(self._guard(item) for item in section.items("requires")),
            changes=tuple(self._change(item) for item in section.items("changes")),
            returns=None if returns is None else self._expression(returns, section.place("returns")),
            requirements=section.texts("requirements"),
            summary=section.text("summary"),
            source=where,
        )

    def _guard(self, node: Located) -> Guard:
        section = Section("guard", node, self._problems)
        return Guard(
            error=section.text("error"),
            that=self._expression(section.get("that"), section.place("that")),
            message=section.text("message"),
            source=section.where,
        )

    def _change(self, node: Located) -> Change:
        section = Section("change", node, self._problems)
        kinds = [kind for kind in _KINDS if kind in section]
        if len(kinds) != 1:
            found = " and ".join(kinds) or "neither"
            section.problem(f"a change does one thing: create, set or delete, and here is {found}")
        kind = kinds[0] if kinds else "create"
        each = section.get("each")
        return Change(
            kind=kind,
            entity=section.text("create") or None if kind == "create" else None,
            target=None if kind == "create" else self._expression(section.get(kind), section.place(kind)),
            assignments=tuple(
                Assignment(field=name, value=self._expression(item, where, null=True))
                for name, item, where in section.pairs("with")
            ),
            name=section.text("as") or None,
            each=None if each is None else self._expression(each, section.place("each")),
            source=section.where,
        )

    def _expression(self, node: Located | None, where: str, *, null: bool = False) -> Expression:
        """The text of an expression; numbers, ``true``, ``false`` and ``null`` may stand without quotes."""
        if node is None:
            return Expression(text="null", source=where)
        if isinstance(node.value, dict | tuple):
            self._problems.add(f"an expression is a text, and here is {node.kind}", where)
            return Expression(text="null", source=where)
        if node.value is None:
            if not null or not node.text:
                self._problems.add("an expression is missing here", where, "write null for no value")
            return Expression(text="null", source=where)
        text = {True: "true", False: "false"}.get(node.value, node.text) if isinstance(node.value, bool) else node.text
        return Expression(text=text.strip(), source=where)
