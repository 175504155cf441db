"""Generated tests catch faults in generated code: at least nine mutants in ten, for every example specification."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from agent_dispatcher.models import Specification
from agent_dispatcher_builtins.agents.code_writer import generator
from agent_dispatcher_builtins.agents.tester import generation
from agent_dispatcher_builtins.specifications.native import NativeFormat

SPECIFICATIONS = ("lending-library", "machine-maintenance")
EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"

#: Mutants of each package, spread evenly over all that there are.
MUTANTS = 30

#: Files whose behaviour the specification declares; the rest is plumbing that every test goes through.
MUTATED = ("operations/*.py", "models/*.py", "constraints.py", "storage.py")

SWAPS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}

ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
}

#: Runs every mutant in a fork of one process that has the tools loaded. Arguments: folder, jobs as JSON.
RUNNER = """
import json, os, signal, sys, time
import click.testing, hypothesis, hypothesis.stateful, pytest

folder, jobs = sys.argv[1], json.loads(sys.argv[2])
waiting, running, killed = list(range(len(jobs))), {}, {}

def start(index):
    job = jobs[index]
    pid = os.fork()
    if pid:
        running[pid] = (index, time.monotonic())
        return
    signal.alarm(60)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    os.chdir(os.path.join(folder, job["folder"]))
    sys.path.insert(0, os.path.join(folder, job["folder"], "src"))
    os._exit(int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--tb=no", "-W", "ignore", *job["tests"]])))

while waiting or running:
    while waiting and len(running) < 2:
        start(waiting.pop(0))
    pid, status = os.wait()
    index, _ = running.pop(pid)
    killed[index] = status != 0
print(json.dumps([killed[index] for index in range(len(jobs))]))
"""


@frozen
class Mutant:
    """One fault.

    Attributes:
        path: the file, relative to ``src``.
        line: where.
        what: which fault.
        text: the file with the fault.
    """

    path: str
    line: int
    what: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


def mutants(path: str, text: str) -> Iterator[Mutant]:
    """Every fault that can be put into a file, one at a time."""
    count = len([None for _ in _faults(ast.parse(text))])
    for index in range(count):
        tree = ast.parse(text)
        line, what, put_in = list(_faults(tree))[index]
        put_in()
        yield Mutant(path, line, what, ast.unparse(ast.fix_missing_locations(tree)) + "\n")


def _faults(tree: ast.Module) -> Iterator[tuple[int, str, Callable[[], Any]]]:
    """Line, description and a function that puts the fault in."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Compare(ops=[op]) if type(op) in SWAPS:
                other = SWAPS[type(op)]
                yield (
                    line,
                    f"{type(op).__name__} for {other.__name__}",
                    lambda n=node, o=other: setattr(n, "ops", [o()]),
                )
            case ast.BoolOp(op=op):
                other_bool = ast.Or if isinstance(op, ast.And) else ast.And
                yield (
                    line,
                    f"{other_bool.__name__} for {type(op).__name__}",
                    lambda n=node, o=other_bool: setattr(n, "op", o()),
                )
            case ast.UnaryOp(op=ast.Not()):
                yield line, "not doubled", lambda n=node: setattr(n, "operand", ast.UnaryOp(ast.Not(), n.operand))
            case ast.BinOp(op=op) if type(op) in ARITHMETIC and not _is_text(node):
                swapped = ARITHMETIC[type(op)]
                yield (
                    line,
                    f"{swapped.__name__} for {type(op).__name__}",
                    lambda n=node, o=swapped: setattr(n, "op", o()),
                )
            case ast.Constant(value=bool() as value):
                yield line, f"{not value} for {value}", lambda n=node, v=value: setattr(n, "value", not v)
            case ast.Constant(value=int() as value):
                yield line, f"{value + 1} for {value}", lambda n=node, v=value: setattr(n, "value", v + 1)
            case ast.If(test=ast.Name("TYPE_CHECKING")):
                continue
            case ast.If():
                yield line, "condition never true", lambda n=node: setattr(n, "test", ast.Constant(False))
                yield line, "condition always true", lambda n=node: setattr(n, "test", ast.Constant(True))
            case ast.Call(keywords=keywords) if len(keywords) > 1:
                for index, keyword in enumerate(keywords):
                    yield line, f"{keyword.arg} left out", lambda n=node, i=index: n.keywords.pop(i)
            case ast.FunctionDef(body=body) if not node.name.startswith("__"):
                yield line, f"{node.name} emptied", lambda n=node: setattr(n, "body", [ast.Pass()])
                if isinstance(body[-1], ast.Return) and body[-1].value is not None:
                    yield body[-1].lineno, f"{node.name} returns nothing", lambda r=body[-1]: setattr(r, "value", None)


def _is_text(node: ast.BinOp) -> bool:
    """A sum of texts, for example of a message."""
    return any(
        isinstance(side, ast.JoinedStr) or isinstance(getattr(side, "value", None), str)
        for side in (node.left, node.right)
    )


def chosen(found: list[Mutant]) -> list[Mutant]:
    """About :data:`MUTANTS` of them, spread evenly."""
    return found if len(found) <= MUTANTS else [found[index * len(found) // MUTANTS] for index in range(MUTANTS)]


def affected(path: str, tests: list[str]) -> list[str]:
    """The test files to run for a fault in a file, the likeliest to find it first; the slow ones last."""
    kind, _, name = path.removesuffix(".py").partition("/")
    likely = f"tests/test_{kind.removesuffix('s')}_{name}.py" if kind == "models" else f"tests/test_{kind}_{name}.py"
    order = [
        likely,
        "tests/test_storage.py",
        *(t for t in tests if "/test_operations_" in t),
        "tests/test_state_machine.py",
    ]
    return list(dict.fromkeys(test for test in order if test in tests))


def build(specification: Specification, folder: Path) -> dict[str, str]:
    """Write the package and its tests; gives the tests."""
    assert specification.behaviour is not None
    tests = generation.generate(specification.behaviour)
    for path, text in {**generator.generate(specification), **tests}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return tests


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_generated_tests_kill_mutants(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At least nine in ten faults put into generated packages make their generated tests fail; survivors are listed."""
    jobs: list[dict[str, object]] = []
    picked: list[Mutant] = []
    for name in SPECIFICATIONS:
        found = prepared(name, tmp_path / name)
        picked += [mutant for mutant, _ in found]
        jobs += [{"folder": f"{name}/original", "tests": ["tests"]}, *(job for _, job in found)]

    ran = subprocess.run(
        [sys.executable, "-c", RUNNER, str(tmp_path), json.dumps(jobs)],
        capture_output=True,
        text=True,
        timeout=560,
        env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    failed = dict(zip([str(job["folder"]) for job in jobs], json.loads(ran.stdout.splitlines()[-1]), strict=True))
    assert [name for name in SPECIFICATIONS if failed.pop(f"{name}/original")] == []
    survivors = [str(mutant) for mutant, dead in zip(picked, failed.values(), strict=True) if not dead]
    with capsys.disabled():
        print(f"\n{len(picked) - len(survivors)} of {len(picked)} mutants killed; survivors:", *survivors, sep="\n  ")
    assert len(picked) >= 50
    assert len(survivors) <= len(picked) / 10


def prepared(name: str, folder: Path) -> list[tuple[Mutant, dict[str, object]]]:
    """Mutants of the package of one specification, each in a copy of its own, with the job that tests it."""
    specification = NativeFormat().load(EXAMPLES / name)
    assert specification.behaviour is not None
    tests = [path for path in build(specification, folder / "original") if path.startswith("tests/test_")]
    package = folder / "original" / "src" / specification.behaviour.package
    files = sorted(file for pattern in MUTATED for file in package.glob(pattern) if file.name != "__init__.py")
    everything = "\n".join(file.read_text() for file in (folder / "original").rglob("*.py"))
    found = []
    picked = [
        mutant
        for file in files
        for mutant in mutants(f"{package.name}/{file.relative_to(package)}", file.read_text())
        if not is_in_dead_code(mutant, everything)
    ]
    for number, mutant in enumerate(chosen(picked)):
        copy = folder / f"mutant_{number}"
        _copy_with_links(folder / "original", copy)
        target = copy / "src" / mutant.path
        target.unlink()
        target.write_text(mutant.text)
        tested = affected(mutant.path.partition("/")[2], tests)
        found.append((mutant, {"folder": f"{name}/{copy.name}", "tests": tested}))
    return found


def is_in_dead_code(mutant: Mutant, everything: str) -> bool:
    """Whether the fault empties a function that neither package nor tests call: a helper this specification has no use for."""
    name, _, what = mutant.what.partition(" ")
    return what in ("emptied", "returns nothing") and len(re.findall(rf"\b{name}\b", everything)) == 1


def _copy_with_links(source: Path, target: Path) -> None:
    """A copy whose files are hard links: quick, and each can be replaced."""
    for file in sorted(source.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            copy = target / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.hardlink_to(file)
