"""Random expressions of a wanted type over the names of a scope: every operator and function of the language occurs."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

from ..behaviour import ExpressionProblem, Scope, Type, assignable, infer_text, select_text
from ..models import Expression

__all__ = ["ATTEMPTS", "RandomExpressions"]

#: How often something that fits is looked for.
ATTEMPTS = 12


class RandomExpressions:
    """Makes texts of expressions; the same for the same state of ``rng``."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.counter = 0

    def of_type(self, scope: Scope, wanted: Type, depth: int = 2) -> str | None:
        """An expression of the type, ``None`` when none was found."""
        for _ in range(ATTEMPTS):
            text = self._text(scope, wanted, depth)
            if text is None:
                continue
            try:
                found = infer_text(Expression(text=text), scope)
            except ExpressionProblem:
                continue
            if assignable(found, wanted) and found.kind != "null":
                return text
        return None

    def _text(self, scope: Scope, wanted: Type, depth: int) -> str | None:
        paths = list(self.paths(scope, wanted))
        if wanted.kind == "row":
            return self.rng.choice(paths) if paths else None
        if depth <= 0 or self.rng.random() < 0.25:
            leaves = [*paths, *paths, *self._literals(wanted)]
            return self.rng.choice(leaves) if leaves else None
        text = self.rng.choice(_FORMS[wanted.kind])
        return self._filled(text, scope, depth)

    def _filled(self, form: str, scope: Scope, depth: int) -> str | None:
        """``form`` with every ``<type>`` replaced by an expression of that type."""
        result = ""
        rest = form
        while "<" in rest and ">" in rest.split("<", 1)[1] and rest.split("<", 1)[1].split(">", 1)[0].isalpha():
            before, after = rest.split("<", 1)
            kind, rest = after.split(">", 1)
            if kind == "selection":
                self.counter += 1
                part: str | None = self.selection(scope, f"x{self.counter}", depth - 1)
            elif kind == "row":
                rows = list(self.paths(scope, Type("row"), any_entity=True))
                part = self.rng.choice(rows) if rows else None
            else:
                part = self._text(scope, Type(kind), depth - 1)
            if part is None:
                return None
            result += before + (part if kind in ("selection", "row") else f"({part})" if " " in part else part)
        return result + rest

    def selection(self, scope: Scope, variable: str, depth: int = 1) -> str:
        """A selection with that variable over some entity or relation, mostly with a condition."""
        collections = [entity.name for entity in scope.behaviour.entities]
        collections += list(self._relations(scope)) * 2
        collection = self.rng.choice(collections)
        text = f"{collection} as {variable}"
        if self.rng.random() < 0.75:
            try:
                _, inner = select_text(Expression(text=text), scope)
            except ExpressionProblem:
                return text
            condition = self.of_type(inner, Type("boolean"), depth)
            if condition is not None:
                text += f" where {condition}"
        return text

    def paths(self, scope: Scope, wanted: Type, *, any_entity: bool = False) -> Iterator[str]:
        """Names, and fields of rows up to two steps away, of the wanted type."""
        pending: list[tuple[str, Type, int]] = [(name, type_, 0) for name, type_ in scope.names.items()]
        while pending:
            text, type_, steps = pending.pop(0)
            if type_ == wanted or (any_entity and type_.kind == "row"):
                yield text
            if type_.kind == "row" and steps < 2:
                entity = scope.behaviour.entity(str(type_.entity))
                for name, member in scope.members(entity).items():
                    if member.kind != "rows":
                        pending.append((f"{text}.{name}", member, steps + 1))

    def _relations(self, scope: Scope) -> Iterator[str]:
        for name, type_ in scope.names.items():
            if type_.kind == "rows":
                yield name
            elif type_.kind == "row":
                entity = scope.behaviour.entity(str(type_.entity))
                yield from (f"{name}.{relation.name}" for relation in entity.relations)

    def _literals(self, wanted: Type) -> Sequence[str]:
        return {
            "integer": ("0", "1", "2", "3", "7"),
            "decimal": ("0.5", "1.25", "3.00"),
            "text": ('"plain"', '"AB12"', '" x "', '"red"', '""'),
            "boolean": ("true", "false"),
            "date": ('date("2026-01-31")', "today()"),
            "datetime": ('datetime("2026-01-31T08:00:00")', "now()"),
            "duration": ("days(1)", "hours(5)", "minutes(30)"),
        }[wanted.kind]


#: What an expression of a type may look like; ``<type>`` stands for an expression of that type.
_FORMS: Mapping[str, Sequence[str]] = {
    "integer": (
        "<integer> + <integer>",
        "<integer> - <integer>",
        "<integer> * 2",
        "<integer> % 3",
        "<integer> % <integer>",
        "-<integer>",
        "abs(<integer>)",
        "min(<integer>, <integer>)",
        "max(<integer>, <integer>)",
        "length(<text>)",
        "year(<date>)",
        "month(<datetime>)",
        "day(<date>)",
        "integer(<decimal>)",
        "<date> - <date>",
        "coalesce(<integer>, <integer>)",
        "if(<boolean>, <integer>, <integer>)",
        "count(<selection>)",
        "sum(<selection>: 2)",
    ),
    "decimal": (
        "<decimal> + <decimal>",
        "<decimal> - <integer>",
        "<decimal> * 0.5",
        "<integer> / <integer>",
        "<decimal> / <decimal>",
        "-<decimal>",
        "abs(<decimal>)",
        "round(<decimal>, 1)",
        "round(<integer>, 0)",
        "min(<decimal>, <integer>)",
        "coalesce(<decimal>, <integer>)",
        "if(<boolean>, <decimal>, <integer>)",
        "sum(<selection>: 0.25)",
    ),
    "text": (
        "<text> + <text>",
        "lower(<text>)",
        "upper(<text>)",
        "trim(<text>)",
        "coalesce(<text>, <text>)",
        "if(<boolean>, <text>, <text>)",
        "min(<text>, <text>)",
    ),
    "boolean": (
        "<integer> < <integer>",
        "<integer> >= <integer>",
        "<decimal> <= <decimal>",
        "<decimal> == <integer>",
        "<text> == <text>",
        "<text> < <text>",
        "<date> <= <date>",
        "<datetime> > <datetime>",
        "<duration> < <duration>",
        "<boolean> and <boolean>",
        "<boolean> or <boolean>",
        "not <boolean>",
        "<boolean> != <boolean>",
        "<integer> is null",
        "<text> is not null",
        "<row> is null",
        "<integer> in [1, 2, <integer>]",
        '<text> not in ["red", <text>]',
        "contains(<text>, <text>)",
        "starts_with(<text>, <text>)",
        "ends_with(<text>, <text>)",
        "exists(<selection>)",
        "not exists(<selection>)",
        "count(<selection>) < 2",
        "coalesce(<boolean>, <boolean>)",
    ),
    "date": (
        "<date> + days(<integer>)",
        "<date> - days(2)",
        "date(<datetime>)",
        "min(<date>, <date>)",
        "max(<date>, today())",
        "coalesce(<date>, <date>)",
        "if(<boolean>, <date>, <date>)",
    ),
    "datetime": (
        "<datetime> + hours(<integer>)",
        "<datetime> - <duration>",
        "max(<datetime>, now())",
        "coalesce(<datetime>, <datetime>)",
    ),
    "duration": (
        "days(<integer>)",
        "hours(<integer>)",
        "minutes(<integer>)",
        "<datetime> - <datetime>",
        "<duration> + <duration>",
        "-<duration>",
    ),
}
