"""A reference model: does what a specification declares, by interpreting it, one step at a time.

Data in, data out. Nothing is compiled and nothing is cached, so that the model is slow, plain and
easy to compare with the specification. It needs the standard library only.

A behaviour is a dictionary::

    {"entities": {NAME: {"slug": ..., "fields": {NAME: FIELD},
                         "relations": {NAME: (ENTITY, FIELD)},
                         "constraints": [{"error": CODE, "check": EXPRESSION}]}},
     "operations": {NAME: {"inputs": {NAME: FIELD},
                           "guards": [{"error": CODE, "that": EXPRESSION}],
                           "changes": [CHANGE], "returns": EXPRESSION or None}}}

FIELD has "type" and, where declared, "required", "unique", "default", "choices", "entity",
"minimum", "maximum", "min_length", "max_length", "pattern". CHANGE has "kind", "entity", "values"
and, where declared, "target", "name", "each". EXPRESSION is a tuple that starts with its operator.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, NamedTuple

#: Name under which a constraint sees the row it is about.
THIS_ROW = "this row"

#: How decimals are computed: 28 significant digits, half to even.
DECIMALS = Context(prec=28, rounding=ROUND_HALF_EVEN)

#: What is not below this in size is no decimal.
LARGEST = 10**100


class Violation(Exception):
    """The call is refused with an error code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Ref(NamedTuple):
    """The identity of a row."""

    entity: str
    id: int


Names = Mapping[str, Any]


class Model:
    """Rows in dictionaries, and the operations on them.

    Args:
        behaviour: what is declared, as the module's docstring says.
        now: the clock.
    """

    def __init__(self, behaviour: Mapping[str, Any], now: Callable[[], datetime]) -> None:
        self.entities: Mapping[str, Any] = behaviour["entities"]
        self.operations: Mapping[str, Any] = behaviour["operations"]
        self.now = now
        self.rows: dict[str, dict[int, dict[str, Any]]] = {name: {} for name in self.entities}
        self.last_id: dict[str, int] = dict.fromkeys(self.entities, 0)

    # --- the state

    def row(self, ref: Ref) -> dict[str, Any]:
        """The row with its id, as data."""
        return {**self.rows[ref.entity][ref.id], "id": ref.id}

    def state(self) -> dict[str, list[dict[str, Any]]]:
        """All rows by entity, in order of id."""
        return {
            entity: [{**row, "id": row_id} for row_id, row in sorted(rows.items())]
            for entity, rows in self.rows.items()
        }

    def add(self, entity: str, values: Mapping[str, Any]) -> int:
        """Create a row; absent values become their default. Gives the id."""
        with _Undo(self):
            return self._create(entity, values)

    def update(self, entity: str, row_id: int, values: Mapping[str, Any]) -> None:
        """Write the given values into a row and leave its others."""
        with _Undo(self):
            self._set(entity, row_id, values)

    def remove(self, entity: str, row_id: int) -> None:
        """Delete a row that no other references."""
        with _Undo(self):
            self._delete(entity, row_id)

    def call(self, operation: str, inputs: Mapping[str, Any]) -> Any:
        """Run an operation: a row or rows as data, a value, or ``None``."""
        with _Undo(self):
            return self._run(self.operations[operation], operation, inputs)

    # --- operations

    def _run(self, operation: Mapping[str, Any], name: str, inputs: Names) -> Any:
        names: dict[str, Any] = {}
        for key, field in operation["inputs"].items():
            value = inputs[key] if key in inputs else field.get("default")
            value = self._checked(field, value, f"{name}_{key}")
            if field["type"] == "reference":
                self._reference(field, value)
            names[key] = self._wrapped(field, value)
        for guard in operation["guards"]:
            if not self.evaluate(guard["that"], names):
                raise Violation(guard["error"])
        for change in operation["changes"]:
            self._change(change, names)
        returns = operation["returns"]
        return None if returns is None else self._as_data(self.evaluate(returns, names))

    def _change(self, change: Mapping[str, Any], names: dict[str, Any]) -> None:
        if "each" not in change:
            created = self._apply(change, names)
            if "name" in change:
                names[change["name"]] = created
            return
        variable = change["each"][2]
        for matched in list(self._selected(change["each"], names)):
            self._apply(change, {**names, variable: matched})

    def _apply(self, change: Mapping[str, Any], names: Names) -> Ref | None:
        entity = change["entity"]
        if change["kind"] == "create":
            return Ref(entity, self._create(entity, self._values(change, names)))
        target = self.evaluate(change["target"], names)
        if target is None:
            raise Violation(f"{self.entities[entity]['slug']}_not_found")
        if change["kind"] == "set":
            self._set(entity, target.id, self._values(change, names))
        else:
            self._delete(entity, target.id)
        return None

    def _values(self, change: Mapping[str, Any], names: Names) -> dict[str, Any]:
        """The values of one change, all computed before any is written."""
        values = {name: self.evaluate(node, names) for name, node in change["values"].items()}
        return {name: v.id if isinstance(v, Ref) else v for name, v in values.items()}

    def _as_data(self, value: Any) -> Any:
        if isinstance(value, Ref):
            return self.row(value)
        if isinstance(value, list):
            return [self.row(ref) for ref in value]
        return value

    # --- rows

    def _create(self, entity: str, values: Mapping[str, Any]) -> int:
        fields = self.entities[entity]["fields"]
        row = {name: values.get(name, field.get("default")) for name, field in fields.items()}
        row_id = self.last_id[entity] + 1
        self._write(entity, row_id, row)
        self.last_id[entity] = row_id
        return row_id

    def _set(self, entity: str, row_id: int, values: Mapping[str, Any]) -> None:
        if row_id not in self.rows[entity]:
            raise Violation(f"{self.entities[entity]['slug']}_not_found")
        self._write(entity, row_id, {**self.rows[entity][row_id], **values})

    def _delete(self, entity: str, row_id: int) -> None:
        slug = self.entities[entity]["slug"]
        if row_id not in self.rows[entity]:
            raise Violation(f"{slug}_not_found")
        for other, declared in self.entities.items():
            for name, field in declared["fields"].items():
                if field.get("entity") != entity:
                    continue
                for other_id, row in self.rows[other].items():
                    if row[name] == row_id and (other, other_id) != (entity, row_id):
                        raise Violation(f"{slug}_in_use")
        del self.rows[entity][row_id]

    def _write(self, entity: str, row_id: int, row: Mapping[str, Any]) -> None:
        declared = self.entities[entity]
        slug = declared["slug"]
        written: dict[str, Any] = {}
        for name, field in declared["fields"].items():
            written[name] = self._checked(field, row[name], f"{slug}_{name}")
        for name, field in declared["fields"].items():
            if field["type"] == "reference":
                self._reference(field, written[name])
        self.rows[entity][row_id] = written
        for name, field in declared["fields"].items():
            if field.get("unique") and written[name] is not None:
                for other_id, other in self.rows[entity].items():
                    if other_id != row_id and other[name] == written[name]:
                        raise Violation(f"{slug}_{name}_unique")
        for constraint in declared["constraints"]:
            if not self.evaluate(constraint["check"], {THIS_ROW: Ref(entity, row_id)}):
                raise Violation(constraint["error"])

    # --- values

    def _checked(self, field: Mapping[str, Any], value: Any, prefix: str) -> Any:
        """The value as it is kept, or the first violation of what the field declares."""
        if value is None:
            if field.get("required"):
                raise Violation(f"{prefix}_required")
            return None
        if not _has_type(value, field["type"]):
            raise Violation(f"{prefix}_type")
        if field["type"] == "decimal":
            value = Decimal(value)
        if "choices" in field and value not in field["choices"]:
            raise Violation(f"{prefix}_choice")
        if "pattern" in field and not re.fullmatch(field["pattern"], value):
            raise Violation(f"{prefix}_pattern")
        if "min_length" in field and len(value) < field["min_length"]:
            raise Violation(f"{prefix}_length")
        if "max_length" in field and len(value) > field["max_length"]:
            raise Violation(f"{prefix}_length")
        if "minimum" in field and value < field["minimum"]:
            raise Violation(f"{prefix}_range")
        if "maximum" in field and value > field["maximum"]:
            raise Violation(f"{prefix}_range")
        return value

    def _reference(self, field: Mapping[str, Any], value: Any) -> None:
        """The row that a reference names exists."""
        entity = field["entity"]
        if value is not None and value not in self.rows[entity]:
            raise Violation(f"{self.entities[entity]['slug']}_not_found")

    def _wrapped(self, field: Mapping[str, Any], value: Any) -> Any:
        """A kept value as expressions see it: a reference is the identity of a row."""
        if field["type"] == "reference" and value is not None:
            return Ref(field["entity"], value)
        return value

    # --- expressions

    def evaluate(self, node: Any, names: Names) -> Any:
        """The value of an expression; ``None`` is null."""
        operator = node[0]
        if operator == "literal":
            return node[1]
        if operator == "name":
            return self._present(names[node[1]])
        if operator == "field":
            return self._field(self.evaluate(node[1], names), node[2])
        if operator == "not":
            return not self.evaluate(node[1], names)
        if operator == "negate":
            return _negated(self.evaluate(node[1], names))
        if operator == "and":
            return bool(self.evaluate(node[1], names)) and bool(self.evaluate(node[2], names))
        if operator == "or":
            return bool(self.evaluate(node[1], names)) or bool(self.evaluate(node[2], names))
        if operator == "null":
            return self.evaluate(node[1], names) is None
        if operator == "in":
            value = self.evaluate(node[1], names)
            return value is not None and value in [self.evaluate(o, names) for o in node[2]]
        if operator == "call":
            return self._call(node[1], node[2], names)
        if operator in ("count", "exists", "select", "sum"):
            return self._aggregate(node, names)
        return _binary(operator, self.evaluate(node[1], names), self.evaluate(node[2], names))

    def _present(self, value: Any) -> Any:
        """A row that was deleted is null."""
        if isinstance(value, Ref) and value.id not in self.rows[value.entity]:
            return None
        return value

    def _field(self, ref: Ref | None, name: str) -> Any:
        if ref is None or name == "id":
            return None if ref is None else ref.id
        field = self.entities[ref.entity]["fields"][name]
        return self._wrapped(field, self.rows[ref.entity][ref.id][name])

    def _call(self, function: str, arguments: Any, names: Names) -> Any:
        if function == "if":
            condition, yes, no = arguments
            return self.evaluate(yes if self.evaluate(condition, names) else no, names)
        values = [self.evaluate(argument, names) for argument in arguments]
        if function == "coalesce":
            return values[1] if values[0] is None else values[0]
        if function == "now":
            return self.now()
        if function == "today":
            return self.now().date()
        if any(value is None for value in values):
            return None
        return _total(lambda: _FUNCTIONS[function](*values))

    def _aggregate(self, node: Any, names: Names) -> Any:
        kind, selection = node[0], node[1]
        matched = list(self._selected(selection, names))
        if kind == "select":
            return matched
        if kind == "count":
            return len(matched)
        if kind == "exists":
            return bool(matched)
        total: Any = 0
        for ref in matched:
            value = self.evaluate(node[2], {**names, selection[2]: ref})
            total = total if value is None else _binary("+", total, value)
        return total

    def _selected(self, selection: Any, names: Names) -> Iterator[Ref]:
        """The rows of ``("rows", COLLECTION, VARIABLE, CONDITION or None)``, in order of id."""
        _, collection, variable, condition = selection
        for ref in self._collection(collection, names):
            if condition is None or self.evaluate(condition, {**names, variable: ref}):
                yield ref

    def _collection(self, collection: Any, names: Names) -> list[Ref]:
        """``("all", ENTITY)`` or ``("related", EXPRESSION, RELATION, its ENTITY if certain)``."""
        if collection[0] == "all":
            return [Ref(collection[1], row_id) for row_id in sorted(self.rows[collection[1]])]
        owner = self.evaluate(collection[1], names)
        if owner is None:
            return []
        entity, by = self.entities[owner.entity]["relations"][collection[2]]
        rows = sorted(self.rows[entity].items())
        return [Ref(entity, row_id) for row_id, row in rows if row[by] == owner.id]


class _Undo:
    """Everything inside, or nothing when it ends with an error. Rows are replaced, never changed."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def __enter__(self) -> None:
        self.rows = {entity: dict(rows) for entity, rows in self.model.rows.items()}
        self.last_id = dict(self.model.last_id)

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if error is not None:
            self.model.rows, self.model.last_id = self.rows, self.last_id


def _has_type(value: Any, kind: str) -> bool:
    if kind in ("text", "choice"):
        return isinstance(value, str) and _is_unicode(value)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "decimal" and isinstance(value, Decimal):
        return value.is_finite() and abs(value) < LARGEST
    if kind in ("integer", "reference", "decimal"):
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole and (kind != "decimal" or abs(value) < LARGEST)
    if kind == "datetime":
        return isinstance(value, datetime) and not value.microsecond and value.tzinfo is None
    return isinstance(value, date) and not isinstance(value, datetime)


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def _total(compute: Callable[[], Any]) -> Any:
    """The result, or null where there is none."""
    try:
        return compute()
    except (ArithmeticError, ValueError):
        return None


def _binary(operator: str, left: Any, right: Any) -> Any:
    if operator == "==":
        return left == right
    if operator == "!=":
        return left != right
    if left is None or right is None:
        return False if operator in _ORDER else None
    if operator in _ORDER:
        return _ORDER[operator](left, right)
    if operator == "/" or isinstance(left, Decimal) or isinstance(right, Decimal):
        return _total(lambda: _DECIMAL_ARITHMETIC[operator](Decimal(left), Decimal(right)))
    return _total(lambda: _ARITHMETIC[operator](left, right))


def _negated(value: Any) -> Any:
    if value is None:
        return None
    return _total(lambda: DECIMALS.minus(value) if isinstance(value, Decimal) else -value)


def _difference(left: Any, right: Any) -> Any:
    difference = left - right
    days_apart = isinstance(right, date) and not isinstance(right, datetime)
    return difference.days if days_apart else difference


def _rounded(value: Decimal | int, digits: int) -> Decimal:
    number = Decimal(value)
    if -int(number.as_tuple().exponent) <= digits:
        return number
    return number.quantize(Decimal((0, (1,), -digits)), context=DECIMALS)


_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}

_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": _difference,
    "*": lambda left, right: left * right,
    "%": lambda left, right: left % right,
}

_DECIMAL_ARITHMETIC: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": DECIMALS.add,
    "-": DECIMALS.subtract,
    "*": DECIMALS.multiply,
    "/": DECIMALS.divide,
}

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "days": lambda n: timedelta(days=n),
    "hours": lambda n: timedelta(hours=n),
    "minutes": lambda n: timedelta(minutes=n),
    "date": lambda moment: moment.date(),
    "year": lambda day: day.year,
    "month": lambda day: day.month,
    "day": lambda day: day.day,
    "length": len,
    "lower": str.lower,
    "upper": str.upper,
    "trim": str.strip,
    "contains": lambda text, part: part in text,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "abs": lambda value: DECIMALS.abs(value) if isinstance(value, Decimal) else abs(value),
    "min": min,
    "max": max,
    "round": _rounded,
    "integer": int,
}
