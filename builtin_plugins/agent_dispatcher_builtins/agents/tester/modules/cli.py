"""``test_cli.py``: commands, options, lines of JSON, errors and exit codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from attrs import evolve, frozen

from agent_dispatcher.models import Entity, Operation

from ....languages.python.interface import entity_slug
from ..plain import returned_type
from ..rendering import ScenarioLines
from ..scenarios import Alias, Call, Given, NotPossible, Outcome, Prepared, Scenario, prepare
from ..source import Code, Group, TestModule, layout, literal, text_literal
from ..subject import Subject
from ..variation import NOWHERE

__all__ = ["cli_module"]

#: The command line has the system's clock, so a test may only expect what would happen at any of these moments.
_ANY_TIME = (datetime(2001, 2, 3, 4, 5, 6), datetime(2026, 8, 9, 10, 11, 12), datetime(2071, 12, 13, 14, 15, 16))

_HELPERS = '''
@pytest.fixture
def database(tmp_path: Path) -> str:
    """The path of a database that is not there yet."""
    return str(tmp_path / "data.db")


def run(database: str, *arguments: str) -> Result:
    """Run the command line on a database."""
    return CliRunner().invoke(main, ["--database", database, *arguments])
'''


@frozen
class _Certain:
    """A call that ends the same whatever the clock says.

    Attributes:
        prepared: the situation at one of the moments.
        outcome: what it does then.
        certain: the fields of the result that are always the same.
    """

    prepared: Prepared
    outcome: Outcome
    certain: frozenset[str]


def cli_module(subject: Subject) -> str:
    """The test module of the command line."""
    return _Cli(subject).render()


class _Cli:
    """The test module while it is being written."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.behaviour = subject.behaviour
        self.operations = {_dashed(operation.name) for operation in self.behaviour.operations}
        self.module = TestModule(
            "The command line: every command answers with lines of JSON, errors have their code and exit status.",
            subject.package,
        )

    def render(self) -> str:
        module = self.module
        module.use("pytest")
        module.use("pathlib", "Path")
        module.use("click.testing", "CliRunner", "Result")
        module.use(f"{self.subject.package}.cli", "main")
        for block in _HELPERS.strip().split("\n\n\n"):
            module.block(block)
        self._commands()
        for operation in self.behaviour.operations:
            self._operation(operation)
        for entity in self.behaviour.entities:
            self._entity(entity)
        return module.render()

    # --- all commands

    def _commands(self) -> None:
        slugs = [_dashed(entity_slug(entity.name)) for entity in self.behaviour.entities]
        names = [*(_dashed(operation.name) for operation in self.behaviour.operations)]
        names += [f"{verb}-{slug}" for slug in slugs for verb in ("list", "show", "add")]
        self.module.test(
            "test_help_lists_every_command",
            "Every operation and every kind of row has its commands.",
            [
                layout(self.module.literal(list(dict.fromkeys(names))), 4, "commands = "),
                '    result = CliRunner().invoke(main, ["--help"])',
                "",
                "    assert result.exit_code == 0",
                "    assert [name for name in commands if name not in result.output] == []",
                "    assert sorted(main.commands) == sorted(commands)",
            ],
        )
        self.module.test(
            "test_wrong_usage",
            "A command or an option that does not exist is wrong usage.",
            [
                '    assert run(database, "no-such-command").exit_code == 2',
                f'    assert run(database, {text_literal(names[0])}, "--no-such-option", "1").exit_code == 2',
            ],
            ["database"],
        )

    # --- operations

    def _operation(self, operation: Operation) -> None:
        success = error = None
        for scenario in self._candidates(operation):
            found = self._certain(operation, scenario)
            if found is None:
                continue
            if found.outcome.error is None:
                success = success or found
            else:
                error = error or found
        for found in (success, error):
            if found is not None:
                self._call(operation, found)

    def _candidates(self, operation: Operation) -> list[Scenario]:
        """Situations for the command, each at one moment: examples first, then calls that lack an input."""
        found = [scenario for scenario in self.subject.possible_examples if scenario.call.name == operation.name]
        found += self.subject.starts(operation)
        for given in operation.inputs:
            if given.required and given.default is None:
                values = {name: value for name, value in found[-1].call.values.items() if name != given.name}
                found.append(evolve(found[-1], call=evolve(found[-1].call, values=values)))
        return found

    def _certain(self, operation: Operation, scenario: Scenario) -> _Certain | None:
        """The situation with what is certain of its outcome; ``None`` when the clock decides."""
        if any(value is None for value in scenario.call.values.values()):
            values = {name: value for name, value in scenario.call.values.items() if value is not None}
            scenario = evolve(scenario, call=evolve(scenario.call, values=values))
        try:
            prepared = prepare(self.subject.plain, scenario)
        except (NotPossible, KeyError):
            return None
        outcomes = [prepared.at(now).play(self.subject.plain) for now in _ANY_TIME]
        if len({outcome.error for outcome in outcomes}) != 1:
            return None
        certain: frozenset[str] = frozenset()
        results = [outcome.result for outcome in outcomes]
        if isinstance(results[0], dict):
            certain = frozenset(name for name in results[0] if all(r[name] == results[0][name] for r in results))
        elif any(result != results[0] for result in results):
            return None
        return _Certain(prepared, outcomes[0], certain)

    def _call(self, operation: Operation, found: _Certain) -> None:
        code = self._code(found.prepared)
        command = _dashed(operation.name)
        inputs = found.prepared.scenario.call.values
        body = [layout(self._run(command, code, inputs), 4, "result = "), ""]
        if found.outcome.error is not None:
            body += [
                "    assert result.exit_code == 1, result.output",
                f'    assert "error: {found.outcome.error}" in result.output',
            ]
            name = f"test_{operation.name}_reports_its_error"
            docstring = "An error has its code on one line and exit status 1."
        else:
            body.append("    assert result.exit_code == 0, result.output")
            body += self._answer(operation, found)
            name, docstring = f"test_{operation.name}", "The result is one line of JSON."
        self.module.test(name, docstring, [*self._setup(code), *body], ["database"])

    def _answer(self, operation: Operation, found: _Certain) -> list[str]:
        result = found.outcome.result
        self.module.use("json")
        if isinstance(result, dict):
            certain = {name: value for name, value in result.items() if name in found.certain}
            return [
                "    answer = json.loads(result.output)",
                *self._compared(certain),
                layout(self.module.literal(["id", *_without_id(result)]), 4, "names = "),
                "    assert list(answer) == names",
            ]
        kind = returned_type(self.behaviour, operation).kind
        if isinstance(result, list):
            ids = [row["id"] for row in result]
            return [f'    assert [row["id"] for row in json.loads(result.output)] == {ids}']
        if kind == "decimal" and result is not None:
            self.module.use("decimal", "Decimal")
            return [f"    assert Decimal(json.loads(result.output)) == {literal(result)}"]
        operator = "is" if result is None or isinstance(result, bool) else "=="
        return [f"    assert json.loads(result.output) {operator} {_json_value(self.module, result)}"]

    def _compared(self, row: Mapping[str, Any]) -> list[str]:
        lines = []
        for name, value in row.items():
            key = f"answer[{text_literal(name)}]"
            if isinstance(value, Decimal):
                self.module.use("decimal", "Decimal")
                lines.append(f"    assert Decimal({key}) == {literal(value)}")
            elif value is None or isinstance(value, bool):
                lines.append(f"    assert {key} is {value}")
            else:
                lines.append(f"    assert {key} == {_json_value(self.module, value)}")
        return lines

    # --- rows

    def _entity(self, entity: Entity) -> None:
        try:
            given = self.subject.rows(entity.name)
        except LookupError:
            return
        slug = entity_slug(entity.name)
        dashed = _dashed(slug)
        code = self._code(self._prepared(given))
        row = self._prepared(given).before[entity.name][-1]
        if f"list-{dashed}" not in self.operations and f"show-{dashed}" not in self.operations:
            self.module.use("json")
            body = [
                f'    listed = run(database, "list-{dashed}")',
                f'    shown = run(database, "show-{dashed}", "{row["id"]}")',
                f'    missing = run(database, "show-{dashed}", "{NOWHERE}")',
                "",
                "    assert (listed.exit_code, shown.exit_code) == (0, 0)",
                "    answer = json.loads(shown.output)",
                *self._compared(row),
                "    assert json.loads(listed.output.splitlines()[-1]) == answer",
                f"    assert len(listed.output.splitlines()) == {row['id']}",
                "    assert missing.exit_code == 1",
                f'    assert "error: {slug}_not_found" in missing.output',
            ]
            self.module.test(
                f"test_list_and_show_{slug}",
                "Rows are shown as JSON, one a line; one that is not there is an error.",
                [*self._setup(code), *body],
                ["database"],
            )
        if f"add-{dashed}" not in self.operations:
            self._add(entity, given, f"add-{dashed}")

    def _add(self, entity: Entity, given: tuple[Given, ...], command: str) -> None:
        made = Call("add", entity.name, {n: v for n, v in given[-1].values.items() if v is not None})
        scenario = Scenario(self.subject.now, given[:-1], made)
        for now in _ANY_TIME:
            prepared = prepare(self.subject.plain, scenario).at(now)
            if prepared.play(self.subject.plain).error is not None:
                return
        code = self._code(self._prepared(given[:-1]))
        row = prepared.play(self.subject.plain).result
        self.module.use("json")
        body = [
            layout(self._run(command, code, made.values), 4, "result = "),
            "",
            "    assert result.exit_code == 0, result.output",
            "    answer = json.loads(result.output)",
            *self._compared(row),
        ]
        self.module.test(
            f"test_{command.replace('-', '_')}",
            "A row is added and shown as one line of JSON.",
            [*self._setup(code), *body],
            ["database"],
        )

    # --- parts of a test

    def _prepared(self, given: tuple[Given, ...]) -> Prepared:
        made = Call("remove", "", {}, NOWHERE)
        return prepare(self.subject.plain, Scenario(self.subject.now, given, made))

    def _code(self, prepared: Prepared) -> ScenarioLines:
        taken = frozenset({"answer", "database", "listed", "missing", "moment", "run", "shown", "commands"})
        return ScenarioLines(self.module, self.subject, prepared, taken)

    def _setup(self, code: ScenarioLines) -> list[str]:
        rows = code.rows_setup(indent=8)
        if not rows:
            return []
        self.module.use("contextlib", "closing")
        self.module.use(self.subject.storage_module, "Storage")
        for given in code.scenario.given:
            entity = self.behaviour.entity(given.entity)
            self.module.use(self.subject.entity_module(entity), self.subject.class_name(given.entity))
        moment = layout(self.module.literal(code.scenario.now), 4, "moment = ")
        return [moment, "    with closing(Storage(database, clock=lambda: moment)) as storage:", *rows]

    def _run(self, command: str, code: ScenarioLines, values: Mapping[str, Any]) -> Code:
        """``run(database, "lend", "--book", str(dune.id))``; ids are known, so they stand there as text."""
        items: list[Code] = ["database", text_literal(command)]
        for name, value in values.items():
            plain = code.prepared.plain(value) if isinstance(value, Alias) else value
            items += [text_literal(f"--{_dashed(name)}"), text_literal(_option(plain))]
        return Group("run(", tuple(items), ")")


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _without_id(row: Mapping[str, Any]) -> Sequence[str]:
    return [name for name in row if name != "id"]


def _option(value: Any) -> str:
    """A value as it is written on a command line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _json_value(module: TestModule, value: Any) -> str:
    if isinstance(value, date | datetime):
        value = value.isoformat()
    return layout(module.literal(value))
