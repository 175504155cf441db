"""The Python interface of declared behaviour: what a package that implements it offers, and what its tests may rely on.

The code writer and the tester share this page and the specification, nothing else. With ``<pkg>`` for ``behaviour.package``:

``<pkg>.errors``
    ``class DomainError(Exception)`` with ``code: str`` (first argument) and ``message: str`` (second, optional). ``str(error)`` is ``"code: message"`` or ``"code"``.

``<pkg>.models.<entity>`` (module in snake case), re-exported by ``<pkg>.models``
    ``class <Entity>``: a frozen, slotted, keyword-only dataclass with the fields in declared order, then ``id: int | None = None``. Optional
    fields default to ``None`` or their default; a required field without a default has no default value. Python types:
    text and choice ``str``, integer ``int``, decimal ``decimal.Decimal``, boolean ``bool``, date ``datetime.date``, datetime
    ``datetime.datetime`` (naive), reference ``int`` (the id). The constructor raises ``DomainError`` for the first violated of: each field in declared
    order by kind ``type, required, choice, pattern, length, range``. ``type``: the value is neither ``None`` nor of the Python type (``bool``
    is no ``int``; a ``datetime`` is no ``date``; an ``int`` is accepted as a decimal and converted). ``None`` is checked for ``required`` only.

``<pkg>.storage``
    ``class Storage(path=":memory:", *, clock=None)``: SQLite. ``clock`` is a callable that returns the naive datetime of now (``datetime.now`` cut to seconds when ``None``).
    ``get(cls, id) -> row | None``; ``all(cls) -> list`` in order of id; ``add(row) -> row`` with its id (``row.id`` must be ``None``);
    ``update(row) -> row``; ``remove(row) -> None``; ``transaction()``: a context manager, everything inside or nothing (nesting joins the outer one);
    ``now() -> datetime``; ``today() -> date``; ``close()``. ``add`` and ``update`` raise ``DomainError`` for: a reference that does not exist (``<target>_not_found``; fields
    in declared order), ``unique``, then the entity's constraints in order. ``update`` and ``remove`` of a row that is not there: ``<entity>_not_found``. ``remove`` of a row others
    reference: ``<entity>_in_use``. An operation that fails on its own leaves the storage as it was.

``<pkg>.operations.<group>``, re-exported by ``<pkg>.operations``
    one function per operation: ``<operation>(storage, *, <input>=..., ...)`` in declared order; optional inputs default to ``None`` or their default. A reference input
    is an id. Runs in one transaction; raises ``DomainError`` in the order given in :mod:`agent_dispatcher.models.behaviour`. Returns a row, a value, a list of rows (``select``) or ``None``.

``<pkg>.cli``
    ``main``: a click group; the console script is ``<pkg>`` with dashes. Option ``--database PATH`` (environment ``<PKG>_DATABASE``; default ``<pkg>.db``). One command per operation
    (dashes for underscores) with an option per input (``--name VALUE``; booleans as ``true``/``false``; dates in ISO 8601), which prints the result as one line of JSON (rows as objects with ``id`` first,
    decimals as text, dates in ISO 8601, ``null`` for nothing). Exit code 0; a ``DomainError`` prints ``error: <code>: <message>`` on stderr, exit code 1; wrong usage exit code 2. Beside them
    for every entity: ``list-<entity>`` (one JSON object per line), ``show-<entity> ID`` and ``add-<entity>`` (an option per field); both print the row as a line of JSON, and
    ``show`` of a row that is not there is ``<entity>_not_found``. Names of commands and options are those of the specification (the entity's slug) with dashes for underscores, without the trailing underscore of
    Python names; JSON keys are the specification's names as they are. An option that is not given is as if the input were absent (its default, else null), so a missing required input
    is a ``DomainError``. The database has no clock but the system's. An operation whose command would have the name of one of these (``add_book`` beside the entity ``Book``) takes its place.

``tests/``
    ``test_model_<entity>.py``, ``test_storage.py``, ``test_operations_<group>.py``, ``test_state_machine.py``, ``test_cli.py``; no ``conftest.py`` is needed. ``tests/reference_model.py`` belongs to ``test_state_machine.py``
    (the task that promises the one writes the other) and is imported as ``reference_model``: ``tests/`` has no ``__init__.py`` and pytest runs in its default import mode.
    Everything runs with pytest and Hypothesis.

Generated Python is what ``ruff format`` with a line length of 100 leaves as it is.

Every name is imported from the module that defines it (``from <pkg>.models.book import Book``, ``from <pkg>.operations.loan import lend``): the re-exports land
with the storage (``<pkg>.models``) and with the command line (``<pkg>.operations``), after the modules they re-export.

Names that are Python keywords, or that the generated code needs itself, get a trailing underscore (:func:`identifier`).
"""

from __future__ import annotations

import keyword
import re
import sys

from agent_dispatcher.models import Behaviour, Entity, Operation

__all__ = [
    "PYTHON_TYPES",
    "class_name",
    "console_script",
    "entity_module",
    "entity_slug",
    "identifier",
    "operation_group",
    "operations_module",
    "package_name",
    "source_path",
]

#: Python type, as source text, of each field type.
PYTHON_TYPES = {
    "text": "str",
    "choice": "str",
    "integer": "int",
    "decimal": "Decimal",
    "boolean": "bool",
    "date": "date",
    "datetime": "datetime",
    "reference": "int",
}

#: Names a field, input or operation cannot have as they are: the interface or the code around them uses them itself.
_TAKEN = frozenset(
    {
        *("self", "storage", "id", "main", "values", "models", "operations", "schema"),
        *("abs", "any", "bool", "cast", "date", "datetime", "float", "int", "len", "list", "max", "min", "object"),
        *("property", "replace", "staticmethod", "str", "sum", "super", "timedelta", "tuple", "type"),
    }
)

#: Names the import package cannot have, beside those of the standard library.
_TAKEN_PACKAGES = frozenset({"click", "coverage", "hypothesis", "pytest", "reference_model", "tests"})

#: Names an entity's class cannot have.
_TAKEN_CLASSES = frozenset({"Any", "Column", "Decimal", "DomainError", "Path", "Row", "Storage", "Table"})


def identifier(name: str) -> str:
    """``name`` as it appears in Python code."""
    return f"{name}_" if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in _TAKEN else name


def entity_slug(name: str) -> str:
    """``LoanItem`` -> ``loan_item``: the entity in error codes, module names and tables."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def class_name(entity: Entity) -> str:
    """The class of an entity."""
    name = entity.name
    return f"{name}_" if keyword.iskeyword(name) or name in _TAKEN_CLASSES else name


def package_name(behaviour: Behaviour) -> str:
    """The import package; never the name of a module of the standard library or of what the package needs itself."""
    name = identifier(behaviour.package)
    return f"{name}_" if name in sys.stdlib_module_names or name in _TAKEN_PACKAGES else name


def console_script(behaviour: Behaviour) -> str:
    """The command that is installed, and the name of the distribution."""
    return behaviour.package.replace("_", "-")


def entity_module(behaviour: Behaviour, entity: Entity) -> str:
    """Dotted name of the module that holds the entity's class."""
    return f"{package_name(behaviour)}.models.{identifier(entity_slug(entity.name))}"


def operation_group(behaviour: Behaviour, operation: Operation) -> str:
    """The group an operation belongs to: the entity it creates first, or whose input it changes first, else the one its first reference input names, else ``general``.

    Snake case; a module name after :func:`identifier`.
    """
    inputs = {given.name: given.entity for given in operation.inputs}
    for change in operation.changes:
        entity = change.entity or inputs.get(change.target.text.strip() if change.target else "")
        if entity:
            return entity_slug(entity)
    for entity in inputs.values():
        if entity:
            return entity_slug(entity)
    return "general"


def operations_module(behaviour: Behaviour, operation: Operation) -> str:
    """Dotted name of the module that holds the operation's function."""
    return f"{package_name(behaviour)}.operations.{identifier(operation_group(behaviour, operation))}"


def source_path(module: str, *, package: bool = False) -> str:
    """Path of a module (or of a package's ``__init__``) in the repository: ``src/a/b.py``."""
    base = "src/" + module.replace(".", "/")
    return f"{base}/__init__.py" if package else f"{base}.py"
