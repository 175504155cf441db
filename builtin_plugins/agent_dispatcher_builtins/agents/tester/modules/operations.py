"""``test_operations_<group>.py``: examples, near misses and inputs of a group of operations."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import evolve

from agent_dispatcher.models import Example, Operation

from ....languages.python.interface import identifier
from ..near_misses import operation_misses
from ..plain import returned_type
from ..rendering import ScenarioLines, add_helpers
from ..scenarios import NotPossible, Outcome, Prepared, Scenario, from_example, prepare
from ..search import Explored, Finding, explore
from ..source import Code, Group, TestModule, flat, layout, sentence, slug, text_literal
from ..subject import Subject, place
from ..values import distinct, inside, outside, wrong_types
from ..variation import NOWHERE

__all__ = ["explore_operation", "operations_module", "short"]


def explore_operation(subject: Subject, operation: Operation) -> Explored:
    """Situations that tell the operation from its near misses; those of its examples are not among the findings."""
    known = [scenario for scenario in subject.possible_examples if scenario.call.name == operation.name]
    return explore(
        subject.plain,
        subject.starts(operation),
        operation_misses(subject.behaviour, subject.plain, operation),
        subject.variation,
        seed=operation.name,
        tries=subject.tries,
        known=known,
    )


def operations_module(subject: Subject, group: str, operations: Sequence[Operation]) -> str:
    """The test module of one group."""
    module = TestModule(
        f"The operations of {group}, as the specification declares them: its examples word for word, "
        "and situations in which a careless reading of the rules would do something else.",
        subject.package,
    )
    add_helpers(module, subject)
    for operation in operations:
        module.use(subject.operations_module(operation), subject.function(operation))
        _Operation(module, subject, operation).add_tests()
    return module.render()


class _Operation:
    """The tests of one operation."""

    def __init__(self, module: TestModule, subject: Subject, operation: Operation) -> None:
        self.module = module
        self.subject = subject
        self.operation = operation
        self.returned = returned_type(subject.behaviour, operation)

    def add_tests(self) -> None:
        for example in self.subject.behaviour.examples:
            if example.operation == self.operation.name:
                self._example(example)
        explored = explore_operation(self.subject, self.operation)
        for finding in explored.findings:
            self._finding(finding)
        self._inputs(explored)
        if explored.untold:
            self.module.block(_untold(self.operation, explored))

    def _example(self, example: Example) -> None:
        try:
            prepared = prepare(self.subject.plain, from_example(self.subject.behaviour, example))
        except NotPossible:
            return
        at = f"{place(example.source)}: {example.name}" if example.source else example.name
        lines = self._lines(prepared, prepared.play(self.subject.plain), at)
        self.module.test(f"test_{self.operation.name}_{slug(example.name)}", at, lines, ["storage_at"])

    def _finding(self, finding: Finding) -> None:
        error = finding.outcome.error
        name = f"test_{self.operation.name}_" + (f"refuses_{slug(error)}" if error else "does_what_is_declared")
        reasons = "\n".join(f"- {sentence(short(miss.what))}" for miss in finding.told[:6])
        at = f"{self.operation.name} ({place(self.operation.source)})" if self.operation.source else self.operation.name
        lines = self._lines(finding.prepared, finding.outcome, at)
        self.module.test(
            name, f"Would end otherwise, were the rules read like this:\n\n{reasons}", lines, ["storage_at"]
        )

    def _lines(self, prepared: Prepared, outcome: Outcome, at: str) -> list[str]:
        """Set up, call, compare."""
        code = ScenarioLines(self.module, self.subject, prepared)
        lines = ["    before = everything(storage)", ""]
        lines += [layout(code.operation_call(), 4, "result, error = "), ""]
        lines.append(f"    at = {text_literal(sentence(at))}")
        if outcome.error is not None:
            wanted = text_literal(outcome.error)
            lines.append(f'    assert error == {wanted}, f"{{at}}: ended with {{error or result}}"')
            lines.append('    assert everything(storage) == before, f"{at}: an error changed rows"')
        else:
            lines.append('    assert error is None, f"{at}: ended with {error}"')
            lines.append(layout(code.expected_state(outcome), 4, "expected = "))
            lines.append("    assert everything(storage) == expected, at")
            lines += self._result(code, outcome)
        return [*code.setup(), *lines]

    def _result(self, code: ScenarioLines, outcome: Outcome) -> list[str]:
        result = outcome.result
        if result is None:
            return ["    assert result is None, at"]
        entity = self.returned.entity or ""
        wanted: Code
        if isinstance(result, dict):
            rows = outcome.state[entity]
            changed = rows != code.prepared.before[entity]
            kind = self.subject.class_name(entity)
            wanted = f"expected[{kind}][{rows.index(result)}]" if changed else code.row(entity, result)
        elif isinstance(result, list):
            wanted = code.rows(entity, result)
        elif isinstance(result, bool):
            return [f"    assert result is {result}, at"]
        else:
            wanted = self.module.literal(result)
        line = f"    assert result == {flat(wanted)}, at"
        if len(line) <= 100:
            return [line]
        return [layout(wanted, 4, "wanted = "), "    assert result == wanted, at"]

    # --- inputs

    def _inputs(self, explored: Explored) -> None:
        """One test with every bound of every input, on a call that is otherwise fine."""
        base = explored.outcomes.get(None) or next(iter(explored.outcomes.values()), None)
        if base is None or not self.operation.inputs:
            return
        code = ScenarioLines(self.module, self.subject, base.prepared)
        cases = []
        for given in self.operation.inputs:
            values = [*(found.value for found in outside(given)), *wrong_types(given), *inside(given)]
            if given.type == "reference":
                values += [NOWHERE, 0, -1, 2**63]
            for value in distinct(values):
                outcome = self._with_input(base.scenario, given.name, value)
                if outcome is not None:
                    name = text_literal(identifier(given.name))
                    case = (name, self.module.literal(value), self.module.literal(outcome.error))
                    cases.append(Group("(", case, ")"))
        items = tuple(f"{text_literal(name)}: {flat(value)}" for name, value in code.inputs().items())
        body = [
            layout(Group("{", items, "}"), 4, "inputs = "),
            "    before = everything(storage)",
            "",
            f"    _, error = outcome({self.subject.function(self.operation)}, storage, **{{**inputs, given: value}})",
            "",
            "    assert error == code",
            "    assert error is None or everything(storage) == before",
        ]
        above = layout(
            Group(
                "@pytest.mark.parametrize(",
                ('("given", "value", "code")', Group("[", tuple(cases), "]")),
                ")",
            )
        )
        self.module.test(
            f"test_{self.operation.name}_checks_its_inputs",
            "Just inside, just outside, null and of another type.",
            [*code.setup(), *body],
            ["storage_at", "given", "value", "code"],
            above=above,
        )

    def _with_input(self, scenario: Scenario, name: str, value: object) -> Outcome | None:
        changed = evolve(scenario, call=evolve(scenario.call, values={**scenario.call.values, name: value}))
        try:
            return prepare(self.subject.plain, changed).play(self.subject.plain)
        except (NotPossible, KeyError):
            return None


def short(what: str) -> str:
    """A near miss with the file names of its places without folders."""
    return re.sub(r"\(([^()\s]*/)?([^()/\s]+:\d+)\)", r"(\2)", what)


def _untold(operation: Operation, explored: Explored) -> str:
    lines = [f"# {sentence(operation.name)}: no situation was found in which these readings make a difference:"]
    lines += [f"#   {sentence(short(miss.what))}" for miss in explored.untold]
    return "\n".join(lines)
