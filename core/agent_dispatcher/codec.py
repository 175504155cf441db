"""Values to plain data and back: one converter for configuration, component options, plans, results and stored state.

Reading is strict, because everything read was written by somebody else: an unknown key is refused, nothing is coerced (``"3"`` is
not a number, ``1`` is not true, a text is not a list of its letters), and every fault is reported at once, each with the path of
keys that leads to it. Writing is deterministic: the same value gives the same text, and reading that gives the same value, order included.

It knows no class of its own: whatever is an attrs class can go through it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import attrs
from attrs import frozen
from cattrs import ClassValidationError, Converter, ForbiddenExtraKeysError, IterableValidationError
from cattrs.errors import AttributeValidationNote, IterableValidationNote
from cattrs.gen import make_dict_structure_fn

from .errors import ConfigError, PlanError, Problem, SpecificationError, StoreError

__all__ = [
    "Fault",
    "StructureError",
    "close_matches",
    "configure_converter",
    "from_json",
    "make_converter",
    "read",
    "structure",
    "suggestion",
    "to_json",
    "unstructure",
]

T = TypeVar("T")

_SEQUENCES: dict[Any, type] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    Sequence: tuple,
    Iterable: tuple,
    Set: frozenset,
}
_MAPPINGS = (dict, Mapping)
_WORDS: dict[Any, str] = {
    str: "text",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    NoneType: "nothing",
    Path: "a path",
}


@frozen
class Fault:
    """One thing that does not fit.

    Attributes:
        path: keys and indices that lead to it, from the outside in.
        message: what is wrong there.
        remedy: what would fit, ``""`` when the message says it.
    """

    path: tuple[str | int, ...]
    message: str
    remedy: str = ""

    @property
    def at(self) -> str:
        """The path as a reader writes it: ``requirements[2].id``."""
        text = ""
        for part in self.path:
            text += f"[{part}]" if isinstance(part, int) else f".{_printable(part)}" if text else _printable(part)
        return text


class StructureError(Exception):
    """Data does not fit a class. Only :func:`read` raises it; :func:`structure` turns it into an error for users.

    Attributes:
        faults: everything that does not fit, in the order of the data.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.at}: {fault.message}" for fault in faults))


def make_converter(*, sparse: bool = False) -> Converter:
    """A new converter, configured as described at the top of this module; a ``sparse`` one writes no field that has its default."""
    converter = Converter(
        omit_if_default=sparse,
        forbid_extra_keys=True,
        detailed_validation=True,
        unstruct_collection_overrides={tuple: list, Set: sorted, frozenset: sorted, set: sorted},
    )
    configure_converter(converter)
    return converter


def configure_converter(converter: Converter) -> None:
    """Teach ``converter`` the strict reading of this module; a component may add hooks of its own afterwards."""
    converter.register_structure_hook_func(lambda cl: cl is object or cl is Any, lambda value, _: value)
    converter.register_structure_hook(str, _exactly(str))
    converter.register_structure_hook(int, _exactly(int))
    converter.register_structure_hook(bool, _exactly(bool))
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(Path, _path)
    converter.register_unstructure_hook(Path, str)
    converter.register_structure_hook_factory(attrs.has, _attrs_hook)
    converter.register_structure_hook_factory(_is_sequence, _sequence_hook)
    converter.register_structure_hook_factory(_is_mapping, _mapping_hook)
    converter.register_structure_hook_factory(_is_union, _union_hook)
    converter.register_unstructure_hook_func(_is_plain_union, lambda value: _unstructure_by_value(converter, value))


@cache
def _shared(sparse: bool = False) -> Converter:
    return make_converter(sparse=sparse)


def unstructure(value: object, *, sparse: bool = False) -> Any:
    """``value`` as dicts, lists and scalars; keys of a class in the order of its fields; if ``sparse``, without fields that have their default."""
    return _shared(sparse).unstructure(value)


def read(data: object, cls: type[T], converter: Converter | None = None) -> T:
    """``data`` as a ``cls``; :class:`StructureError` with every fault."""
    try:
        return (converter or _shared()).structure(data, cls)
    except RecursionError:
        raise StructureError([Fault((), "it is nested too deeply")]) from None
    except Exception as error:  # validators and converters of any class may raise what they like
        raise StructureError(list(_faults(error, ()))) from error


def structure(
    data: object,
    cls: type[T],
    *,
    where: str = "",
    error: type[SpecificationError] | type[ConfigError] | type[PlanError] = SpecificationError,
) -> T:
    """``data`` as a ``cls``, or an error for users.

    Args:
        data: dicts, lists and scalars.
        cls: an attrs class, or a type made of attrs classes, tuples, frozensets, dicts, unions and scalars.
        where: the file the data came from, for the message.
        error: the class of error to raise; it carries one problem per fault.

    Raises:
        SpecificationError: (or ``error``) the data does not fit.
    """
    try:
        return read(data, cls)
    except StructureError as fault_list:
        raise error(
            [
                Problem(f"{fault.at}: {fault.message}" if fault.path else fault.message, where, fault.remedy)
                for fault in fault_list.faults
            ]
        ) from fault_list


def to_json(value: object, *, indent: int | None = None, canonical: bool = False, sparse: bool = False) -> str:
    """JSON text of any value: ASCII only, no NaN; keys in the order the value has them, so that it comes back the same.

    ``canonical`` sorts the keys: then equal values give equal text, whatever order their mappings were filled in. ``sparse`` leaves out fields that
    have their default, which then is part of what is stored: such a default must not be changed.
    """
    separators = (",", ":") if indent is None else (",", ": ")
    plain = unstructure(value, sparse=sparse)
    return json.dumps(plain, sort_keys=canonical, indent=indent, separators=separators, allow_nan=False)


def from_json(text: str | bytes, cls: type[T], *, where: str = "") -> T:
    """The value whose :func:`to_json` is ``text``; for the dispatcher's own stored state, not for files of users.

    Raises:
        StoreError: it is not JSON, or does not fit ``cls``.
    """
    try:
        return read(json.loads(text), cls)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{where or 'stored data'} is damaged: it is not JSON ({error})") from error
    except StructureError as error:
        raise StoreError(f"{where or 'stored data'} cannot be read as {cls.__name__}: {error}") from error


def close_matches(word: str, possible: Iterable[str]) -> list[str]:
    """The (at most three) possible words closest to ``word``, best first."""
    by_plain: dict[str, str] = {}
    for each in sorted(possible):
        by_plain.setdefault(each.lower().replace("-", "_"), each)
    return [by_plain[match] for match in get_close_matches(word.lower().replace("-", "_"), by_plain, n=3)]


def suggestion(word: str, possible: Iterable[str]) -> str:
    """``did you mean 'a' or 'b'?``, or what is possible when nothing is close."""
    possible = sorted(possible)
    matches = close_matches(word, possible)
    if matches:
        return f"did you mean {' or '.join(repr(match) for match in matches)}?"
    if not possible:
        return "there are none"
    shown = ", ".join(possible[:20])
    return f"possible: {shown}{', ...' if len(possible) > 20 else ''}"


# --- hooks ----------------------------------------------------------------------------------------------------------


def _exactly(kind: type) -> Any:
    def hook(value: object, _: object) -> object:
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            return value
        raise TypeError(_mismatch(kind, value))

    return hook


def _number(value: object, _: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise TypeError(_mismatch(float, value))


def _path(value: object, _: object) -> Path:
    if isinstance(value, str | Path):
        return Path(value)
    raise TypeError(_mismatch(Path, value))


def _attrs_hook(cl: Any, converter: Any) -> Any:
    inner = make_dict_structure_fn(cl, converter, _cattrs_forbid_extra_keys=True, _cattrs_detailed_validation=True)

    def hook(value: object, _: object) -> object:
        if isinstance(value, cl):
            return value
        if not isinstance(value, Mapping):
            raise TypeError(_mismatch(cl, value))
        return inner(value, cl)

    return hook


def _is_sequence(cl: Any) -> bool:
    return (get_origin(cl) or cl) in _SEQUENCES


def _sequence_hook(cl: Any, converter: Any) -> Any:
    build = _SEQUENCES[get_origin(cl) or cl]
    arguments = [argument for argument in get_args(cl) if argument is not Ellipsis]
    fixed = build is tuple and get_origin(cl) is tuple and Ellipsis not in get_args(cl)
    element = arguments[0] if arguments else Any

    def hook(value: object, _: object) -> object:
        if not isinstance(value, list | tuple | set | frozenset):
            raise TypeError(_mismatch(cl, value))
        if fixed and len(value) != len(arguments):
            raise ValueError(f"expected {len(arguments)} values, found {len(value)}")
        result = []
        errors: list[Exception] = []
        for index, each in enumerate(value):
            kind = arguments[index] if fixed else element
            try:
                result.append(converter.structure(each, kind))
            except Exception as error:
                error.add_note(IterableValidationNote(f"at index {index}", index, kind))
                errors.append(error)
        if errors:
            raise IterableValidationError("in a list", errors, cl)
        return build(result)

    return hook


def _is_mapping(cl: Any) -> bool:
    return (get_origin(cl) or cl) in _MAPPINGS


def _mapping_hook(cl: Any, converter: Any) -> Any:
    key_type, value_type = get_args(cl) or (Any, Any)

    def hook(value: object, _: object) -> object:
        if not isinstance(value, Mapping):
            raise TypeError(_mismatch(cl, value))
        result = {}
        errors: list[Exception] = []
        for key, each in value.items():
            try:
                result[converter.structure(key, key_type)] = converter.structure(each, value_type)
            except Exception as error:
                error.add_note(IterableValidationNote(f"at key {key!r}", key, value_type))
                errors.append(error)
        if errors:
            raise IterableValidationError("in a mapping", errors, cl)
        return result

    return hook


def _is_union(cl: Any) -> bool:
    return get_origin(cl) in (Union, UnionType)


def _is_plain_union(cl: Any) -> bool:
    return _is_union(cl) and not any(attrs.has(argument) for argument in get_args(cl))


def _unstructure_by_value(converter: Any, value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    return converter.unstructure(value)


def _union_hook(cl: Any, converter: Any) -> Any:
    """Chooses a member by what the value is, never by trying: so that the message can be about that member."""
    members = get_args(cl)

    def hook(value: object, _: object) -> object:
        for member in members:
            if _fits(member, value):
                return converter.structure(value, member) if member is not NoneType else None
        raise TypeError(_mismatch(cl, value))

    return hook


def _fits(member: Any, value: object) -> bool:
    if member in (Any, object):
        return True
    if member is NoneType:
        return value is None
    if member is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if member is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if member is Path:
        return isinstance(value, str | Path)
    if _is_sequence(member):
        return isinstance(value, list | tuple | set | frozenset)
    if _is_mapping(member):
        return isinstance(value, Mapping)
    if attrs.has(member):
        return isinstance(value, Mapping | member)
    return isinstance(member, type) and isinstance(value, member)


# --- messages -------------------------------------------------------------------------------------------------------


def _mismatch(wanted: Any, value: object) -> str:
    return f"expected {_wanted(wanted)}, found {_found(value)}"


def _wanted(cl: Any) -> str:
    if cl in _WORDS:
        return _WORDS[cl]
    if _is_union(cl):
        words = list(dict.fromkeys(_wanted(member) for member in get_args(cl) if member is not NoneType))
        return " or ".join(words)
    if _is_sequence(cl):
        arguments = get_args(cl)
        inner = {str: " of texts", int: " of integers"}.get(arguments[0], "") if arguments else ""
        return f"a list{inner}"
    if _is_mapping(cl) or attrs.has(cl):
        return "a table of keys and values"
    return str(getattr(cl, "__name__", cl))


def _found(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a table of keys and values"
    if isinstance(value, list | tuple | set | frozenset):
        return "a list"
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    word = {str: "the text", int: "the integer", float: "the number"}.get(type(value), f"a {type(value).__name__}:")
    return f"{word} {shown}"


def _printable(text: object) -> str:
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in str(text))


def _faults(error: BaseException, path: tuple[str | int, ...]) -> Iterable[Fault]:
    if isinstance(error, ClassValidationError | IterableValidationError):
        for inner in error.exceptions:
            step = next(
                (
                    note
                    for note in reversed(getattr(inner, "__notes__", ()))
                    if isinstance(note, AttributeValidationNote | IterableValidationNote)
                ),
                None,
            )
            if step is None:
                yield from _faults(inner, (*path, *_validated(error, inner)))
            else:
                key = step.name if isinstance(step, AttributeValidationNote) else step.index
                yield from _faults(inner, (*path, key))
    elif isinstance(error, ForbiddenExtraKeysError):
        known = [each.name for each in attrs.fields(error.cl)]
        for key in sorted(error.extra_fields, key=str):
            yield Fault((*path, key), f"unknown key {_printable(key)!r}", suggestion(str(key), known))
    elif isinstance(error, KeyError):
        yield Fault(path, "it is missing")
    else:
        yield Fault(path, str(error.args[0]) if error.args else type(error).__name__)


def _validated(group: BaseException, error: BaseException) -> tuple[str, ...]:
    """The field a validator speaks about; those of attrs begin with its name in quotes."""
    message = str(error.args[0]) if error.args else ""
    name = message[1:].partition("'")[0] if message.startswith("'") else ""
    cl = getattr(group, "cl", None)
    return (name,) if cl is not None and attrs.has(cl) and name in {each.name for each in attrs.fields(cl)} else ()
