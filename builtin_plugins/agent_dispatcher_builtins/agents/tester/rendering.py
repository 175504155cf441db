"""Situations as the lines of a test: rows are added, the call is made, result and rows are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent_dispatcher.models import Field

from ...languages.python.interface import identifier
from .interpreter import Ref
from .scenarios import Alias, Given, Outcome, Prepared, Scenario
from .source import Code, Group, TestModule, call, layout, text_literal, variable
from .subject import Subject

__all__ = ["RESERVED", "ScenarioLines", "add_helpers"]

#: Names that test functions and their modules use themselves.
RESERVED = frozenset(
    {
        *(
            "storage",
            "storage_at",
            "result",
            "error",
            "before",
            "expected",
            "everything",
            "outcome",
            "replace",
            "pytest",
        ),
        *("date", "datetime", "inputs", "value", "code", "given", "at", "json", "runner", "path", "main", "rows"),
    }
)

_HELPERS = '''
@pytest.fixture
def storage_at() -> Iterator[Callable[[str], Storage]]:
    """Opens empty storages whose clock stands still at a moment."""
    with ExitStack() as opened:

        def open_storage(moment: str) -> Storage:
            storage = Storage(clock=lambda: datetime.fromisoformat(moment))
            opened.callback(storage.close)
            return storage

        yield open_storage


def outcome(function: Callable[..., Any], *arguments: Any, **inputs: Any) -> tuple[Any, str | None]:
    """The result of a call and no error code, or no result and the code it ends with."""
    try:
        return function(*arguments, **inputs), None
    except DomainError as error:
        return None, error.code


def everything(storage: Storage) -> dict[type, list[Any]]:
    """All rows there are."""
    return {kind: storage.all(kind) for kind in KINDS}
'''


def add_helpers(module: TestModule, subject: Subject) -> None:
    """What test functions made by :class:`ScenarioLines` stand on."""
    module.use("pytest")
    module.use("collections.abc", "Callable", "Iterator")
    module.use("contextlib", "ExitStack")
    module.use("datetime", "datetime")
    module.use("typing", "Any")
    module.use(subject.errors_module, "DomainError")
    module.use(subject.storage_module, "Storage")
    kinds = []
    for entity in subject.behaviour.entities:
        module.use(subject.entity_module(entity), subject.class_name(entity.name))
        kinds.append(subject.class_name(entity.name))
    module.block(layout(Group("(", tuple(kinds), ")", comma=len(kinds) == 1), before="KINDS = "))
    for block in _HELPERS.strip().split("\n\n\n"):
        module.block(block)


class ScenarioLines:
    """The lines of one situation.

    Args:
        module: the module they are for; gets the imports.
        subject: what is tested.
        prepared: the situation with its rows in place.
        taken: names that cannot be local variables.
    """

    def __init__(
        self, module: TestModule, subject: Subject, prepared: Prepared, taken: frozenset[str] = frozenset()
    ) -> None:
        self.module = module
        self.subject = subject
        self.prepared = prepared
        self.scenario: Scenario = prepared.scenario
        self.variables: dict[str, str] = {}
        self._mentioned: set[str] = set()
        names = {subject.function(operation) for operation in subject.behaviour.operations}
        for given in self.scenario.given:
            self.variables[given.alias] = variable(given.alias, RESERVED | names | taken | set(self.variables.values()))
        self._aliases = {ref: alias for alias, ref in prepared.refs.items()}

    # --- before

    def setup(self) -> list[str]:
        """Open the storage and add the rows. Ask for this last: a row gets a name if something has mentioned it."""
        return [f"    storage = storage_at({text_literal(self.scenario.now.isoformat())})", *self.rows_setup()]

    def rows_setup(self, indent: int = 4) -> list[str]:
        """Add the rows to ``storage``."""
        lines: list[str] = []
        for given in reversed(self.scenario.given):
            kind = self.subject.class_name(given.entity)
            name = f"{self.variables[given.alias]} = " if given.alias in self._mentioned else ""
            values = call("", **self._given_values(given)).items
            lines.insert(0, layout(Group("storage.add(", (Group(f"{kind}(", values, ")"),), ")"), indent, name))
        return lines

    def _given_values(self, given: Given) -> dict[str, Code]:
        """The values a row is added with; null only where it would become something else."""
        entity = self.subject.behaviour.entity(given.entity)
        return {
            identifier(field.name): self.value(given.values[field.name])
            for field in entity.fields
            if field.name in given.values and (given.values[field.name] is not None or field.default is not None)
        }

    def value(self, value: Any) -> Code:
        """A value of the situation: a row's id by the row's name."""
        return f"{self.variable(value)}.id" if isinstance(value, Alias) else self.module.literal(value)

    def variable(self, alias: str) -> str:
        """The name of a given row, which is mentioned herewith."""
        self._mentioned.add(alias)
        return self.variables[alias]

    # --- the call

    def operation_call(self) -> Code:
        """``outcome(operation, storage, input=...)``."""
        made = self.scenario.call
        function = identifier(made.name)
        return call("outcome", function, "storage", **self.inputs())

    def inputs(self) -> dict[str, Code]:
        """Inputs of the operation in declared order; one without a default cannot be left out, so it is null."""
        made = self.scenario.call
        declared = self.subject.behaviour.operation(made.name).inputs
        return {
            identifier(given.name): self.value(made.values.get(given.name))
            for given in declared
            if given.name in made.values or (given.required and given.default is None)
        }

    # --- afterwards

    def expected_state(self, outcome: Outcome) -> Code:
        """``{**before, Loan: [...]}``: rows that are as before by name, changed ones by what changed."""
        before, after = self.prepared.before, outcome.state
        items: list[Code] = ["**before"]
        for entity, rows in after.items():
            if rows != before[entity]:
                listed = Group("[", tuple(self.row(entity, row) for row in rows), "]")
                items.append(_keyed(self.subject.class_name(entity), listed))
        return Group("{", tuple(items), "}") if len(items) > 1 else "before"

    def row(self, entity: str, row: Mapping[str, Any]) -> Code:
        """A row: a given one by its name, with what has changed; a new one in full."""
        alias = self._aliases.get(Ref(entity, row["id"]))
        if alias is None:
            values = {identifier(name): self.field_value(entity, name, value) for name, value in row.items()}
            values["id"] = values.pop("id_", repr(row["id"]))
            return call(self.subject.class_name(entity), **values)
        old = next(other for other in self.prepared.before[entity] if other["id"] == row["id"])
        changed = {
            identifier(name): self.field_value(entity, name, value) for name, value in row.items() if value != old[name]
        }
        if not changed:
            return self.variable(alias)
        self.module.use("dataclasses", "replace")
        return call("replace", self.variable(alias), **changed)

    def field_value(self, entity: str, name: str, value: Any) -> Code:
        """The value of a field: the id of a given row by the row's name."""
        if name != "id" and value is not None:
            field = self.subject.field(self.subject.behaviour.entity(entity), name)
            return self.reference(field, value)
        return self.module.literal(value)

    def reference(self, field: Field, value: Any) -> Code:
        """A value of a field; an id by the name of the given row, where it is one."""
        if field.type == "reference" and field.entity is not None:
            alias = self._aliases.get(Ref(field.entity, value))
            if alias is not None:
                return f"{self.variable(alias)}.id"
        return self.module.literal(value)

    def rows(self, entity: str, rows: Sequence[Mapping[str, Any]]) -> Code:
        """A list of rows."""
        return Group("[", tuple(self.row(entity, row) for row in rows), "]")


def _keyed(key: str, code: Group) -> Code:
    return Group(f"{key}: {code.opening}", code.items, code.closing)
