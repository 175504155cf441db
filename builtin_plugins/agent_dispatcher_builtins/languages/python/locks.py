"""What a lock file says: of each package the one version, and the digests of its archives.

It is taken as a promise of what may be installed, never as a list of what to install: what allowed packages do not need is not installed because a lock
file has it, and an archive with another digest is not used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen
from packaging.markers import InvalidMarker, UndefinedComparison, UndefinedEnvironmentName
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from agent_dispatcher.errors import PathRefused, Unavailable
from agent_dispatcher.workspace.path_guard import GuardedFolder

from .lock_formats import FORMATS, REMEDIES, Pin
from .requirement_files import Asked

__all__ = ["Lock", "Pin", "lock_of"]


@frozen
class Lock:
    """What is held fast.

    Attributes:
        pins: by normalized name.
        file: the lock file, which has to have all that is needed; ``""`` where only lines of requirement files have digests.
    """

    pins: Mapping[str, Pin]
    file: str = ""

    @property
    def remedy(self) -> str:
        """What makes the lock file anew."""
        return REMEDIES.get(self.file, "")

    def has(self, asked: Asked) -> bool:
        """Whether it is there in a version that is asked for; without a lock file anything is."""
        pin = self.pins.get(canonicalize_name(asked.requirement.name))
        fits = pin is not None and asked.requirement.specifier.contains(pin.version, prereleases=True)
        return not self.file or fits

    def refuse_stale(self, wanted: Iterable[Asked]) -> None:
        """Raises:
        Unavailable: something is asked for that the lock file does not have, or has in another version.
        """
        for asked in wanted if self.file else ():
            if not self.has(asked):
                pin = self.pins.get(canonicalize_name(asked.requirement.name))
                has = "does not have it" if pin is None else f"has {pin.version}"
                raise Unavailable(f"{asked.where} asks for {asked.requirement}, and {self.file} {has}", self.remedy)


def lock_of(folder: GuardedFolder, asked: Iterable[Asked]) -> Lock:
    """What the tree's lock file says, or else what lines with digests do.

    Raises:
        Unavailable: it cannot be read, or leads somewhere else than to a registry.
    """
    asked = tuple(asked)
    for file, read in FORMATS.items():
        try:
            return Lock(_together(read(folder.read_text(file), asked), file), file)
        except FileNotFoundError:
            continue
        except (
            *(PathRefused, ValueError, KeyError, TypeError, AttributeError, RecursionError),
            *(InvalidMarker, InvalidVersion, UndefinedComparison, UndefinedEnvironmentName),
        ) as error:
            raise Unavailable(
                f"the dependencies cannot be read: {file}: {type(error).__name__}: {error}", REMEDIES[file]
            ) from error
    return Lock(_together(_of_lines(asked), "the requirement files"))


def _together(found: Iterable[tuple[str, Pin]], where: str) -> dict[str, Pin]:
    pins: dict[str, Pin] = {}
    for name, pin in found:
        if pins.setdefault(name, pin) != pin:
            raise Unavailable(f"{where}: {name} is there in several versions for this machine", f"mend {where}")
    return pins


def _of_lines(asked: Iterable[Asked]) -> Iterator[tuple[str, Pin]]:
    for one in asked:
        versions = [each.version for each in one.requirement.specifier if each.operator == "=="]
        if one.digests and len(versions) == 1 and "*" not in versions[0]:
            yield canonicalize_name(one.requirement.name), Pin(str(Version(versions[0])), one.digests)
        elif one.digests:
            raise Unavailable(f"{one.where}: {one.requirement.name} has digests and no version", "write name==version")
