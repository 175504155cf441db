"""Random specifications: the generated package builds, its generated tests pass, and the interpreter agrees with it.

The code writer compiles, the tester interprets; neither knows the other. What they make of the same page is compared on behaviours that nobody
thought of. Set ``AGENT_DISPATCHER_TEST_SPECIFICATIONS`` to try more of them, never the same.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import HealthCheck, Phase, given, settings

from agent_dispatcher.behaviour import from_value
from agent_dispatcher.behaviour.checking import check_behaviour
from agent_dispatcher.extension.components import Limits
from agent_dispatcher.models import Behaviour, Example, ExpectedRow, Operation, Record, Scalar, Specification
from agent_dispatcher.testing.behaviours import behaviours
from agent_dispatcher_builtins.agents.code_writer import generator
from agent_dispatcher_builtins.agents.tester import generation
from agent_dispatcher_builtins.agents.tester.examples import contradictions
from agent_dispatcher_builtins.agents.tester.modules.operations import explore_operation
from agent_dispatcher_builtins.agents.tester.scenarios import Alias
from agent_dispatcher_builtins.agents.tester.search import Finding
from agent_dispatcher_builtins.agents.tester.subject import Subject
from agent_dispatcher_builtins.languages.python.language import Python
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap

MORE = os.environ.get("AGENT_DISPATCHER_TEST_SPECIFICATIONS")
COUNT = int(MORE or 20)

#: Situations to look at for each operation: fewer than for a specification that somebody wrote.
TRIES = 500

#: Builds the wheel, then runs the tests; in one process, since starting one takes longer than most of them.
BUILD_AND_TEST = """
import os, sys
from hatchling.builders.wheel import WheelBuilder
built = list(WheelBuilder(os.getcwd()).build(directory="/tmp/dist"))
assert len(built) == 1 and built[0].endswith(".whl"), built
sys.path.insert(0, "src")
import pytest
sys.exit(pytest.main(["-q", "-x", "--tb=short", "-p", "no:cacheprovider", "tests"]))
"""


def with_examples(behaviour: Behaviour) -> Behaviour:
    """The behaviour with an example of each way in which each operation was seen to end, as the interpreter has it."""
    subject = Subject(behaviour, tries=TRIES)
    examples = []
    for operation in behaviour.operations:
        outcomes = explore_operation(subject, operation).outcomes
        for error, found in sorted(outcomes.items(), key=lambda item: str(item[0]))[:4]:
            examples.append(example(behaviour, operation, error, found))
    return evolve(behaviour, examples=tuple(examples))


def example(behaviour: Behaviour, operation: Operation, error: str | None, found: Finding) -> Example:
    """What was seen, as an example."""
    scenario = found.scenario
    aliases = {ref: alias for alias, ref in found.prepared.refs.items()}
    given = tuple(
        Record(entity=row.entity, alias=row.alias, values={name: scalar(value) for name, value in row.values.items()})
        for row in scenario.given
    )
    then = []
    for ref, alias in aliases.items():
        rows = {row["id"]: row for row in found.outcome.state[ref.entity]}
        kept = rows.get(ref.id)
        fields = [field for field in behaviour.entity(ref.entity).fields if field.type != "reference"]
        values = None if kept is None else {field.name: scalar(kept[field.name]) for field in fields}
        then.append(ExpectedRow(entity=ref.entity, alias=alias, values=values))
    return Example(
        name=f"{operation.name} ends with {error or 'success'}",
        operation=operation.name,
        now=scenario.now.isoformat(),
        given=given,
        inputs={name: scalar(value) for name, value in scenario.call.values.items()},
        error=error,
        then=tuple(then),
        counts={entity: len(rows) for entity, rows in found.outcome.state.items()},
        source=f"random.yaml:{len(given) + 1}",
    )


def scalar(value: object) -> Scalar:
    """A value as an example has it."""
    return str(value) if isinstance(value, Alias) else from_value(value)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.sandbox
@pytest.mark.timeout(600)
def test_generator_and_interpreter_agree_on_random_specifications() -> None:
    """Twenty valid specifications nobody thought of: package builds, generated tests pass, examples hold."""
    sandbox = Bubblewrap()
    seen: list[Behaviour] = []

    @settings(
        max_examples=COUNT,
        derandomize=MORE is None,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(behaviours())
    def agree(behaviour: Behaviour) -> None:
        seen.append(behaviour)
        asyncio.run(check(sandbox, behaviour))

    agree()
    assert len(seen) >= COUNT


async def check(sandbox: Bubblewrap, behaviour: Behaviour) -> None:
    """One specification through both generators and the sandbox."""
    await sandbox.probe()
    declared = with_examples(behaviour)
    assert contradictions(declared) == []
    usable = tuple(e for e in declared.examples if not check_behaviour(evolve(behaviour, examples=(e,))))
    declared = evolve(behaviour, examples=usable)
    specification = Specification(id="random-rules", title="Random rules", behaviour=declared)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        files = {**generator.generate(specification), **generation.generate(declared, tries=TRIES)}
        for path, text in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
        environment = await Python().environment(tree)
        done = await sandbox.run(
            [sys.executable, "-c", BUILD_AND_TEST],
            cwd=tree,
            writable=(tree,),
            read_only=environment.read_only,
            env=environment.env,
            limits=Limits(timeout_s=120.0),
        )
        if done.code != 0:
            pytest.fail(f"{declared}\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}", pytrace=False)
