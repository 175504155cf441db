"""Behaviour as data: what a specification declares so exactly that code and tests can be derived from it.

Only values live here. The expression language (grammar, types, meaning) is the subject of
:mod:`agent_dispatcher.behaviour`; an :class:`Expression` is its source text with the place it came from.

Meaning, in the order in which an implementation must behave:

1. *Inputs* are checked in declared order: each for type, required, choice, pattern, length, range and at last
   that a reference exists. The first violation ends the call with its error code (see below).
2. *Guards* (``requires``) are evaluated in order; the first that is false ends the call with its ``error``.
3. *Changes* are applied in order, each to the state the ones before it left. The values of one change are
   all computed before any is written. After each written row its fields are checked in declared order (required,
   choice, pattern, length, range), then every reference in declared order, then every unique field in declared order, then the
   entity's constraints in order.
4. ``returns`` is evaluated on the final state.
5. An error leaves the state exactly as it was before the call.

Error codes: ``<operation>_<input>_<kind>`` for an input, ``<entity>_<field>_<kind>`` for a field (entity in snake case; kind is one
of ``type required choice pattern length range unique``); ``<entity>_not_found`` for a reference (or the target of a change) that
does not exist; ``<entity>_in_use`` for deleting a row that another row still references; a guard's and a constraint's
own ``error`` otherwise.

What could be read in two ways, decided:

* One input is checked completely (its reference included) before the next. Null violates ``required`` only. An absent input, field or
  unassigned field of ``create`` becomes its default, else null; an explicit null stays null, also where there is a default.
* A name of a row (input, created row, ``each`` variable) stands for the row's identity: whatever is read through it is read at that moment.
  Once its row is deleted the name is null.
* ``each``: the matching rows are fixed before the first is changed; then row after row, the values for one row computed on the state the rows before it
  left, and each row checked as it is written. A condition that is null counts as false (so a constraint over a null field is violated, unless it says ``is null``).
* Constraints and uniqueness are evaluated with the written row in place. Only the written row's entity is checked, no other row. A row that references only itself can be deleted;
  it can do so once it exists, not while it is created (``not_found``).
* Uniqueness compares like ``==`` (``1.0`` and ``1.00`` are the same decimal). A failed call uses up no id.
* ``returns`` of row type gives the row as it is at the end. ``given`` records of an example are added in order at the example's ``now`` and must be valid themselves.
* ``pattern`` is Python's :func:`re.fullmatch` without flags; lengths count code points. A decimal is finite: NaN and infinities are of the wrong type, and so is
  what is not below 10**100 in size (so that no arithmetic on decimals overflows), a text that UTF-8 cannot hold, and a datetime with a zone or a fraction of a second.

Every entity has an implicit ``id``: an integer, 1 for the first row created, never used twice. A reference holds an id.
"""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import in_

__all__ = [
    "FIELD_TYPES",
    "Assignment",
    "Behaviour",
    "Change",
    "Constraint",
    "Entity",
    "Example",
    "ExpectedRow",
    "Expression",
    "Field",
    "Guard",
    "Operation",
    "Record",
    "Relation",
    "Scalar",
]

#: A value as JSON has it: decimals as text ("12.50"), dates and datetimes as ISO 8601 text without a zone,
#: a reference in an example as the alias of a given record.
Scalar = None | bool | int | str

FIELD_TYPES = ("text", "integer", "decimal", "boolean", "date", "datetime", "choice", "reference")


@frozen(kw_only=True)
class Expression:
    """Source text of the expression language, parsed by :func:`agent_dispatcher.behaviour.parse`.

    Attributes:
        text: the expression as written.
        source: ``file:line`` where it stands.
    """

    text: str
    source: str = ""


@frozen(kw_only=True)
class Field:
    """A typed place for a value: a field of an entity, or an input of an operation.

    Attributes:
        name: snake case, unique in its entity or operation.
        type: one of :data:`FIELD_TYPES`.
        required: null is refused (kind ``required``).
        unique: no two rows have the same value; null is not a value (kind ``unique``; entity fields only).
        default: what an absent value becomes, in the form of :data:`Scalar`.
        choices: the allowed texts of a ``choice`` (kind ``choice``).
        entity: the entity a ``reference`` points to.
        minimum, maximum: inclusive bounds of integer, decimal, date or datetime (kind ``range``).
        min_length, max_length: inclusive bounds on the characters of a text (kind ``length``).
        pattern: a regular expression the whole text must match (kind ``pattern``); see the native format's page
            for the allowed syntax.
        summary: one sentence for people.
        source: ``file:line``.
    """

    name: str
    type: str = field(validator=in_(FIELD_TYPES))
    required: bool = False
    unique: bool = False
    default: Scalar = None
    choices: tuple[str, ...] = ()
    entity: str | None = None
    minimum: Scalar = None
    maximum: Scalar = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    summary: str = ""
    source: str = ""


@frozen(kw_only=True)
class Relation:
    """The rows of ``entity`` whose reference field ``by`` points at this row, ordered by id."""

    name: str
    entity: str
    by: str
    source: str = ""


@frozen(kw_only=True)
class Constraint:
    """A condition over the fields and relations of one row that must hold after every write to that row.

    Attributes:
        name: snake case, unique in its entity.
        check: a boolean expression; the row's fields and relations are names in it.
        error: the code a violation gives; ``<entity>_<name>`` where the specification names none.
        message: the sentence a user is shown.
    """

    name: str
    check: Expression
    error: str
    message: str = ""
    source: str = ""


@frozen(kw_only=True)
class Entity:
    """A kind of thing the system keeps. ``name`` is in camel case (``LoanItem``)."""

    name: str
    fields: tuple[Field, ...]
    relations: tuple[Relation, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    requirements: tuple[str, ...] = ()
    summary: str = ""
    source: str = ""


@frozen(kw_only=True)
class Guard:
    """A condition that must hold before an operation changes anything, and the error code if it does not."""

    error: str
    that: Expression
    message: str = ""
    source: str = ""


@frozen(kw_only=True)
class Assignment:
    """``field`` of the written row gets the value of ``value``."""

    field: str
    value: Expression


@frozen(kw_only=True)
class Change:
    """One effect of an operation.

    Attributes:
        kind: ``create``, ``set`` or ``delete``.
        entity: what is created (``create`` only).
        target: the row that is changed or deleted (``set`` and ``delete``): an expression of entity type.
            Null ends the operation with ``<entity>_not_found``.
        assignments: values by field, for ``create`` and ``set``.
        name: what later changes and ``returns`` may call a created row.
        each: a selection, ``Hold as h where h.book == book``: the change is applied to each row that matched before
            the change began, in order of id, with ``h`` bound. ``name`` is not allowed with it.
    """

    kind: str = field(validator=in_(("create", "set", "delete")))
    entity: str | None = None
    target: Expression | None = None
    assignments: tuple[Assignment, ...] = ()
    name: str | None = None
    each: Expression | None = None
    source: str = ""


@frozen(kw_only=True)
class Operation:
    """Something the system does when it is called.

    Attributes:
        name: snake case.
        inputs: in declared order; ``unique`` does not apply.
        requires: guards in the order they are evaluated.
        changes: effects in the order they are applied.
        returns: the result, ``None`` for nothing; a row, a value, or ``select(...)`` for rows in order of id.
    """

    name: str
    inputs: tuple[Field, ...] = ()
    requires: tuple[Guard, ...] = ()
    changes: tuple[Change, ...] = ()
    returns: Expression | None = None
    requirements: tuple[str, ...] = ()
    summary: str = ""
    source: str = ""


@frozen(kw_only=True)
class Record:
    """A row that exists before an example's call: ``alias`` names it in the rest of the example."""

    entity: str
    alias: str
    values: dict[str, Scalar]
    source: str = ""


@frozen(kw_only=True)
class ExpectedRow:
    """What an example expects of a row afterwards.

    Attributes:
        entity: the row's entity.
        alias: a given record; ``None`` for a row that the call created (exactly one created row must match).
        values: the fields that matter; ``None`` when the row must be gone.
    """

    entity: str
    alias: str | None
    values: dict[str, Scalar] | None
    source: str = ""


@frozen(kw_only=True)
class Example:
    """One call with everything before and after it.

    Attributes:
        name: a sentence, unique in the specification.
        now: the clock's reading during the call, ISO 8601 without a zone.
        given: rows that exist before, created in this order (so that the ids are known).
        operation: what is called.
        inputs: values by input name; references by alias.
        error: the expected error code; ``None`` when the call succeeds.
        expects_result: whether ``result`` is to be compared at all.
        result: a scalar; a mapping of fields to scalars (of the returned row; only those named are compared); or for
            ``select`` a list of aliases or mappings, complete and in order.
        then: rows afterwards.
        counts: number of rows afterwards by entity.
    """

    name: str
    operation: str
    now: str = "2026-01-01T00:00:00"
    given: tuple[Record, ...] = ()
    inputs: dict[str, Scalar] = field(factory=dict)
    error: str | None = None
    expects_result: bool = False
    result: Scalar | dict[str, Scalar] | list[Scalar | dict[str, Scalar]] = None
    then: tuple[ExpectedRow, ...] = ()
    counts: dict[str, int] = field(factory=dict)
    requirements: tuple[str, ...] = ()
    source: str = ""


@frozen(kw_only=True)
class Behaviour:
    """All that a specification declares as data.

    Attributes:
        package: the name of what is built, snake case.
        entities, operations, examples: in declared order.
    """

    package: str
    entities: tuple[Entity, ...] = ()
    operations: tuple[Operation, ...] = ()
    examples: tuple[Example, ...] = ()

    def entity(self, name: str) -> Entity:
        """The entity called ``name``; :class:`KeyError` if there is none."""
        for entity in self.entities:
            if entity.name == name:
                return entity
        raise KeyError(name)

    def operation(self, name: str) -> Operation:
        """The operation called ``name``; :class:`KeyError` if there is none."""
        for operation in self.operations:
            if operation.name == name:
                return operation
        raise KeyError(name)
