"""Which files implement, test and document declared behaviour in Python, and what each of them needs.

One module of the layout becomes one task. ``produces`` and ``consumes`` are exact, so that the graph follows from them alone::

    skeleton ─▶ model-* ─▶ storage ─▶ operations-* ─▶ cli          documentation (needs nothing)
        └─────▶ test-model-*   test-storage   test-operations-*   test-state-machine   test-cli

A test module needs what its subject needs and not the subject itself: the two are written at the same time. Nothing is
generated here; the names are those of :mod:`.interface`.
"""

from __future__ import annotations

from collections.abc import Iterable

from agent_dispatcher.extension.components import Layout, Module
from agent_dispatcher.models import ArtifactRef, Behaviour, Entity, Operation, Specification

from .interface import (
    class_name,
    console_script,
    entity_module,
    entity_slug,
    identifier,
    operation_group,
    operations_module,
    package_name,
    source_path,
)

__all__ = ["layout", "operation_groups"]


def layout(specification: Specification) -> Layout | None:
    """The files of the package that the behaviour of ``specification`` asks for; ``None`` without behaviour.

    Modules come in reading order: skeleton, models, storage, operations, command line, documentation, then the tests of each.
    """
    behaviour = specification.behaviour
    if behaviour is None or not (behaviour.entities or behaviour.operations):
        return None
    return Layout(modules=_Modules(behaviour).all())


def operation_groups(behaviour: Behaviour) -> dict[str, tuple[Operation, ...]]:
    """The operations of each group, groups in order of their first operation."""
    groups: dict[str, list[Operation]] = {}
    for operation in behaviour.operations:
        groups.setdefault(operation_group(behaviour, operation), []).append(operation)
    return {group: tuple(operations) for group, operations in groups.items()}


class _Modules:
    """The modules of one behaviour."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.package = package_name(behaviour)
        self.groups = operation_groups(behaviour)
        self.base = (self._symbol("errors", "DomainError"),)
        self.models = tuple(self._model_symbol(entity) for entity in behaviour.entities)
        self.storage = (self._symbol("storage", "Storage"),)
        self.operations = tuple(self._operation_symbol(operation) for operation in behaviour.operations)

    def all(self) -> tuple[Module, ...]:
        code = [self._skeleton(), *map(self._model, self.behaviour.entities), self._storage()]
        code += [self._operations(group) for group in self.groups]
        code += [self._cli(), self._documentation()]
        return (*code, *self._tests({module.name: module for module in code}))

    # --- code

    def _skeleton(self) -> Module:
        package = self.package
        return Module(
            name="skeleton",
            title=f"Set up the Python package {package}",
            paths=(
                "pyproject.toml",
                ".gitignore",
                source_path(package, package=True),
                f"src/{package}/py.typed",
                source_path(f"{package}.errors"),
                source_path(f"{package}.values"),
            ),
            produces=self.base,
            group="project",
            complexity=1.0,
            estimate_s=2.0,
        )

    def _model(self, entity: Entity) -> Module:
        slug = entity_slug(entity.name)
        return Module(
            name=f"model-{slug}",
            title=f"Write the model {entity.name}",
            paths=(source_path(entity_module(self.behaviour, entity)),),
            produces=(self._model_symbol(entity), ArtifactRef(type="entity", name=entity.name)),
            consumes=self.base,
            requirements=entity.requirements,
            group="models",
            complexity=1.0 + len(entity.fields) / 10,
            estimate_s=3.0,
        )

    def _storage(self) -> Module:
        package, entities = self.package, self.behaviour.entities
        return Module(
            name="storage",
            title="Write the SQLite storage",
            paths=(
                source_path(f"{package}.models", package=True),
                source_path(f"{package}.schema"),
                source_path(f"{package}.constraints"),
                source_path(f"{package}.storage"),
            ),
            produces=(
                *self.storage,
                *(ArtifactRef(type="table", name=entity_slug(entity.name)) for entity in entities),
            ),
            consumes=(*self.base, *self.models),
            requirements=_merged(entity.requirements for entity in entities if _kept_by_storage(entity)),
            group="storage",
            complexity=2.0 + len(entities) / 5,
            estimate_s=4.0,
        )

    def _operations(self, group: str) -> Module:
        operations = self.groups[group]
        return Module(
            name=f"operations-{group}",
            title=f"Write the operations: {', '.join(operation.name for operation in operations)}",
            paths=(source_path(operations_module(self.behaviour, operations[0])),),
            produces=(
                *map(self._operation_symbol, operations),
                *(ArtifactRef(type="operation", name=operation.name) for operation in operations),
            ),
            consumes=(*self.base, *self.models, *self.storage),
            requirements=self._requirements(operations),
            group="operations",
            complexity=1.0 + len(operations) / 2,
            estimate_s=4.0,
        )

    def _cli(self) -> Module:
        return Module(
            name="cli",
            title=f"Write the command line {console_script(self.behaviour)}",
            paths=(
                source_path(f"{self.package}.operations", package=True),
                source_path(f"{self.package}.cli"),
            ),
            produces=(self._symbol("cli", "main"),),
            consumes=(*self.base, *self.models, *self.storage, *self.operations),
            requirements=self._requirements(self.behaviour.operations),
            group="cli",
            complexity=2.0,
            estimate_s=4.0,
        )

    def _documentation(self) -> Module:
        return Module(
            name="documentation",
            title="Write the documentation",
            type="documentation",
            paths=("README.md", "docs/reference.md"),
            produces=(ArtifactRef(type="documentation", name=self.package),),
            group="documentation",
            complexity=1.0,
            estimate_s=2.0,
        )

    # --- tests

    def _tests(self, code: dict[str, Module]) -> Iterable[Module]:
        for name in code:
            if name.startswith("model-") or name == "storage":
                yield self._test(name, (code[name],), estimate_s=4.0)
        groups = [code[f"operations-{group}"] for group in self.groups]
        for subject in groups:
            yield self._test(subject.name, (subject,), estimate_s=6.0)
        if groups:
            model = "tests/reference_model.py"
            yield self._test("state-machine", tuple(groups), estimate_s=8.0, more=(model,))
        yield self._test("cli", (code["cli"],), estimate_s=5.0)

    def _test(
        self, name: str, subjects: tuple[Module, ...], *, estimate_s: float, more: tuple[str, ...] = ()
    ) -> Module:
        return Module(
            name=f"test-{name}",
            title=f"Test {_subject_title(name)}",
            type="testing",
            paths=(f"tests/test_{name.replace('-', '_')}.py", *more),
            produces=(ArtifactRef(type="tests", name=name),),
            consumes=tuple(dict.fromkeys(ref for subject in subjects for ref in subject.consumes)),
            verifies=tuple(subject.name for subject in subjects),
            requirements=_merged(subject.requirements for subject in subjects),
            group="tests",
            complexity=max(subject.complexity for subject in subjects),
            estimate_s=estimate_s,
        )

    # --- names

    def _symbol(self, module: str, name: str) -> ArtifactRef:
        return ArtifactRef(type="symbol", name=f"{self.package}.{module}:{name}")

    def _model_symbol(self, entity: Entity) -> ArtifactRef:
        return ArtifactRef(type="symbol", name=f"{entity_module(self.behaviour, entity)}:{class_name(entity)}")

    def _operation_symbol(self, operation: Operation) -> ArtifactRef:
        module = operations_module(self.behaviour, operation)
        return ArtifactRef(type="symbol", name=f"{module}:{identifier(operation.name)}")

    def _requirements(self, operations: Iterable[Operation]) -> tuple[str, ...]:
        """What the operations serve, by their own word or by that of their examples."""
        chosen = tuple(operations)
        names = {operation.name for operation in chosen}
        examples = (example for example in self.behaviour.examples if example.operation in names)
        return _merged([*(operation.requirements for operation in chosen), *(e.requirements for e in examples)])


def _kept_by_storage(entity: Entity) -> bool:
    """Whether the storage, not the model alone, enforces something about the entity."""
    return bool(entity.constraints) or any(field.unique or field.type == "reference" for field in entity.fields)


def _merged(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))


def _subject_title(name: str) -> str:
    kind, _, rest = name.partition("-")
    if kind == "model":
        return f"the model {rest}"
    if kind == "operations":
        return f"the operations of {rest}"
    return {"storage": "the storage", "cli": "the command line"}.get(name, "random sequences of operations")
