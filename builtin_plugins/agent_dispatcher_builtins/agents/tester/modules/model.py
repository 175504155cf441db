"""``test_model_<entity>.py``: what the fields of one entity accept and refuse."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from agent_dispatcher.behaviour import to_value
from agent_dispatcher.models import Entity, Field

from ....languages.python.interface import entity_slug, identifier
from ..source import Code, Group, TestModule, layout, text_literal
from ..subject import Subject, place
from ..values import distinct, inside, outside, violation, wrong_types

__all__ = ["model_module"]


def model_module(subject: Subject, entity: Entity) -> str:
    """The test module of one entity's class."""
    return _Model(subject, entity).render()


class _Model:
    """The test module while it is being written."""

    def __init__(self, subject: Subject, entity: Entity) -> None:
        where = f" ({place(entity.source)})" if entity.source else ""
        self.entity = entity
        self.slug = entity_slug(entity.name)
        self.kind = subject.class_name(entity.name)
        self.module = TestModule(
            f"The class {self.kind}{where}: which values its fields take, which they refuse and with what code.",
            subject.package,
        )
        self.module.use("typing", "Any")
        self.module.use("pytest")
        self.module.use(subject.errors_module, "DomainError")
        self.module.use(subject.entity_module(entity), self.kind)
        self.valid = {field.name: self._plausible(subject, field) for field in entity.fields}

    def _plausible(self, subject: Subject, field: Field) -> Any:
        if field.type == "reference":
            return 1
        pool = subject.variation.pool(self.entity.name, field)
        return pool[0] if pool else None

    def render(self) -> str:
        values = {identifier(name): value for name, value in self.valid.items()}
        self.module.block("#: Values that are all allowed.\n" + self._constant("VALID: dict[str, Any] = ", values))
        self._helper()
        self._takes_valid_values()
        self._optional_fields()
        self._required_fields()
        self._accepts()
        self._integers_as_decimals()
        self._refuses()
        self._order()
        self._shape()
        return self.module.render()

    def _constant(self, before: str, value: Any) -> str:
        return layout(self.module.literal(value), 0, before)

    def _helper(self) -> None:
        self.module.block(
            "def error_of(**values: Any) -> str | None:\n"
            f'    """The code a {self.kind} with these values is refused with; None when it is accepted."""\n'
            "    try:\n"
            f"        {self.kind}(**{{**VALID, **values}})\n"
            "    except DomainError as error:\n"
            "        return error.code\n"
            "    return None"
        )

    # --- what is accepted

    def _takes_valid_values(self) -> None:
        self.module.test(
            "test_keeps_its_values",
            "Every field holds what it was given, and a new row has no id.",
            [
                f"    row = {self.kind}(**VALID)",
                "    assert {name: getattr(row, name) for name in VALID} == VALID",
                "    assert row.id is None",
                f"    assert {self.kind}(**VALID, id=7).id == 7",
            ],
        )

    def _optional_fields(self) -> None:
        absent = {
            identifier(field.name): to_value(field, field.default)
            for field in self.entity.fields
            if field.default is not None or not field.required
        }
        if not absent:
            return
        self.module.test(
            "test_absent_fields_have_their_default",
            "A field that is not given is null, or what the specification declares.",
            [
                layout(self.module.literal(absent), 4, "defaults = "),
                "    given = {name: value for name, value in VALID.items() if name not in defaults}",
                f"    row = {self.kind}(**given)",
                "    assert {name: getattr(row, name) for name in defaults} == defaults",
            ],
        )

    def _required_fields(self) -> None:
        needed = [identifier(f.name) for f in self.entity.fields if f.required and f.default is None]
        if not needed:
            return
        self.module.test(
            "test_required_fields_must_be_given",
            "A required field without a default cannot be left out.",
            [
                "    given = {key: value for key, value in VALID.items() if key != name}",
                "    with pytest.raises(TypeError):",
                f"        {self.kind}(**given)",
            ],
            ["name"],
            above=self._parametrize('"name"', [text_literal(name) for name in needed]),
        )

    def _accepts(self) -> None:
        cases: list[Code] = []
        for field in self.entity.fields:
            values = [*inside(field), *([1, 99] if field.type == "reference" else [])]
            if not field.required:
                values.append(None)
            cases += [self._case(field, value) for value in distinct(values)]
        if cases:
            self.module.test(
                "test_accepts",
                "Values inside the declared bounds, the bounds themselves among them.",
                [
                    f"    row = {self.kind}(**{{**VALID, field: value}})",
                    "    assert getattr(row, field) == value",
                    "    assert type(getattr(row, field)) is type(value)",
                ],
                ["field", "value"],
                above=self._parametrize('("field", "value")', cases),
            )

    def _integers_as_decimals(self) -> None:
        for field in self.entity.fields:
            if field.type != "decimal":
                continue
            allowed = [number for number in (1, 0, 100) if violation(field, number) is None]
            if allowed:
                self.module.use("decimal", "Decimal")
                name = identifier(field.name)
                self.module.test(
                    f"test_{field.name}_takes_an_integer",
                    "An integer is accepted as a decimal, and becomes one.",
                    [
                        f"    value = {self.kind}(**{{**VALID, {text_literal(name)}: {allowed[0]}}}).{name}",
                        f"    assert value == {allowed[0]}",
                        "    assert type(value) is Decimal",
                    ],
                )

    def _case(self, field: Field, value: Any, code: str | None = None) -> Code:
        items: list[Code] = [text_literal(identifier(field.name)), self.module.literal(value)]
        if code is not None:
            items.append(text_literal(f"{self.slug}_{field.name}_{code}"))
        return Group("(", tuple(items), ")")

    # --- what is refused

    def _refuses(self) -> None:
        cases: list[Code] = []
        for field in self.entity.fields:
            cases += [self._case(field, found.value, found.kind) for found in outside(field)]
            cases += [self._case(field, value, "type") for value in wrong_types(field)]
        if cases:
            self.module.test(
                "test_refuses",
                "Values just outside, null where a value is required, values of another type.",
                ["    assert error_of(**{field: value}) == code"],
                ["field", "value", "code"],
                above=self._parametrize('("field", "value", "code")', cases),
            )

    def _order(self) -> None:
        wrong = [(field, wrong_types(field)[0]) for field in self.entity.fields]
        cases: list[Code] = []
        for (first, first_value), (second, second_value) in pairwise(wrong):
            values = {identifier(second.name): second_value, identifier(first.name): first_value}
            code = text_literal(f"{self.slug}_{first.name}_type")
            cases.append(Group("(", (self.module.literal(values), code), ")"))
        for field in self.entity.fields:
            both = self._two_violations(field)
            if both is not None:
                code = text_literal(f"{self.slug}_{field.name}_{both[1]}")
                cases.append(Group("(", (self.module.literal({identifier(field.name): both[0]}), code), ")"))
        if cases:
            self.module.test(
                "test_the_first_violation_counts",
                "Fields are checked in declared order; in a field choice, pattern, length and range in this order.",
                ["    assert error_of(**values) == code"],
                ["values", "code"],
                above=self._parametrize('("values", "code")', cases),
            )

    @staticmethod
    def _two_violations(field: Field) -> tuple[Any, str] | None:
        """A value that violates two things, and the one that is checked first."""
        if field.type != "text" or field.pattern is None:
            return None
        texts = ["!" * ((field.max_length or 0) + 1), "", "!"]
        for text in texts:
            first = violation(field, text)
            if first is not None and violation(field, text, skip=first) is not None:
                return text, first
        return None

    # --- the class

    def _shape(self) -> None:
        names = [*(identifier(field.name) for field in self.entity.fields), "id"]
        self.module.use("dataclasses", "fields")
        self.module.test(
            "test_fields_in_declared_order",
            "The fields of the specification in its order, then the id.",
            [
                layout(self.module.literal(names), 4, "names = "),
                f"    assert [field.name for field in fields({self.kind})] == names",
            ],
        )
        self.module.test(
            "test_cannot_be_changed",
            "A row is a value: frozen, without room for more, and equal to another with the same values.",
            [
                f"    row = {self.kind}(**VALID)",
                "    with pytest.raises(AttributeError):",
                "        row.id = 1",
                '    assert not hasattr(row, "__dict__")',
                f"    assert row == {self.kind}(**VALID)",
            ],
        )
        if self.entity.fields:
            self.module.test(
                "test_takes_keywords_only",
                "Fields have names, not positions.",
                ["    with pytest.raises(TypeError):", f"        {self.kind}(*VALID.values())"],
            )

    def _parametrize(self, names: str, cases: list[Any]) -> str:
        return layout(Group("@pytest.mark.parametrize(", (names, Group("[", tuple(cases), "]")), ")"))
