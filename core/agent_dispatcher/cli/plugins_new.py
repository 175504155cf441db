"""``plugins new``: writes a plugin project that can be installed, tested and changed at once.

The project is made in a folder beside the wanted one and moved there when it is complete, so that nothing half-written is left behind.
"""

from __future__ import annotations

import builtins
import keyword
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from attrs import frozen

from ..errors import UsageError
from ..extension.hookspecs import OFFERS

__all__ = ["KINDS", "new_project"]

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 50
_TAKEN = frozenset({"conftest", "tests", "hooks", "src"})


@frozen(kw_only=True)
class _Kind:
    """What the templates have to know.

    Attributes:
        does: what the made plugin does, to go on "it ..." without a full stop.
        protocol: the contract of the component, ``""`` where there is none.
        suffix: end of the class's name.
        module: the module with the work.
        arguments: what the factory passes on.
        rank: its ``default_rank``, 0 for one that is used only by name.
        option: (name, default, help) of its one option.
    """

    does: str
    suffix: str
    module: str
    protocol: str = ""
    arguments: str = ""
    rank: int = 0
    option: tuple[str, int, str] | None = None


_KINDS = {
    "specification-format": _Kind(
        does="reads lists of things to do from files *.todo",
        suffix="Format",
        module="format",
        protocol="SpecificationFormat",
        rank=100,
    ),
    "decomposer": _Kind(
        does="makes one task of each requirement", suffix="Decomposer", module="decomposer", protocol="Decomposer"
    ),
    "dependency-rule": _Kind(
        does="puts tasks that set something up before the others of their group",
        suffix="Rule",
        module="rule",
        protocol="DependencyRule",
        rank=100,
    ),
    "agent-type": _Kind(
        does="writes the pages that documentation tasks promise", suffix="Agent", module="agent", protocol="BaseAgent"
    ),
    "llm": _Kind(does="answers with what it was asked", suffix="Backend", module="backend", protocol="LlmBackend"),
    "store": _Kind(
        does="keeps events as lines of JSON",
        suffix="Store",
        module="store",
        protocol="Store",
        arguments="services.data_dir",
    ),
    "executor": _Kind(
        does="runs agents in this process and logs how long each attempt took",
        suffix="Executor",
        module="executor",
        protocol="Executor",
        arguments="services.log",
    ),
    "workspace": _Kind(
        does="works in plain folders and packs the result into a zip file",
        suffix="Workspace",
        module="workspace",
        protocol="Workspace",
    ),
    "sandbox": _Kind(
        does="confines commands by Linux namespaces and logs each of them",
        suffix="Sandbox",
        module="sandbox",
        protocol="Sandbox",
        arguments="services.log",
    ),
    "check": _Kind(
        does="lets no work land that says FIXME", suffix="Check", module="check", protocol="Check", rank=100
    ),
    "language": _Kind(
        does="is Python with lines of at most 120 characters", suffix="Language", module="language", protocol="Language"
    ),
    "message-bus": _Kind(
        does="counts the messages of each topic", suffix="Bus", module="bus", protocol="MessageBusComponent"
    ),
    "validator": _Kind(
        does="stops plans that have too many tasks",
        suffix="Validator",
        module="validator",
        protocol="PlanValidator",
        arguments="options.max_tasks",
        rank=100,
        option=("max_tasks", 500, "how many tasks a plan may have"),
    ),
    "reporter": _Kind(
        does="writes tasks and requirements as CSV", suffix="Reporter", module="reporter", protocol="Reporter", rank=100
    ),
    "command": _Kind(does="counts the tasks of a plan by type", suffix="Command", module="command"),
    "policy": _Kind(does="tries again what took too long and lets tests go first", suffix="Policy", module="policy"),
    "observer": _Kind(does="writes each event of a run as a line of JSON", suffix="Observer", module="observer"),
}
#: What can be made: the kinds that hooks offer, and three sorts of hooks without a component.
KINDS = tuple(_KINDS)


def new_project(kind: str, name: str, output: Path) -> Path:
    """Write a project.

    Args:
        kind: one of :data:`KINDS`.
        name: of the distribution, the plugin and what it offers; kebab case.
        output: the folder in which the project's folder ``name`` is made.

    Returns:
        The project's folder.

    Raises:
        UsageError: the name cannot be used, or there is something with that name already.
    """
    package = _package(name)
    target = output / name
    if target.exists() or target.is_symlink():
        raise UsageError(f"{target} is there already: choose another name or another --output")
    output.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=output))
    try:
        for path, text in _files(kind, name, package).items():
            file = draft / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        draft.chmod(0o755)
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return target


def _package(name: str) -> str:
    """The package's name; refuses what would hide another module or could not be imported."""
    remedy = "use small letters, digits and single hyphens, as in my-plugin"
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise UsageError(f"a plugin cannot be called {name!r}: {remedy}")
    package = name.replace("-", "_")
    if keyword.iskeyword(package) or keyword.issoftkeyword(package) or hasattr(builtins, package):
        raise UsageError(f"a plugin cannot be called {name!r}, that is a word of Python: choose another name")
    if package in sys.stdlib_module_names or package in _TAKEN or package.startswith("agent_dispatcher"):
        raise UsageError(f"a plugin cannot be called {name!r}, a module is called {package}: choose another name")
    return package


def _files(kind: str, name: str, package: str) -> dict[str, str]:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(__package__, "plugin_templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - the texts are programs, and every value in them is checked above
    )
    values = _values(kind, name, package)

    def made(template: str) -> str:
        return environment.get_template(f"{template}.jinja").render(values)

    return {
        "pyproject.toml": made("pyproject.toml"),
        "README.md": made("README.md"),
        ".gitignore": "__pycache__/\n*.egg-info/\n.*_cache/\nbuild/\ndist/\n",
        f"src/{package}/__init__.py": f'"""{values["does"][0].upper()}{values["does"][1:]}."""\n',
        f"src/{package}/py.typed": "",
        f"src/{package}/hooks.py": made("hooks.py"),
        f"src/{package}/{values['module']}.py": made(f"work/{kind}.py"),
        f"tests/test_{package}.py": made(f"tests/{kind}.py"),
    }


def _values(kind: str, name: str, package: str) -> dict[str, Any]:
    about = _KINDS[kind]
    table = kind.replace("-", "_")
    hook = next((hook for hook, offered in OFFERS.items() if offered == table), "")
    option, default, explained = about.option or ("", 0, "")
    words = {"llm": "model backend"}.get(kind, kind.replace("-", " "))
    return {
        "name": name,
        "package": package,
        "cls": "".join(part.capitalize() for part in name.split("-")) + about.suffix,
        "kind": kind,
        "table": table,
        "hook": hook,
        "words": words,
        "article": "an" if words[0] in "aeiou" else "a",
        "does": about.does,
        "protocol": about.protocol,
        "module": about.module,
        "arguments": about.arguments,
        "rank": about.rank,
        "options": option,
        "option_default": default,
        "option_help": explained,
        "use": _use(kind, name, package, active=bool(about.rank) or not hook or kind == "agent-type"),
        "tested": "the contract's own suite, and what is special here"
        if hook
        else "what it does, asked as the dispatcher asks",
    }


def _use(kind: str, name: str, package: str, *, active: bool) -> str:
    """The paragraph of the README that says how it comes into play."""
    if kind == "command":
        return f"```console\n$ agent-dispatcher {name} PLAN\n```"
    if kind == "observer":
        return f"Name a file in the environment variable `{package.upper()}_FILE`; every run appends to it."
    if active:
        return "There is nothing to configure: it is in use once it is installed."
    chosen = f'decomposers = ["{name}", "..."]' if kind == "decomposer" else f'{kind.replace("-", "_")} = "{name}"'
    return f"It is used once a configuration names it:\n\n```toml\n[use]\n{chosen}\n```"
