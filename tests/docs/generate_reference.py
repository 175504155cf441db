"""Writes ``docs/reference/*.md`` from the code: ``python tests/docs/generate_reference.py``. A test says when a page is stale.

What is said about a hook, a contract, a key or an event is said in one place, the docstring, and read from there.
"""

from __future__ import annotations

import enum
import inspect
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path

import attrs

from agent_dispatcher import errors
from agent_dispatcher.config import values
from agent_dispatcher.extension import components, llm
from agent_dispatcher.extension.hookspecs import OFFERS, DispatcherSpecs
from agent_dispatcher.models import event, plan, result, specification, task, usage
from agent_dispatcher.planning.plan_json import plan_to_json
from agent_dispatcher.reporting import result_to_json

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"

#: Kind -> name of its protocol in ``components``.
PROTOCOLS = {
    "specification_format": "SpecificationFormat",
    "decomposer": "Decomposer",
    "dependency_rule": "DependencyRule",
    "agent_type": "AgentType",
    "llm": "LlmBackend",
    "store": "Store",
    "executor": "Executor",
    "workspace": "Workspace",
    "sandbox": "Sandbox",
    "check": "Check",
    "language": "Language",
    "message_bus": "MessageBusComponent",
    "validator": "PlanValidator",
    "reporter": "Reporter",
}

NOTE = "<!-- Written by tests/docs/generate_reference.py from the code. Change the docstring, then run it. -->\n"


def pages() -> dict[str, str]:
    """File name -> text of every generated page."""
    return {
        "hooks.md": NOTE + "\n".join(hooks()) + "\n",
        "contracts.md": NOTE + "\n".join(contracts()) + "\n",
        "configuration.md": NOTE + "\n".join(configuration()) + "\n",
        "events.md": NOTE + "\n".join(events()) + "\n",
        "errors.md": NOTE + "\n".join(exit_codes()) + "\n",
        "json.md": NOTE + "\n".join(documents()) + "\n",
    }


def markdown(docstring: str | None) -> str:
    """A docstring as Markdown: roles and double backticks become code."""
    text = inspect.cleandoc(docstring or "")
    text = re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`", r"`\1`", text)
    return text.replace("``", "`")


def hooks() -> Iterator[str]:
    yield "# Hooks\n"
    yield markdown(inspect.getdoc(inspect.getmodule(DispatcherSpecs)))
    for name, function in vars(DispatcherSpecs).items():
        if not name.startswith("dispatcher_"):
            continue
        signature = inspect.signature(function)
        parameters = ", ".join(each for each in signature.parameters if each != "self")
        yield f"\n## {name}({parameters})\n"
        yield markdown(function.__doc__)
        yield f"\nReturns `{signature.return_annotation}`."
        if name in OFFERS:
            yield f" Kind: `{OFFERS[name]}`; its contract is [`{PROTOCOLS[OFFERS[name]]}`](contracts.md#{PROTOCOLS[OFFERS[name]].lower()})."


def contracts() -> Iterator[str]:
    yield "# Contracts of components\n"
    yield markdown(components.__doc__)
    seen = []
    for name in ["Component", "Services", *PROTOCOLS.values()]:
        seen.append(name)
        yield from contract(name, getattr(components, name))
    yield "\n# Values\n"
    for module in (components, llm):
        for name in module.__all__:
            item = getattr(module, name)
            if name not in seen and inspect.isclass(item):
                yield from contract(name, item)


def contract(name: str, item: type) -> Iterator[str]:
    yield f"\n## {name}\n"
    yield documented(item)
    for method, function in vars(item).items():
        if method.startswith("_") or not inspect.isfunction(function):
            continue
        keyword = "async def" if inspect.iscoroutinefunction(function) else "def"
        yield f"\n### {name}.{method}\n"
        yield f"```text\n{keyword} {method}{inspect.signature(function)}\n```\n"
        yield markdown(function.__doc__)


def documented(item: type) -> str:
    """A class's docstring, its ``Attributes:`` as a table with types and defaults where it is an attrs class."""
    text = markdown(item.__doc__)
    if not attrs.has(item):
        return text
    head, _, rest = text.partition("Attributes:")
    described = attribute_texts(rest)
    rows = ["| Field | Type | Default | |", "|---|---|---|---|"]
    for each in attrs.fields(item):
        if each.name.startswith("_"):
            continue
        rows.append(
            f"| `{each.name}` | `{type_text(each.type)}` | {default_text(each)} | {described.get(each.name, '')} |"
        )
    return head.rstrip() + "\n\n" + "\n".join(rows)


def attribute_texts(section: str) -> dict[str, str]:
    """Name -> text of the entries of an ``Attributes:`` section."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines():
        entry = re.match(r"^    ([\w, ]+): (.*)$", line)
        if entry:
            names = [name.strip() for name in entry.group(1).split(",")]
            found.update({name: entry.group(2) for name in names})
        elif line.startswith("        ") and names:
            found.update({name: f"{found[name]} {line.strip()}" for name in names})
        elif line.strip():
            names = []
    return {name: text.replace("|", "\\|") for name, text in found.items()}


def type_text(annotation: object) -> str:
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is not None:
        text = str(annotation)
    return re.sub(r"\b(?:typing|collections\.abc|agent_dispatcher[\w.]*|pathlib|builtins)\.", "", str(text)).replace(
        "|", "\\|"
    )


def default_text(field: attrs.Attribute[typing.Any]) -> str:
    default = field.default
    if default is attrs.NOTHING:
        return "required"
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return "empty" if default.factory in (dict, list, tuple) else "its own defaults"
    if inspect.isfunction(default):
        return "does nothing"
    if isinstance(default, enum.Enum):
        return f"`{default.name}`"
    return f"`{default!r}`"


def configuration() -> Iterator[str]:
    yield "# Configuration\n"
    yield (
        "From weakest to strongest: defaults, the user's file (`$XDG_CONFIG_HOME/agent-dispatcher/config.toml`), the project's file "
        "(`agent-dispatcher.toml` or `[tool.agent-dispatcher]` in `pyproject.toml`), a dict from Python, environment variables "
        "(`AGENT_DISPATCHER_<SECTION>_<KEY>`), flags.\n\n"
        "A project's file is not trusted until `agent-dispatcher trust` recorded its hash: it may lower limits, add checks, approvals, task types and "
        "workflow, and set options that a component marks as the project's own. Anything else in it is ignored with one warning."
    )
    for name, item in [
        ("(top level)", values.Config),
        *((f"[{key}]", cls) for key, cls in values.SECTIONS.items() if cls),
    ]:
        yield f"\n## {name}\n"
        yield documented(item)
    yield "\n## [task_types.NAME]\n"
    yield documented(values.TaskTypeSettings)
    yield '\n## [prices."MODEL"]\n'
    yield documented(values.PriceSettings)


def events() -> Iterator[str]:
    yield "# Events\n"
    text = inspect.cleandoc(event.__doc__ or "")
    head, _, table = text.partition("\n=====")
    yield markdown(head)
    yield "\n| Type | What `data` holds |\n|---|---|"
    current, said = "", ""
    for line in table.splitlines()[1:]:
        if line.startswith("====="):
            break
        entry = re.match(r"^(``[\w.]+``)\s+(.*)$", line)
        if entry:
            if current:
                yield f"| {markdown(current)} | {markdown(said)} |"
            current, said = entry.group(1), entry.group(2)
        else:
            said = f"{said} {line.strip()}"
    yield f"| {markdown(current)} | {markdown(said)} |"
    yield "\n## Event\n"
    yield documented(event.Event)


def exit_codes() -> Iterator[str]:
    yield "# Errors and exit codes\n"
    yield (
        "| Code | Meaning |\n|---|---|\n| 0 | completed, or nothing to do |\n| 1 | a task failed, or the run is partial |\n"
        "| 2 | usage: a missing file, a bad option |\n| 3 | the specification, configuration or plan is refused |\n"
        "| 4 | stopped by a budget |\n| 5 | paused, or waiting only for approvals |\n| 70 | a fault of the program itself |\n"
        "| 130, 143 | interrupted; the run can be resumed |\n"
    )
    yield "| Error | Exit code | |\n|---|---|---|"
    for name in errors.__all__:
        item = getattr(errors, name)
        if issubclass(item, errors.DispatcherError):
            yield f"| `{name}` | {item.exit_code} | {markdown(item.__doc__).splitlines()[0]} |"


#: Path in a document -> the class whose docstring describes the keys there.
DESCRIBED: dict[str, type] = {
    "": plan.ExecutionPlan,
    "specification": specification.Specification,
    "specification.requirements[]": specification.Requirement,
    "tasks[]": task.Task,
    "tasks[].depends_on[]": task.DeclaredDependency,
    "tasks[].produces[]": task.ArtifactRef,
    "tasks[].consumes[]": task.ArtifactRef,
    "tasks[].steps[]": task.Step,
    "dependencies[]": plan.Dependency,
    "dependencies[].reasons[]": plan.Reason,
    "exclusions[]": plan.Exclusion,
    "exclusions[].reasons[]": plan.Reason,
    "gates[]": plan.Gate,
    "dropped[]": plan.Dropped,
    "dropped[].reasons[]": plan.Reason,
    "estimates": plan.Estimates,
    "planning_usage[]": usage.ModelUse,
    "planning_calls[]": usage.PlanningCall,
}
DESCRIBED_RESULT: dict[str, type] = {
    "": result.ExecutionResult,
    "specification": specification.Specification,
    "requirements[]": result.RequirementResult,
    "tasks[]": result.TaskResult,
    "tasks[].evidence[]": result.Evidence,
    "artifacts[]": result.Artifact,
    "artifacts[].findings[]": result.Finding,
    "whole_checks[]": result.WholeCheck,
    "whole_checks[].evidence[]": result.Evidence,
    "final_evidence[]": result.Evidence,
    "metrics": result.ExecutionMetrics,
    "models[]": result.ModelCost,
}
#: Constants that docstrings name, written out in the tables.
CONSTANTS = {
    name: ", ".join(f"`{each}`" for each in getattr(module, name))
    for module, name in (
        (result, "RUN_STATUSES"),
        (result, "VERDICTS"),
        (plan, "DEPENDENCY_KINDS"),
        (plan, "DROP_KINDS"),
        (specification, "PRIORITIES"),
    )
}


def documents() -> Iterator[str]:
    """The keys of the two published documents, read from documents that were written."""
    yield "# Plan and result JSON\n"
    yield (
        "Keys are written in this order, and always all of them. Within one `version` keys may be added, never taken away or given another meaning. "
        "`[]` stands for the entries of a list."
    )
    a_plan = sample_plan()
    yield "\n## Plan\n"
    yield "`agent-dispatcher plan SOURCE --output PLAN.json` writes it, `run PLAN.json` reads it again. What follows from tasks and dependencies (`phases`, `gates`, `critical_path`, `estimates`) is computed anew when it is read.\n"
    yield from keys(plan_to_json(a_plan), DESCRIBED)
    yield "\n## Result\n"
    yield "`run --json` prints it, and the run's folder holds it as `result.json`.\n"
    yield from keys(result_to_json(sample_result(a_plan)), DESCRIBED_RESULT)


def sample_plan() -> plan.ExecutionPlan:
    """A plan in which every list has an entry."""
    ref = (task.ArtifactRef(type="path", name="a.py"),)
    reasons = (plan.Reason(rule="declared"),)
    one = task.Task(
        id="a",
        title="A",
        source_id="T1",
        agent_type="code-writer",
        requirements=("R1",),
        depends_on=(task.DeclaredDependency(task="b"),),
        verifies=("b",),
        produces=ref,
        consumes=ref,
        steps=(task.Step(id="s", title="S", depends_on=("r",)),),
        children=("c",),
    )
    made_from = specification.Specification(
        id="s", title="S", requirements=(specification.Requirement(id="R1", text="It works"),)
    )
    return plan.ExecutionPlan(
        specification=made_from,
        tasks=(one,),
        dependencies=(plan.Dependency(before="b", after="a", reasons=reasons),),
        exclusions=(plan.Exclusion(tasks=("a", "b"), resource="a.py", reasons=reasons),),
        gates=(plan.Gate(test="a", subject="b"),),
        dropped=(plan.Dropped(before="c", after="a", kind="veto", reasons=reasons),),
        phases=(("b",), ("a",)),
        critical_path=("b", "a"),
        estimates=plan.Estimates(cost_usd=1.0),
        planning_usage=(usage.ModelUse(cost_usd=1.0),),
        planning_calls=(usage.PlanningCall(number="1", about=("R1",), cost_usd=1.0, request="", reply=""),),
        said={"sha256:0": ""},
    )


def sample_result(of: plan.ExecutionPlan) -> result.ExecutionResult:
    """A result in which every list has an entry."""
    evidence = (result.Evidence(id="e", check="pytest", passed=True),)
    found = result.Finding(path="a.py", line=1, rule="clarity", severity="low", what="w")
    return result.ExecutionResult(
        run="20260101-000000-0000",
        status="completed",
        specification=of.specification,
        requirements=(result.RequirementResult(id="R1", verdict="met", tasks=("a",), evidence=("e",)),),
        task_results=(
            result.TaskResult(
                id="a", source_id="T1", status="completed", agent="w", commit="1", evidence=evidence, error="e"
            ),
        ),
        final_artifacts=(result.Artifact(name="a", type="note", path="a.md", task="a", findings=(found,)),),
        whole_checks=(result.WholeCheck(tree="1", tasks=("a",), evidence=evidence),),
        final_evidence=evidence,
        metrics=result.ExecutionMetrics(cost_usd=1.0),
        model_costs=(result.ModelCost(cost_usd=1.0),),
        warnings=("w",),
    )


def keys(document: dict[str, typing.Any], described: dict[str, type]) -> Iterator[str]:
    """A table of every key below ``document``."""
    yield "| Key | Type | |\n|---|---|---|"
    for path, value in walked(document):
        parent, _, name = path.rpartition(".")
        cls = described.get(parent)
        _, _, section = markdown(cls.__doc__ if cls else "").partition("Attributes:")
        text = attribute_texts(section).get(name, "").replace("`None`", "`null`")
        if value is None:
            text = text.replace('`""`', "`null`")
        for constant, values_ in CONSTANTS.items():
            text = text.replace(f"`{constant}`", values_)
        annotations = {each.name: str(each.type) for each in attrs.fields(cls)} if cls else {}
        nullable = " or `null`" if value is not None and "None" in annotations.get(name, "") else ""
        yield f"| `{path}` | {json_type(value)}{nullable} | {text} |"


def walked(value: dict[str, typing.Any], prefix: str = "") -> Iterator[tuple[str, typing.Any]]:
    """Path and value of every key, depth first in the document's order."""
    for name, inner in value.items():
        path = f"{prefix}{name}"
        yield path, inner
        first = inner[0] if isinstance(inner, list) and inner else None
        if isinstance(inner, dict):
            yield from walked(inner, f"{path}.")
        elif isinstance(first, dict):
            yield from walked(first, f"{path}[].")


def json_type(value: object) -> str:
    """The JSON type in words."""
    if isinstance(value, list):
        return f"list of {json_type(value[0])}" if value else "list"
    for kind, word in ((bool, "true or false"), (int | float, "number"), (str, "text"), (dict, "object")):
        if isinstance(value, kind):
            return word
    return "text or `null`"


def main() -> None:
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
