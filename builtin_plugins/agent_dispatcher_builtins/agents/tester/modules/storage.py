"""``test_storage.py``: ids, order, uniqueness, references, constraints, transactions and reopening."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import evolve

from agent_dispatcher.models import Entity

from ....languages.python.interface import entity_slug, identifier
from ..interpreter import Model, Violation
from ..near_misses import entity_misses
from ..rendering import ScenarioLines, add_helpers
from ..scenarios import Alias, Call, Given, NotPossible, Outcome, Prepared, Scenario, prepare
from ..search import Explored, explore
from ..source import Code, Group, TestModule, call, layout, sentence, text_literal
from ..subject import Subject
from ..variation import NOWHERE
from .operations import short

__all__ = ["explore_entity", "storage_module"]


def explore_entity(subject: Subject, entity: Entity) -> Explored:
    """Situations that tell the entity's constraints from their near misses when a row is added or changed."""
    misses = entity_misses(subject.plain, entity)
    starts: list[Scenario] = []
    for given in _beginnings(subject, entity):
        last = given[-1]
        starts.append(Scenario(subject.now, given, Call("update", entity.name, {}, Alias(last.alias))))
        starts.append(Scenario(subject.now, given[:-1], Call("add", entity.name, last.values)))
    return explore(subject.plain, starts, misses, subject.variation, seed=entity.name, tries=subject.tries)


def _beginnings(subject: Subject, entity: Entity) -> Iterator[tuple[Given, ...]]:
    """Rows of which the last is one of ``entity``: plain ones, and those of examples."""
    try:
        yield subject.rows(entity.name)
    except LookupError:
        return
    for scenario in subject.possible_examples:
        for index, given in enumerate(scenario.given):
            if given.entity == entity.name:
                yield scenario.given[: index + 1]
                break


def storage_module(subject: Subject) -> str:
    """The test module of the storage."""
    module = TestModule(
        "The storage: rows keep their values and ids, what must be unique is, references hold, "
        "constraints are enforced, and a failure leaves everything as it was.",
        subject.package,
    )
    add_helpers(module, subject)
    for entity in subject.behaviour.entities:
        _Entity(module, subject, entity).add_tests()
    _clock(module)
    return module.render()


def _clock(module: TestModule) -> None:
    module.use("datetime", "date")
    module.test(
        "test_the_clock_is_the_one_it_was_given",
        "Now and today are those of the injected clock.",
        [
            '    storage = storage_at("2026-02-03T04:05:06")',
            "    assert storage.now() == datetime(2026, 2, 3, 4, 5, 6)",
            "    assert storage.today() == date(2026, 2, 3)",
        ],
        ["storage_at"],
    )


class _Entity:
    """The tests of one entity."""

    def __init__(self, module: TestModule, subject: Subject, entity: Entity) -> None:
        self.module = module
        self.subject = subject
        self.entity = entity
        self.slug = entity_slug(entity.name)
        self.kind = subject.class_name(entity.name)

    def add_tests(self) -> None:
        try:
            one = self.subject.rows(self.entity.name)
        except LookupError:
            self.module.block(f"# {self.kind}: no valid row was found, so there is nothing to test.")
            return
        self._life(one)
        self._missing(one)
        self._values(one)
        self._transaction(one)
        self._reopened(one)
        self._unique()
        self._references(one)
        self._in_use()
        self._constraints()

    # --- parts of a test

    def _prepared(self, given: tuple[Given, ...], made: Call) -> Prepared:
        return prepare(self.subject.plain, Scenario(self.subject.now, given, made))

    def _code(self, given: tuple[Given, ...]) -> ScenarioLines:
        prepared = self._prepared(given, Call("remove", self.entity.name, {}, NOWHERE))
        return ScenarioLines(
            self.module, self.subject, prepared, frozenset({"row", "changed", "again", "field", "last"})
        )

    def _new(self, code: ScenarioLines, values: Mapping[str, Any]) -> Code:
        """``Book(title=...)``, as :meth:`ScenarioLines.setup` writes it."""
        items = {identifier(name): code.value(value) for name, value in values.items() if value is not None}
        for field in self.entity.fields:
            if field.default is not None and field.name in values and values[field.name] is None:
                items[identifier(field.name)] = "None"
        return call(self.kind, **items)

    def _others(self, given: tuple[Given, ...]) -> int:
        """How many rows of the entity there are before the last."""
        return sum(row.entity == self.entity.name for row in given[:-1])

    def _works(self, given: tuple[Given, ...], *steps: Callable[[Model], object]) -> bool:
        """Whether all steps are possible one after the other once the rows are there."""
        model = self._prepared(given, Call("remove", self.entity.name, {}, NOWHERE)).model()
        try:
            for step in steps:
                step(model)
        except Violation:
            return False
        return True

    def _adding(self, given: tuple[Given, ...]) -> Callable[[Model], object]:
        """The step that adds the last of the rows."""
        prepared = self._prepared(given[:-1], Call("remove", self.entity.name, {}, NOWHERE))
        values = {name: prepared.plain(value) for name, value in given[-1].values.items()}
        return lambda model: model.add(self.entity.name, values)

    # --- rows come and go

    def _life(self, given: tuple[Given, ...]) -> None:
        code = self._code(given[:-1])
        there = self._others(given)
        name = self.entity.name
        add = self._adding(given)

        def keep(model: Model) -> None:
            model.update(name, there + 1, {})

        def remove(model: Model) -> None:
            model.remove(name, there + 1)

        if not self._works(given[:-1], add, keep, remove, add):
            self._untestable("rows come and go")
            return
        body = [
            layout(self._new(code, given[-1].values), 4, "row = "),
            f"    others = storage.all({self.kind})",
            "",
            "    added = storage.add(row)",
            "",
            f"    assert added == replace(row, id={there + 1})",
            f"    assert storage.get({self.kind}, {there + 1}) == added",
            f"    assert storage.all({self.kind}) == [*others, added]",
            "    assert storage.update(added) == added",
            "    storage.remove(added)",
            f"    assert storage.get({self.kind}, {there + 1}) is None",
            f"    assert storage.all({self.kind}) == others",
            f"    assert storage.add(row).id == {there + 2}",
        ]
        self.module.use("dataclasses", "replace")
        self.module.test(
            f"test_{self.slug}_rows_come_and_go",
            "A row gets the next id, can be read and removed, and its id is not used again.",
            [*code.setup(), *body],
            ["storage_at"],
        )

    def _missing(self, given: tuple[Given, ...]) -> None:
        code = self._code(given)
        name = code.variable(given[-1].alias)
        missing = text_literal(f"{self.slug}_not_found")
        body = [
            f"    absent = replace({name}, id={NOWHERE})",
            "    before = everything(storage)",
            "",
            f"    assert storage.get({self.kind}, {NOWHERE}) is None",
            f"    assert storage.get({self.kind}, 2**63) is None",
            f"    assert outcome(storage.update, absent) == (None, {missing})",
            f"    assert outcome(storage.remove, absent) == (None, {missing})",
            "    assert everything(storage) == before",
        ]
        self.module.test(
            f"test_{self.slug}_that_is_not_there",
            "It is not found, and can be neither changed nor removed.",
            [*code.setup(), *body],
            ["storage_at"],
        )

    def _values(self, given: tuple[Given, ...]) -> None:
        """Every allowed value comes back as it was stored."""
        cases: list[Code] = []
        row = given[-1]
        for field in self.entity.fields:
            for value in [*self.subject.variation.pool(self.entity.name, field)[:12], None]:
                if (value is None and field.required) or field.type == "reference":
                    continue
                made = Call("update", self.entity.name, {field.name: value}, Alias(row.alias))
                if self._prepared(given, made).play(self.subject.plain).error is None:
                    name = text_literal(identifier(field.name))
                    cases.append(Group("(", (name, self.module.literal(value)), ")"))
        if not cases:
            return
        code = self._code(given)
        name = code.variable(row.alias)
        body = [
            f"    changed = storage.update(replace({name}, **{{field: value}}))",
            f"    again = storage.get({self.kind}, changed.id)",
            "",
            "    assert getattr(again, field) == value",
            "    assert type(getattr(again, field)) is type(value)",
            f"    assert again == changed == replace({name}, **{{field: value}})",
        ]
        self.module.test(
            f"test_{self.slug}_values_come_back",
            "What is stored is read as it was, in value and in type.",
            [*code.setup(), *body],
            ["storage_at", "field", "value"],
            above=layout(
                Group("@pytest.mark.parametrize(", ('("field", "value")', Group("[", tuple(cases), "]")), ")")
            ),
        )

    # --- transactions and files

    def _transaction(self, given: tuple[Given, ...]) -> None:
        code = self._code(given[:-1])
        there, add = self._others(given), self._adding(given)

        def remove(model: Model) -> None:
            model.remove(self.entity.name, there + 1)

        if not self._works(given[:-1], add, remove, add):
            self._untestable("transactions")
            return
        body = [
            layout(self._new(code, given[-1].values), 4, "row = "),
            "    before = everything(storage)",
            "",
            "    with pytest.raises(RuntimeError), storage.transaction():",
            "        storage.add(row)",
            "        with storage.transaction():",
            f"            storage.remove(storage.all({self.kind})[-1])",
            "            storage.add(row)",
            '        raise RuntimeError("something goes wrong at the end")',
            "",
            "    assert everything(storage) == before",
            f"    assert storage.add(row).id == {there + 1}",
        ]
        self.module.test(
            f"test_{self.slug}_transaction_is_all_or_nothing",
            "An error takes back everything inside the outermost transaction, and a success keeps it.",
            [*code.setup(), *body],
            ["storage_at"],
        )

    def _reopened(self, given: tuple[Given, ...]) -> None:
        there = self._others(given) + 1

        def remove(model: Model) -> None:
            model.remove(self.entity.name, there)

        if not self._works(given, remove, self._adding(given)):
            self._untestable("reopening")
            return
        code = self._code(given)
        name = code.variable(given[-1].alias)
        body = [
            layout(self.module.literal(self.subject.now), 4, "moment = "),
            '    path = tmp_path / "kept.db"',
            "    with closing(Storage(path, clock=lambda: moment)) as storage:",
            *code.rows_setup(indent=8),
            "        kept = everything(storage)",
            "    with closing(Storage(path, clock=lambda: moment)) as storage:",
            "        assert everything(storage) == kept",
            f"        storage.remove({name})",
            "    with closing(Storage(path, clock=lambda: moment)) as storage:",
            f"        assert storage.get({self.kind}, {name}.id) is None",
            f"        assert storage.add(replace({name}, id=None)).id == {name}.id + 1",
        ]
        self.module.use("contextlib", "closing")
        self.module.use("pathlib", "Path")
        self.module.test(
            f"test_{self.slug}_rows_outlive_the_process",
            "A database that is opened again has the same rows, and remembers which ids were used.",
            body,
            ["tmp_path: Path"],
        )

    # --- what must hold between rows

    def _two(self) -> tuple[Given, ...] | None:
        try:
            return self.subject.rows(self.entity.name, self.entity.name)
        except LookupError:
            return None

    def _unique(self) -> None:
        two = self._two()
        if two is None:
            return
        first = next(given for given in two if given.entity == self.entity.name)
        second = two[-1]
        for field in self.entity.fields:
            code_wanted = f"{self.slug}_{field.name}_unique"
            if not field.unique or first.values.get(field.name) is None:
                continue
            value = first.values[field.name]
            made = Call("add", self.entity.name, {**second.values, field.name: value})
            outcome = self._prepared(two[:-1], made).play(self.subject.plain)
            if outcome.error != code_wanted:
                continue
            code = self._code(two)
            wanted = text_literal(code_wanted)
            one, other = code.variable(first.alias), code.variable(second.alias)
            attribute = identifier(field.name)
            body = [
                f"    twin = replace({other}, {attribute}={one}.{attribute})",
                "    before = everything(storage)",
                "",
                f"    assert outcome(storage.update, twin) == (None, {wanted})",
                "    assert everything(storage) == before",
                *([f"    assert storage.update({one}) == {one}"] if self._keeps(two, first) else []),
                f"    storage.remove({other})",
                f"    assert outcome(storage.add, replace(twin, id=None)) == (None, {wanted})",
            ]
            self.module.test(
                f"test_{self.slug}_{field.name}_is_unique",
                "No two rows have the same value; a row may keep its own.",
                [*code.setup(), *body],
                ["storage_at"],
            )
            self._nulls(two, field.name)

    def _keeps(self, given: tuple[Given, ...], row: Given) -> bool:
        """Whether a row may be written again as it is, now that the others are there."""
        made = Call("update", self.entity.name, {}, Alias(row.alias))
        return self._prepared(given, made).play(self.subject.plain).error is None

    def _untestable(self, what: str) -> None:
        self.module.block(f"# {self.kind}: its own constraints leave no simple row to try {what} with.")

    def _nulls(self, two: tuple[Given, ...], name: str) -> None:
        """Null is no value: two rows may have it in a unique field."""
        blank = tuple(
            evolve(given, values={**given.values, name: None}) if given.entity == self.entity.name else given
            for given in two
        )
        try:
            code = self._code(blank)
        except NotPossible:
            return
        attribute = identifier(name)
        body = [f"    assert [row.{attribute} for row in storage.all({self.kind})] == [None, None]"]
        if sum(given.entity == self.entity.name for given in two) == 2:
            self.module.test(
                f"test_{self.slug}_{name}_may_be_missing_twice",
                "Null is not a value, so that several rows can have it.",
                [*code.setup(), *body],
                ["storage_at"],
            )

    def _references(self, given: tuple[Given, ...]) -> None:
        row = given[-1]
        for field in self.entity.fields:
            if field.type != "reference":
                continue
            made = Call("add", self.entity.name, {**row.values, field.name: NOWHERE})
            error = self._prepared(given[:-1], made).play(self.subject.plain).error
            code = self._code(given)
            name = code.variable(row.alias)
            wanted = text_literal(error or "")
            body = [
                f"    astray = replace({name}, {identifier(field.name)}={NOWHERE})",
                "    before = everything(storage)",
                "",
                f"    assert outcome(storage.update, astray) == (None, {wanted})",
                f"    assert outcome(storage.add, replace(astray, id=None)) == (None, {wanted})",
                "    assert everything(storage) == before",
            ]
            self.module.test(
                f"test_{self.slug}_{field.name}_must_exist",
                "A reference to a row that is not there is refused.",
                [*code.setup(), *body],
                ["storage_at"],
            )

    def _in_use(self) -> None:
        """A row that this entity references cannot be removed."""
        for field in self.entity.fields:
            if field.type != "reference" or field.entity is None:
                continue
            try:
                given = self.subject.rows(field.entity, self.entity.name)
            except LookupError:
                continue
            row = given[-1]
            target = row.values.get(field.name)
            if not isinstance(target, Alias):
                continue
            made = Call("remove", field.entity, {}, target)
            error = self._prepared(given, made).play(self.subject.plain).error
            if error is None:
                continue
            code = self._code(given)
            body = [
                "    before = everything(storage)",
                "",
                f"    result = outcome(storage.remove, {code.variable(target)})",
                "",
                f"    assert result == (None, {text_literal(error)})",
                "    assert everything(storage) == before",
            ]
            self.module.test(
                f"test_{entity_slug(field.entity)}_in_use_as_{self.slug}_{field.name}",
                "A row that another one references stays.",
                [*code.setup(), *body],
                ["storage_at"],
            )

    def _constraints(self) -> None:
        explored = explore_entity(self.subject, self.entity)
        for finding in explored.findings:
            self._finding(finding.prepared, finding.outcome, [miss.what for miss in finding.told])
        if explored.untold:
            lines = [f"# {self.kind}: no situation was found in which these readings make a difference:"]
            lines += [f"#   {sentence(short(miss.what))}" for miss in explored.untold]
            self.module.block("\n".join(lines))

    def _finding(self, prepared: Prepared, outcome: Outcome, told: list[str]) -> None:
        made = prepared.scenario.call
        code = ScenarioLines(self.module, self.subject, prepared, frozenset({"row"}))
        if made.kind == "add":
            lines = [layout(self._new(code, made.values), 4, "row = ")]
        elif isinstance(made.row, Alias):
            values = {identifier(name): code.value(value) for name, value in made.values.items()}
            name = code.variable(made.row)
            self.module.use("dataclasses", "replace")
            lines = [layout(call("replace", name, **values), 4, "row = ") if values else f"    row = {name}"]
        else:
            return
        if outcome.error in self._constructor_errors():
            return
        lines += ["    before = everything(storage)", "", f"    result, error = outcome(storage.{made.kind}, row)", ""]
        reasons = "\n".join(f"- {sentence(short(what))}" for what in told[:6])
        if outcome.error is not None:
            wanted = text_literal(outcome.error)
            lines += [f"    assert (result, error) == (None, {wanted})", "    assert everything(storage) == before"]
            test = f"test_{self.slug}_{made.kind}_refuses_{outcome.error}"
        else:
            lines += [
                "    assert error is None",
                layout(code.expected_state(outcome), 4, "expected = "),
                "    assert everything(storage) == expected",
                f"    assert result == {self._result(made, outcome)}",
            ]
            test = f"test_{self.slug}_{made.kind}_keeps_what_is_allowed"
        docstring = f"Would end otherwise, were the rules read like this:\n\n{reasons}"
        self.module.test(test, docstring, [*code.setup(), *lines], ["storage_at"])

    def _result(self, made: Call, outcome: Outcome) -> str:
        if made.kind != "add":
            return "row"
        self.module.use("dataclasses", "replace")
        return f"replace(row, id={outcome.result['id']})"

    def _constructor_errors(self) -> frozenset[str]:
        """Codes the class itself raises, before a row reaches the storage."""
        kinds = ("type", "required", "choice", "pattern", "length", "range")
        return frozenset(f"{self.slug}_{field.name}_{kind}" for field in self.entity.fields for kind in kinds)
