"""Generated packages that can be imported, and small behaviours to generate them from."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from agent_dispatcher.models import (
    Assignment,
    Behaviour,
    Change,
    Constraint,
    Entity,
    Expression,
    Field,
    Guard,
    Operation,
    Relation,
    Specification,
)
from agent_dispatcher_builtins.agents.code_writer.generator import generate
from agent_dispatcher_builtins.specifications.native import NativeFormat

EXAMPLES = Path(__file__).parents[4] / "docs" / "examples"


def expression(text: str) -> Expression:
    """An expression without a place."""
    return Expression(text=text, source="spec.yaml:1")


def specification(behaviour: Behaviour, title: str = "A specification") -> Specification:
    """A specification that holds nothing but behaviour."""
    return Specification(id="spec", title=title, behaviour=behaviour)


def write(folder: Path, files: dict[str, str]) -> None:
    """Put generated files into a folder."""
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")


class Package:
    """A generated package that was imported."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder

    def module(self, name: str) -> ModuleType:
        """A module of the package."""
        return importlib.import_module(f"{self.name}.{name}")

    def storage(self, now: str = "2026-01-01T00:00:00", path: str = ":memory:") -> Any:
        """A storage whose clock stands still."""
        return self.module("storage").Storage(path, clock=lambda: datetime.fromisoformat(now))

    @property
    def models(self) -> Any:
        return self.module("models")

    @property
    def operations(self) -> Any:
        return self.module("operations")

    @property
    def error(self) -> type[Exception]:
        found: type[Exception] = self.module("errors").DomainError
        return found


Load = Callable[[Specification], Package]


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Generates a package, writes it and makes it importable for one test."""
    loaded: list[str] = []
    before = list(sys.path)

    def make(source: Specification) -> Package:
        assert source.behaviour is not None
        folder = tmp_path / f"package{len(loaded)}"
        files = generate(source)
        write(folder, files)
        sys.path.insert(0, str(folder / "src"))
        importlib.invalidate_caches()
        name = next(path for path in files if path.endswith("/py.typed")).split("/")[1]
        loaded.append(name)
        return Package(name, folder)

    yield make
    sys.path[:] = before
    for name in [key for key in sys.modules if key.split(".")[0] in loaded]:
        del sys.modules[name]


@pytest.fixture(scope="session")
def library() -> Specification:
    """The lending library of the documentation."""
    return NativeFormat().load(EXAMPLES / "lending-library")


@pytest.fixture(scope="session")
def maintenance() -> Specification:
    """The machine maintenance of the documentation."""
    return NativeFormat().load(EXAMPLES / "machine-maintenance")


@pytest.fixture
def shop() -> Specification:
    """Boxes with items: every change kind, aliasing rows, names that Python wants for itself."""
    box = Entity(
        name="Box",
        fields=(
            Field(name="label", type="text", required=True, unique=True, max_length=9, summary='A "name".'),
            Field(name="class", type="integer", default=1, minimum=0, maximum=9),
            Field(name="price", type="decimal", unique=True, minimum="0"),
            Field(name="inside", type="reference", entity="Box"),
        ),
        relations=(Relation(name="items", entity="Item", by="box"), Relation(name="boxes", entity="Box", by="inside")),
        constraints=(
            Constraint(name="shallow", check=expression("inside is null or inside.inside is null"), error="too_deep"),
            Constraint(name="few", check=expression("count(items as i) <= 2"), error="too_full", message="Full."),
        ),
    )
    item = Entity(
        name="Item",
        fields=(
            Field(name="box", type="reference", entity="Box"),
            Field(name="weight", type="integer", required=True, minimum=1),
            Field(name="packed_at", type="datetime"),
        ),
    )
    row = Field(name="box", type="reference", entity="Box", required=True)
    operations = (
        Operation(
            name="pack",
            inputs=(row, Field(name="weight", type="integer", required=True)),
            requires=(Guard(error="too_heavy", that=expression("weight + sum(box.items as i: i.weight) <= 10")),),
            changes=(
                Change(
                    kind="create",
                    entity="Item",
                    name="item",
                    assignments=(
                        Assignment(field="box", value=expression("box")),
                        Assignment(field="weight", value=expression("weight")),
                        Assignment(field="packed_at", value=expression("now()")),
                    ),
                ),
                Change(
                    kind="set",
                    target=expression("box"),
                    assignments=(Assignment(field="class", value=expression("coalesce(box.class, 0) + 1")),),
                ),
            ),
            returns=expression("item"),
        ),
        Operation(
            name="swap_classes",
            inputs=(row, Field(name="other", type="reference", entity="Box", required=True)),
            changes=(
                Change(
                    kind="set",
                    target=expression("box"),
                    assignments=(Assignment(field="class", value=expression("other.class")),),
                ),
                Change(
                    kind="set",
                    target=expression("other"),
                    assignments=(Assignment(field="class", value=expression("box.class")),),
                ),
            ),
            returns=expression("box.class"),
        ),
        Operation(
            name="empty",
            inputs=(row,),
            changes=(
                Change(kind="delete", each=expression("box.items as thing"), target=expression("thing")),
                Change(
                    kind="set",
                    target=expression("box"),
                    assignments=(Assignment(field="class", value=expression("count(box.items as i)")),),
                ),
            ),
            returns=expression("box"),
        ),
        Operation(
            name="count_up",
            inputs=(row,),
            changes=(
                Change(
                    kind="set",
                    each=expression("Box as b"),
                    target=expression("box"),
                    assignments=(Assignment(field="class", value=expression("box.class + 1")),),
                ),
            ),
            returns=expression("box.class"),
        ),
        Operation(
            name="throw_away",
            inputs=(row, Field(name="other", type="reference", entity="Box")),
            changes=(Change(kind="delete", target=expression("box")),),
            returns=expression("other is null"),
        ),
        Operation(name="heavy", returns=expression("select(Item as l where l.weight > 5)")),
    )
    return specification(Behaviour(package="shop", entities=(box, item), operations=operations), "Boxes")
