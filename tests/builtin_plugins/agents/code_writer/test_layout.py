"""The layout: who promises which file, and which edges follow."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest
from click.testing import CliRunner

from agent_dispatcher.extension import Layout, Module
from agent_dispatcher.models import Behaviour, Entity, Field, Specification
from agent_dispatcher_builtins.agents.code_writer.acceptance import generated_paths
from agent_dispatcher_builtins.agents.code_writer.generator import generate
from agent_dispatcher_builtins.languages.python.layout import layout

from .conftest import Load


def _layout(source: Specification) -> Layout:
    found = layout(source)
    assert found is not None
    return found


def _needs(found: Layout) -> dict[str, set[str]]:
    """Which modules each module needs, by what it consumes."""
    producers: dict[object, str] = {}
    for module in found.modules:
        for ref in module.produces:
            assert ref not in producers, ref
            producers[ref] = module.name
    return {module.name: {producers[ref] for ref in module.consumes} for module in found.modules}


def _by_name(found: Layout) -> dict[str, Module]:
    return {module.name: module for module in found.modules}


def test_every_file_has_one_task(library: Specification) -> None:
    """No path is promised twice, and the generator writes exactly the promised files that are no tests."""
    found = _layout(library)
    paths = [path for module in found.modules for path in module.paths]
    assert len(paths) == len(set(paths))
    assert set(generate(library)) == generated_paths(library)
    tests = {path for module in found.modules if module.type == "testing" for path in module.paths}
    assert tests == {path for path in paths if path.startswith("tests/")}
    assert set(paths) == generated_paths(library) | tests


def test_edges_are_those_of_the_drawing(library: Specification) -> None:
    """Models need the skeleton, the storage the models, operations the storage, the command line the operations."""
    needs = _needs(_layout(library))
    models = {name for name in needs if name.startswith("model-")}
    groups = {name for name in needs if name.startswith("operations-")}
    assert len(models) == 5
    assert needs["skeleton"] == needs["documentation"] == set()
    for model in models:
        assert needs[model] == needs[f"test-{model}"] == {"skeleton"}
    assert needs["storage"] == needs["test-storage"] == {"skeleton", *models}
    for group in groups:
        assert needs[group] == needs[f"test-{group}"] == {"skeleton", "storage", *models}
    assert needs["test-state-machine"] == {"skeleton", "storage", *models}
    assert needs["cli"] == needs["test-cli"] == {"skeleton", "storage", *models, *groups}


def test_tests_verify_their_subjects_and_never_wait_for_them(library: Specification) -> None:
    """Every code module but the skeleton is verified; no test needs what it verifies; the state machine verifies all operations."""
    modules = _by_name(_layout(library))
    verified = {name for module in modules.values() for name in module.verifies}
    code = {name for name, module in modules.items() if module.type == "code_writing"}
    assert verified == code - {"skeleton"}
    needs = _needs(_layout(library))
    for module in modules.values():
        assert not needs[module.name] & set(module.verifies)
    groups = {name for name in modules if name.startswith("operations-")}
    assert set(modules["test-state-machine"].verifies) == groups


def test_requirements_reach_code_and_tests(library: Specification) -> None:
    """Every requirement with behaviour is served by code, and by a test that verifies that code."""
    modules = _by_name(_layout(library))
    for requirement in library.requirements:
        serving = {name for name, module in modules.items() if requirement.id in module.requirements}
        code = {name for name in serving if modules[name].type == "code_writing"}
        tests = {name for name in serving if set(modules[name].verifies) & code}
        assert code, requirement.id
        assert tests, requirement.id
    assert modules["skeleton"].requirements == modules["documentation"].requirements == ()
    assert "FR-8" in modules["operations-member"].requirements


def test_promised_symbols_are_defined_where_they_are_promised(maintenance: Specification) -> None:
    """``package.module:Name`` names a definition in the file of that module."""
    files = generate(maintenance)
    symbols = [ref.name for module in _layout(maintenance).modules for ref in module.produces if ref.type == "symbol"]
    assert len(symbols) >= 15
    for symbol in symbols:
        module, _, name = symbol.partition(":")
        content = files[f"src/{module.replace('.', '/')}.py"]
        assert f"class {name}" in content or f"def {name}(" in content, symbol


def test_layout_of_little_and_of_nothing() -> None:
    """No behaviour, no layout; operations alone, or entities alone, are laid out and generated."""
    assert layout(Specification(id="x", title="x")) is None
    assert layout(Specification(id="x", title="x", behaviour=Behaviour(package="x"))) is None
    assert generated_paths(Specification(id="x", title="x")) == frozenset()


def test_entities_alone(shop: Specification) -> None:
    """Without operations there is no task for them, and no state machine."""
    assert shop.behaviour is not None
    alone = Behaviour(package="alone", entities=shop.behaviour.entities[:1])
    names = set(_by_name(_layout(Specification(id="x", title="x", behaviour=alone))))
    assert names == {
        *("skeleton", "model-box", "storage", "cli", "documentation"),
        *("test-model-box", "test-storage", "test-cli"),
    }


def test_entity_without_fields_and_awkward_names(load: Load) -> None:
    """Names that Python or the package want for themselves are renamed in code, and kept in error codes and commands."""
    empty = Entity(name="Decimal", fields=())
    loop = Entity(
        name="Import",
        fields=(Field(name="sum", type="decimal", required=True), Field(name="date", type="date")),
    )
    behaviour = Behaviour(package="json", entities=(empty, loop))
    package = load(Specification(id="x", title="x", behaviour=behaviour))
    assert package.name == "json_"
    with package.storage() as storage:
        assert storage.add(package.models.Decimal_()).id == 1
        assert storage.update(package.models.Decimal_(id=1)) == package.models.Decimal_(id=1)
        assert storage.add(package.models.Import(sum_=1, date_=date(2026, 1, 1))).sum_ == Decimal(1)
        with pytest.raises(package.error) as caught:
            package.models.Import(sum_=None)
        assert caught.value.code == "import_sum_required"
    main = package.module("cli").main
    database = str(package.folder / "x.db")
    result = CliRunner().invoke(main, ["--database", database, "add-import", "--sum", "1.5", "--date", "2026-01-01"])
    assert json.loads(result.stdout) == {"id": 1, "sum": "1.5", "date": "2026-01-01"}
