"""``test_state_machine.py`` and ``reference_model.py``: random calls, compared with the interpreter after every step.

The interpreter that examples are judged by is written beside the test as it is, with the behaviour as data: the test needs nothing
but pytest and Hypothesis, and shares no idea of how to compute with the package.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from agent_dispatcher.models import Entity, Field, Operation

from ....languages.python.interface import identifier
from ..scenarios import Alias, Given
from ..source import Code, Group, Prefixed, TestModule, layout, text_literal
from ..subject import Subject
from ..values import outside
from ..variation import NOWHERE

__all__ = ["reference_model", "state_machine_module"]

#: Name of the generated module with the interpreter and the behaviour.
REFERENCE_MODEL = "reference_model"
_EXAMPLES = 40
_STEPS = 25
_MANY = 40
#: Situations a random sequence can begin with.
_BEGINNINGS = 8


def reference_model(subject: Subject) -> str:
    """``reference_model.py``: the interpreter, and what it interprets."""
    interpreter = files(__package__).joinpath("..", "interpreter.py").read_text(encoding="utf-8")
    module = TestModule("", subject.package)
    module.block(layout(module.literal(subject.plain), 0, "BEHAVIOUR: dict[str, Any] = "))
    behaviour = module.render().split("\n\n", 1)[1].split("BEHAVIOUR", 1)[1]
    return f"{interpreter.rstrip()}\n\n#: What is declared.\nBEHAVIOUR{behaviour}"


def state_machine_module(subject: Subject) -> str:
    """``test_state_machine.py``."""
    return _StateMachine(subject).render()


_HELPERS = '''
def mostly(good: list[Any], bad: list[Any]) -> st.SearchStrategy[Any]:
    """Values of which about one in ten is not allowed."""
    return st.sampled_from([*good * (1 + 9 * len(bad) // len(good)), *bad])


def in_python(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by the names they have in Python."""
    return {RENAMED.get(name, name): value for name, value in values.items()}


def as_data(value: Any) -> Any:
    """A row as the reference model shows it; other values as they are."""
    if isinstance(value, list):
        return [as_data(item) for item in value]
    if not is_dataclass(value):
        return value
    names = {python: name for name, python in RENAMED.items()}
    row = {field.name: getattr(value, field.name) for field in fields(value)}
    return {names.get(name, name): item for name, item in row.items()}


def attempt(function: Callable[[], Any]) -> tuple[str, Any]:
    """What a call ends with: its result, or the code of its error."""
    try:
        return "result", as_data(function())
    except (DomainError, Violation) as error:
        return "error", error.code
'''

_MACHINE = '''
class AgainstTheReferenceModel(RuleBasedStateMachine):
    """The package and the reference model do the same, whatever happens in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.storage = Storage(clock=lambda: self.now)
        self.model = Model(BEHAVIOUR, lambda: self.now)

    def teardown(self) -> None:
        self.storage.close()

    def compare(self, package: Callable[[], Any], model: Callable[[], Any]) -> None:
        """Both end with the same result, or with the same error."""
        expected = attempt(model)
        assert attempt(package) == expected

    def add(self, entity: str, values: Mapping[str, Any]) -> None:
        """Create a row in both."""
        self.compare(
            lambda: self.storage.add(KINDS[entity](**in_python(values))),
            lambda: self.model.row(Ref(entity, self.model.add(entity, values))),
        )

    @initialize(rows=st.sampled_from(BEGINNINGS))
    def begin(self, rows: list[tuple[str, dict[str, Any]]]) -> None:
        for entity, values in rows:
            self.add(entity, values)

    @rule(move=st.sampled_from(MOVES))
    def time_passes(self, move: timedelta) -> None:
        self.now += move

---
    @rule(entity=st.sampled_from(sorted(KINDS)), data=st.data())
    def add_row(self, entity: str, data: st.DataObject) -> None:
        self.add(entity, data.draw(st.fixed_dictionaries(VALUES[entity])))

    @rule(entity=st.sampled_from(sorted(KINDS)), row_id=IDS, data=st.data())
    def change_row(self, entity: str, row_id: int, data: st.DataObject) -> None:
        row = self.storage.get(KINDS[entity], row_id)
        if row is None or not VALUES[entity]:
            return
        name = data.draw(st.sampled_from(sorted(VALUES[entity])))
        values = {name: data.draw(VALUES[entity][name])}

        def in_model() -> Any:
            self.model.update(entity, row_id, values)
            return self.model.row(Ref(entity, row_id))

        self.compare(lambda: self.storage.update(replace(row, **in_python(values))), in_model)

    @rule(entity=st.sampled_from(sorted(KINDS)), row_id=IDS)
    def remove_row(self, entity: str, row_id: int) -> None:
        row = self.storage.get(KINDS[entity], row_id)
        if row is not None:
            self.compare(
                lambda: self.storage.remove(row),
                lambda: self.model.remove(entity, row_id),
            )
'''

_CALL = """
    @rule(operation=st.sampled_from(sorted(OPERATIONS)), data=st.data())
    def call(self, operation: str, data: st.DataObject) -> None:
        inputs = data.draw(st.fixed_dictionaries(INPUTS[operation]), label=operation)
        if sum(map(len, self.model.rows.values())) > MANY:
            return
        self.compare(
            lambda: OPERATIONS[operation](self.storage, **in_python(inputs)),
            lambda: self.model.call(operation, inputs),
        )
"""

_INVARIANT = """
    @invariant()
    def rows_are_the_same(self) -> None:
        state = {entity: as_data(self.storage.all(kind)) for entity, kind in KINDS.items()}
        assert state == self.model.state()
"""


class _StateMachine:
    """The test module while it is being written."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.behaviour = subject.behaviour
        self.module = TestModule(
            "Random rows, calls and moments: after every step the package has the rows, results and errors "
            "of the reference model beside this file, which interprets the specification itself.",
            subject.package,
        )

    def render(self) -> str:
        module = self.module
        self._imports()
        module.block(layout(self._kinds(), 0, "KINDS: dict[str, Any] = "))
        if self.behaviour.operations:
            module.block(layout(self._operations(), 0, "OPERATIONS: dict[str, Callable[..., Any]] = "))
        module.block(
            "#: Names that are others in Python.\n"
            + layout(module.literal(self._renamed()), 0, "RENAMED: dict[str, str] = ")
        )
        module.block(layout(module.literal(self.subject.now), 0, "NOW = "))
        module.block(
            "#: How the clock moves.\n" + layout(module.literal(self.subject.variation.some_moves()), 0, "MOVES = ")
        )
        if self.behaviour.entities:
            module.block(
                "#: Ids a row may have; low ones are the likely ones.\n"
                f"IDS = st.sampled_from([1, 1, 1, 2, 2, 3, 4, {NOWHERE}])"
            )
        if self.behaviour.operations:
            module.block(
                f"#: With more rows than these, operations are not called: some make many of one.\nMANY = {_MANY}"
            )
        module.block("#: Rows a sequence begins with: none, or those of an example.\n" + self._beginnings())
        blocks = _HELPERS.strip().split("\n\n\n")
        module.block(blocks[0])
        if self.behaviour.entities:
            module.block(layout(self._values(), 0, "VALUES: dict[str, dict[str, st.SearchStrategy[Any]]] = "))
        if self.behaviour.operations:
            module.block(layout(self._inputs(), 0, "INPUTS: dict[str, dict[str, st.SearchStrategy[Any]]] = "))
        for block in blocks[1:]:
            module.block(block)
        machine, rows = _MACHINE.split("---\n")
        parts = [machine, _INVARIANT]
        if self.behaviour.operations:
            parts.insert(1, _CALL)
        if self.behaviour.entities:
            parts.insert(1, rows)
        module.block("\n".join(part.strip("\n") + "\n" for part in parts))
        module.block("TestAgainstTheReferenceModel = AgainstTheReferenceModel.TestCase")
        module.block(
            "TestAgainstTheReferenceModel.settings = settings(\n"
            f"    max_examples={_EXAMPLES},\n"
            f"    stateful_step_count={_STEPS},\n"
            "    deadline=None,\n"
            "    derandomize=True,\n"
            "    database=None,\n"
            "    suppress_health_check=list(HealthCheck),\n"
            ")"
        )
        return module.render()

    def _imports(self) -> None:
        module, subject = self.module, self.subject
        module.use("collections.abc", "Callable", "Mapping")
        module.use("dataclasses", "fields", "is_dataclass", *(["replace"] if self.behaviour.entities else []))
        module.use("datetime", "datetime", "timedelta")
        module.use("typing", "Any")
        module.use("hypothesis", "HealthCheck", "settings")
        module.use("hypothesis.strategies", "st")
        module.use("hypothesis.stateful", "RuleBasedStateMachine", "initialize", "invariant", "rule")
        module.use(REFERENCE_MODEL, "BEHAVIOUR", "Model", "Ref", "Violation")
        module.use(subject.errors_module, "DomainError")
        module.use(subject.storage_module, "Storage")
        for entity in self.behaviour.entities:
            module.use(subject.entity_module(entity), subject.class_name(entity.name))
        for operation in self.behaviour.operations:
            module.use(subject.operations_module(operation), subject.function(operation))

    def _kinds(self) -> Code:
        return _mapping({entity.name: self.subject.class_name(entity.name) for entity in self.behaviour.entities})

    def _operations(self) -> Code:
        return _mapping({operation.name: self.subject.function(operation) for operation in self.behaviour.operations})

    def _renamed(self) -> dict[str, str]:
        owners = [field for entity in self.behaviour.entities for field in entity.fields]
        owners += [given for operation in self.behaviour.operations for given in operation.inputs]
        return {field.name: identifier(field.name) for field in owners if identifier(field.name) != field.name}

    # --- values

    def _values(self) -> Code:
        return _mapping({entity.name: self._strategies(entity, entity.fields) for entity in self.behaviour.entities})

    def _inputs(self) -> Code:
        operations = self.behaviour.operations
        return _mapping({operation.name: self._strategies(operation, operation.inputs) for operation in operations})

    def _strategies(self, owner: Entity | Operation, fields: tuple[Field, ...]) -> Code:
        return _mapping({field.name: self._strategy(owner, field) for field in fields})

    def _strategy(self, owner: Entity | Operation, field: Field) -> Code:
        good: list[Any] = [1, 2, 3, 1, 2] if field.type == "reference" else []
        good = good or list(self.subject.variation.pool(owner.name, field)[:10])
        bad: list[Any] = [NOWHERE] if field.type == "reference" else [found.value for found in outside(field)][:4]
        if not field.required:
            good.append(None)
        elif None not in bad:
            bad.append(None)
        if not good:
            good, bad = bad, []
        if not bad:
            return Group("st.sampled_from(", (self.module.literal(good),), ")")
        return Group("mostly(", (self.module.literal(good), self.module.literal(bad)), ")")

    # --- beginnings

    def _beginnings(self) -> str:
        found: list[tuple[Given, ...]] = [()]
        for scenario in self.subject.possible_examples:
            if scenario.given and len(found) < _BEGINNINGS and _kinds_of(scenario.given) not in map(_kinds_of, found):
                found.append(scenario.given)
        for entity in self.behaviour.entities:
            if not any(given.entity == entity.name for rows in found for given in rows):
                try:
                    found.append(self.subject.rows(entity.name))
                except LookupError:
                    continue
        items = tuple(Group("[", tuple(self._given(row, rows) for row in rows), "]") for rows in found)
        return layout(Group("[", items, "]"), 0, "BEGINNINGS: list[list[tuple[str, dict[str, Any]]]] = ")

    def _given(self, row: Given, rows: tuple[Given, ...]) -> Code:
        values = {name: _as_id(value, rows) for name, value in row.values.items()}
        return Group("(", (text_literal(row.entity), self.module.literal(values)), ")")


def _kinds_of(rows: tuple[Given, ...]) -> list[str]:
    return [row.entity for row in rows]


def _as_id(value: Any, rows: tuple[Given, ...]) -> Any:
    """The id a given row will have: rows are added in order to an empty storage."""
    if not isinstance(value, Alias):
        return value
    target = next(row for row in rows if row.alias == value)
    return 1 + [row.alias for row in rows if row.entity == target.entity].index(target.alias)


def _mapping(items: dict[str, Any]) -> Group:
    return Group("{", tuple(Prefixed(f"{text_literal(name)}: ", code) for name, code in items.items()), "}")
