"""Generated test modules: formatted, deterministic, standalone, and never empty of promises."""

from __future__ import annotations

import ast
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import evolve

from agent_dispatcher.models import Behaviour, Expression, Field, Guard, Operation, Specification
from agent_dispatcher_builtins.agents.code_writer import generator
from agent_dispatcher_builtins.agents.tester.acceptance import writable_paths
from agent_dispatcher_builtins.agents.tester.generation import generate


@pytest.fixture(scope="module")
def written(specification: Specification, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package and the tests of an example specification."""
    folder = tmp_path_factory.mktemp("written")
    assert specification.behaviour is not None
    for path, text in {**generator.generate(specification), **generate(specification.behaviour, tries=300)}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def test_formatted_and_lint_free(written: Path) -> None:
    """A formatter changes nothing and a linter finds nothing."""
    for command in (["format", "--check"], ["check", "--select", "E4,E7,E9,F,W,I,UP,B,C4,PIE"]):
        ran = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "tests"],
            cwd=written,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_test_asserts_and_has_a_docstring(written: Path) -> None:
    """No test passes without having compared anything."""
    names = []
    for file in sorted((written / "tests").glob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                names.append(node.name)
                asserts = any(isinstance(part, ast.Assert | ast.With) for part in ast.walk(node))
                assert asserts, f"{file.name}: {node.name}"
                assert ast.get_docstring(node), f"{file.name}: {node.name}"
    assert len(names) > 100


def test_every_example_is_a_test_with_its_place(written: Path, specification: Specification) -> None:
    """Each example of the specification is found by its line, in the docstring and in the assertion."""
    assert specification.behaviour is not None
    text = "\n".join(file.read_text() for file in (written / "tests").glob("test_operations_*.py"))
    for example in specification.behaviour.examples:
        place = Path(example.source).name
        assert f'    """{place}: ' in text, example.name
        assert f'    at = "{place}: ' in text or f"    at = '{place}: " in text, example.name


def test_no_path_of_this_machine_and_no_dispatcher(written: Path) -> None:
    """The tests run where the dispatcher is not installed and its folders do not exist."""
    for file in (written / "tests").glob("*.py"):
        text = file.read_text()
        assert "agent_dispatcher" not in text
        assert str(Path(__file__).parents[4]) not in text


def test_reference_model_stands_alone(written: Path) -> None:
    """The interpreter beside the tests runs with the standard library only, and interprets the whole specification."""
    code = (
        "import reference_model as r; m = r.Model(r.BEHAVIOUR, lambda: None); print(len(m.state()), len(m.operations))"
    )
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, 'tests'); {code}"],
        cwd=written,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    entities, operations = map(int, ran.stdout.split())
    assert entities >= 4
    assert operations >= 8


def test_the_same_behaviour_gives_the_same_bytes(jars: Behaviour) -> None:
    """In another process, with another seed for hashes, too."""
    code = (
        "import sys, pickle, hashlib\n"
        "from agent_dispatcher_builtins.agents.tester.generation import generate\n"
        "behaviour = pickle.load(sys.stdin.buffer)\n"
        "print(hashlib.sha256(repr(sorted(generate(behaviour).items())).encode()).hexdigest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            input=pickle.dumps(jars),
            capture_output=True,
            env={"PYTHONHASHSEED": seed},
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_nasty_texts_stay_texts(jars: Behaviour) -> None:
    """Titles and values from a specification cannot become code, and two equal titles give two tests."""
    nasty = '"""\nimport os\nos.remove("x")\n# \\N{DIGIT ONE} \x00 é'
    example = evolve(jars.examples[0], name=nasty, source=f"{nasty}.yaml:1")
    record = evolve(example.given[0], values={"label": "\"\\'\n", "marbles": 5})
    example = evolve(example, given=(record,))
    behaviour = evolve(jars, examples=(example, evolve(example, name=nasty + "!")))

    files = generate(behaviour, tries=100)

    for path, text in files.items():
        tree = ast.parse(text)
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert "os" not in imported, path
        names = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        tests = [name for name in names if name.startswith("test_")]
        assert len(tests) == len(set(tests)), path
    assert files["tests/test_operations_jar.py"].count("_import_os_os_remove") == 2


def test_operations_without_rows_are_tested_too(tmp_path: Path) -> None:
    """A behaviour without entities has no rows to try, but calls, a clock and a command line; all of it passes."""
    add = Operation(
        name="add",
        inputs=(
            Field(name="left", type="integer", required=True, minimum=0),
            Field(name="right", type="decimal", default="1.5"),
        ),
        requires=(Guard(error="too_large", that=Expression(text="left < 100")),),
        returns=Expression(text="left + right"),
    )
    tomorrow = Operation(name="tomorrow", returns=Expression(text="today() + days(1)"))
    specification = Specification(
        id="c", title="Calculator", behaviour=Behaviour(package="calculator", operations=(add, tomorrow))
    )
    assert specification.behaviour is not None
    for path, text in {**generator.generate(specification), **generate(specification.behaviour)}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout
    assert "too_large" in (tmp_path / "tests/test_operations_general.py").read_text()


def test_files_are_those_of_the_interface(jars: Behaviour) -> None:
    """One file for each entity and group, the storage, the state machine with its model, and the command line."""
    assert writable_paths(jars) == (
        "tests/test_model_jar.py",
        "tests/test_model_lid.py",
        "tests/test_storage.py",
        "tests/test_operations_jar.py",
        "tests/reference_model.py",
        "tests/test_state_machine.py",
        "tests/test_cli.py",
    )
    assert list(generate(jars, ("tests/test_state_machine.py",))) == [
        "tests/test_state_machine.py",
        "tests/reference_model.py",
    ]
    with pytest.raises(KeyError):
        generate(jars, ("tests/test_other.py",))
