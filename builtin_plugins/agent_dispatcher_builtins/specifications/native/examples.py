"""Examples: one call with everything before and after it."""

from __future__ import annotations

from collections.abc import Iterator

from agent_dispatcher.models import Example, ExpectedRow, Operation, Record, Scalar
from agent_dispatcher.safe_load import Located

from .document import Problems, Section

__all__ = ["read_examples"]

_NOW = "2026-01-01T00:00:00"


def read_examples(top: Section, operations: tuple[Operation, ...], problems: Problems) -> tuple[Example, ...]:
    """All examples, in order; one that names no requirements serves those of its operation."""
    served = {operation.name: operation.requirements for operation in operations}
    return tuple(_example(node, served, problems) for node in top.items("examples"))


def _example(node: Located, served: dict[str, tuple[str, ...]], problems: Problems) -> Example:
    section = Section("example", node, problems)
    operation = section.text("call")
    if "name" in section and not section.text("name"):
        section.problem("the name of an example is empty", "name")
    return Example(
        name=section.text("name"),
        operation=operation,
        now=section.text("now", _NOW),
        given=tuple(_given(section, problems)),
        inputs=_scalars(section, "with"),
        error=section.text("error") or None,
        expects_result="result" in section,
        result=_result(section),
        then=tuple(_then(section, problems)),
        counts=_counts(section),
        requirements=section.texts("requirements") or served.get(operation, ()),
        source=section.where,
    )


def _scalars(section: Section, key: str) -> dict[str, Scalar]:
    return {name: section.scalar_of(item, f"{key}: {name}") for name, item, _ in section.pairs(key)}


def _values(node: Located, what: str, section: Section, problems: Problems, where: str) -> dict[str, Scalar]:
    if node.value is None:
        return {}
    if not isinstance(node.value, dict):
        problems.add(f"{what} is a mapping of fields to values, not {node.kind}", where)
        return {}
    return {name: section.scalar_of(item, f"{what}: {name}") for name, item in node.value.items()}


def _given(section: Section, problems: Problems) -> Iterator[Record]:
    for title, node, where in section.pairs("given"):
        words = title.split()
        if len(words) != 2:
            problems.add(f"a given record is called 'Entity alias', not {title!r}", where, "for example 'Member ada'")
            continue
        yield Record(
            entity=words[0], alias=words[1], values=_values(node, title, section, problems, where), source=where
        )


def _result(section: Section) -> Scalar | dict[str, Scalar] | list[Scalar | dict[str, Scalar]]:
    node = section.get("result")
    if node is None:
        return None
    if isinstance(node.value, tuple):
        return [_result_item(section, item) for item in node.value]
    return _result_item(section, node)


def _result_item(section: Section, node: Located) -> Scalar | dict[str, Scalar]:
    if isinstance(node.value, dict):
        return {name: section.scalar_of(item, f"result: {name}") for name, item in node.value.items()}
    return section.scalar_of(node, "result")


def _then(section: Section, problems: Problems) -> Iterator[ExpectedRow]:
    node = section.get("then")
    if node is None:
        return
    for mapping in node.value if isinstance(node.value, tuple) else (node,):
        if not isinstance(mapping.value, dict):
            problems.add(f"'then' is a mapping of rows to what is expected of them, not {mapping.kind}", mapping.where)
            continue
        for title, expected in mapping.value.items():
            row = _expected(title, expected, section, problems, mapping.key_where(title))
            if row is not None:
                yield row


def _expected(title: str, node: Located, section: Section, problems: Problems, where: str) -> ExpectedRow | None:
    words = title.split()
    if len(words) != 2:
        problems.add(
            f"an expected row is called 'Entity alias' or 'new Entity', not {title!r}", where, "for example 'new Loan'"
        )
        return None
    entity, alias = (words[1], None) if words[0] == "new" else (words[0], words[1])
    values = None if node.value == "gone" else _values(node, title, section, problems, where)
    return ExpectedRow(entity=entity, alias=alias, values=values, source=where)


def _counts(section: Section) -> dict[str, int]:
    counts = {}
    for name, node, _ in section.pairs("counts"):
        if isinstance(node.value, bool) or not isinstance(node.value, int):
            section.problem(f"counts: {name} must be a whole number, not {node.kind}", "counts")
        else:
            counts[name] = node.value
    return counts
