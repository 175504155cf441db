"""What has to be installed for a tree: of all that it asks for what the user allows, in versions that the user, the tree and its lock file agree on.

What is asked for and not allowed is refused by name; tools of development are passed over; what the user names is there also where nothing asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from ..provisioning import not_allowed
from .declared import opened
from .installing import Order
from .interpreter import RUNNING, Tool, offered
from .options import PythonOptions

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from .locks import Lock
    from .requirement_files import Asked

__all__ = ["kept", "named_by", "offered_to", "order_of", "spared"]


def order_of(
    asked: Sequence[Asked], tree: Path, options: PythonOptions, tools: Mapping[str, Tool], note: Callable[[str], None]
) -> Order | None:
    """What has to be installed; ``None`` when the tools are all that is asked for."""
    from packaging.utils import canonicalize_name

    from .locks import lock_of

    named = named_by(options)
    wanted = _allowed(asked, options, tools)
    there = {*tools, *(canonicalize_name(one.requirement.name) for one in wanted)}
    wanted += [one for one in named if canonicalize_name(one.requirement.name) not in there]
    if not wanted:
        return None
    lock = lock_of(opened(tree), asked)
    by_user = (
        [] if lock.file else [one.requirement for one in named if one.requirement.specifier]
    )  # a lock file's stand
    wanted = [_chosen(one, lock, by_user, note) for one in wanted]
    for one in [one for one in wanted if one.optional and not lock.has(one)]:
        wanted.remove(one)
        note(f"{one.where} asks for {one.requirement}, which {lock.file} does not have: not installed")
    lock.refuse_stale(wanted)
    held = [*(one.requirement for one in asked if one.constraint and not one.digests), *by_user]
    constraints = [f"{each.name}{each.specifier}" for each in held if canonicalize_name(each.name) not in tools]
    if not wanted:
        return None
    of_tools = [one.requirement for one in asked if canonicalize_name(one.requirement.name) in tools]
    return Order(
        requirements=tuple(dict.fromkeys(_plain(one, tools) for one in wanted)),
        constraints=tuple(dict.fromkeys(constraints)),
        lock=lock,
        of_tools=tuple(dict.fromkeys(f"{each.name}{each.specifier}" for each in of_tools if each.specifier)),
    )


def kept(asked: Sequence[Asked], tree: Path, options: PythonOptions, tools: Mapping[str, Tool]) -> dict[str, Tool]:
    """The tools without those that the tree asks for, by its lock file or itself, in another version, where the user allows it and tests run without them."""
    from packaging.utils import canonicalize_name

    from .locks import lock_of

    allowed = {canonicalize_name(one.requirement.name) for one in named_by(options)}
    wanted = {
        name: one.requirement.specifier
        for one in asked
        if (name := canonicalize_name(one.requirement.name)) in tools and not one.constraint and name not in RUNNING
        if name in allowed or "*" in options.packages
    }
    pins = lock_of(opened(tree), asked).pins if wanted else {}
    others = {
        name
        for name, specifier in wanted.items()
        if not specifier.contains(tools[name].version, prereleases=True)
        or (name in pins and pins[name].version != tools[name].version)
    }
    return {name: tool for name, tool in tools.items() if name not in others}


def spared(asked: Sequence[Asked], options: PythonOptions, tools: Mapping[str, Tool]) -> tuple[str, ...]:
    """What is for development only and not named, so that it is not installed; sorted."""
    from packaging.utils import canonicalize_name

    if "*" in options.packages:
        return ()
    allowed = {canonicalize_name(one.requirement.name) for one in named_by(options)}
    found = {
        canonicalize_name(one.requirement.name)
        for one in asked
        if one.optional and not one.constraint and not _is_there(one, tools)
    }
    return tuple(sorted(found - allowed))


def _allowed(asked: Sequence[Asked], options: PythonOptions, tools: Mapping[str, Tool]) -> list[Asked]:
    """What the user allows of it, without the tools.

    Raises:
        Unavailable: there is something that the tree needs and the user has not allowed; names all of that.
    """
    from packaging.utils import canonicalize_name

    allowed = {canonicalize_name(one.requirement.name) for one in named_by(options)}
    wanted: list[Asked] = []
    refused: dict[str, set[str]] = {}
    for one in asked:
        name = canonicalize_name(one.requirement.name)
        if one.constraint or _is_there(one, tools):
            continue
        if name in allowed or "*" in options.packages:
            wanted.append(one)
        elif not one.optional:
            refused.setdefault(one.where, set()).add(one.requirement.name)
    if refused:
        raise not_allowed({where: sorted(names) for where, names in refused.items()}, "python")
    return wanted


def _chosen(asked: Asked, lock: Lock, by_user: Iterable[Requirement], note: Callable[[str], None]) -> Asked:
    """The same, with the versions that are meant where pip cannot be told all that would do: a lock file's, the user's, or else the newest."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    wanted = asked.requirement
    if not asked.unsaid:
        return asked
    if lock.file or any(canonicalize_name(each.name) == canonicalize_name(wanted.name) for each in by_user):
        return evolve(asked, requirement=Requirement(f"{wanted.name}[{','.join(wanted.extras)}]"))
    note(f"{asked.where}: of {wanted.name} {asked.unsaid}, which pip cannot be told, {wanted.specifier} is taken")
    return asked


def named_by(options: PythonOptions) -> list[Asked]:
    """What the user names, which is there also where the tree asks for it in a file that is not read.

    Raises:
        Unavailable: it is no name of a package.
    """
    if not options.packages:
        return []
    from .requirement_files import Asked, requirement

    where = "packages in the configuration"
    return [Asked(requirement(name, where), where, optional=True) for name in options.packages if name != "*"]


def offered_to(asked: Sequence[Asked], options: PythonOptions) -> dict[str, Tool]:
    """What is offered and declared, where the version fits and the user has not named it to be installed."""
    if not asked:
        return {}
    from packaging.utils import canonicalize_name

    found, named = offered(), {canonicalize_name(one.requirement.name) for one in named_by(options)}
    taken: dict[str, Tool] = {}
    for one in asked:
        tool = found.get(canonicalize_name(one.requirement.name))
        if tool is not None and not one.constraint and not one.unsaid and tool.name not in named:
            taken[tool.name] = tool
    return {
        name: tool
        for name, tool in taken.items()
        if all(
            one.requirement.specifier.contains(tool.version, prereleases=True)
            for one in asked
            if canonicalize_name(one.requirement.name) == name
        )
    }


def _is_there(asked: Asked, tools: Mapping[str, Tool]) -> bool:
    """Whether it is one of the tools, which are there in the version they have, whichever is asked for."""
    from packaging.utils import canonicalize_name

    tool = tools.get(canonicalize_name(asked.requirement.name))
    return tool is not None and (not asked.requirement.extras or not _needs_more(tool, asked.requirement.extras))


def _needs_more(tool: Tool, extras: Iterable[str]) -> bool:
    from packaging.requirements import Requirement

    markers = [need.marker for need in map(Requirement, tool.requires) if need.marker is not None]
    return any(marker.evaluate({"extra": extra}) for marker in markers for extra in extras)


def _plain(asked: Asked, tools: Mapping[str, Tool]) -> str:
    """For pip, without the condition, which holds here, and without the version of a tool, which stands."""
    from packaging.utils import canonicalize_name

    wanted = asked.requirement
    extras = f"[{','.join(sorted(wanted.extras))}]" if wanted.extras else ""
    return f"{wanted.name}{extras}{'' if canonicalize_name(wanted.name) in tools else wanted.specifier}"
