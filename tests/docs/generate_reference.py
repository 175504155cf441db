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
from agent_dispatcher.extension import components
from agent_dispatcher.extension.hookspecs import OFFERS, DispatcherSpecs
from agent_dispatcher.models import event

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
    for name in components.__all__:
        item = getattr(components, name)
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


def main() -> None:
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
