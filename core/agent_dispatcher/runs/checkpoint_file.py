"""The file a checkpoint is: one zip archive that needs nothing else to be read, and in which every byte that matters is accounted for.

::

    checkpoint.json      what it is, and size and digest of every other member; its own digest is the archive's comment
    log.jsonl            the events, one a line
    requests.jsonl       what people asked for and may still be undecided
    blobs/HEX            the plan, and whatever else the log names by its digest
    run/...              evidence and reports
    workspace/...        what the workspace has that is not to be had elsewhere

A file is read whole and checked before anything of it is used. It comes from outside: names are judged as those of agents are, sizes are limited by what the file
itself declares, and nothing in it is ever executed or built.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import asdict, field, frozen
from attrs.validators import ge, instance_of, matches_re

from ..codec import read, structure
from ..errors import PathRefused, StoreError
from ..failpoints import failpoint
from ..models import Event
from ..safe_load import plain_json
from ..workspace.path_guard import GuardedFolder
from ..workspace.path_names import split_path

__all__ = ["FORMAT", "VERSION", "Checkpoint", "Contents", "read_checkpoint", "write_checkpoint"]

FORMAT = "agent-dispatcher/checkpoint"
VERSION = 2
_INDEX, _LOG, _REQUESTS, _BLOBS, _RUN, _WORKSPACE = (
    "checkpoint.json",
    "log.jsonl",
    "requests.jsonl",
    "blobs/",
    "run/",
    "workspace/",
)
_LARGEST_INDEX = 64 * 1024**2


@frozen(kw_only=True)
class Member:
    """A file in the archive."""

    size: int = field(validator=[instance_of(int), ge(0)])
    sha256: str = field(validator=matches_re(r"[0-9a-f]{64}"))


@frozen(kw_only=True)
class Checkpoint:
    """What a checkpoint says about itself.

    Attributes:
        run: the run's id.
        seq: number of the last event in it; ``at`` is when it was written, seconds since the epoch.
        workspace: the workspace the run works in.
        configuration: what was configured and matters to whoever goes on: components in use, limits, versions of plugins.
        members: name to size and digest.
    """

    run: str = field(validator=matches_re(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}"))
    seq: int = field(validator=ge(1))
    at: float
    title: str = ""
    status: str = ""
    output: str = ""
    workspace: str = ""
    program: str = ""
    configuration: dict[str, Any] = field(factory=dict)
    members: dict[str, Member] = field(factory=dict)


@frozen(kw_only=True)
class Contents:
    """What is in a checkpoint beside files.

    Attributes:
        events: the whole log, in order.
        requests: what was asked of the run, oldest first.
        blobs: by their digest (``sha256:...``).
    """

    events: Sequence[Event]
    requests: Sequence[Mapping[str, Any]] = ()
    blobs: Mapping[str, bytes] = field(factory=dict)


def write_checkpoint(
    path: Path, about: Checkpoint, contents: Contents, *, run_dir: Path | None, workspace: Path | None
) -> None:
    """Write the file whole or not at all; whoever reads ``path`` never sees half of one.

    Args:
        about: its ``members`` are filled in here.
        run_dir, workspace: folders whose files go into it; a file that grows meanwhile is cut where it was.

    Raises:
        OSError: it cannot be written; what was there before is still there.
    """
    draft = path.with_suffix(".tmp")
    members: dict[str, dict[str, Any]] = {}
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:

            def put(name: str, chunks: Iterable[bytes]) -> None:
                digest, size = hashlib.sha256(), 0
                with archive.open(name, "w", force_zip64=True) as member:
                    for chunk in chunks:
                        member.write(chunk)
                        digest.update(chunk)
                        size += len(chunk)
                members[name] = {"size": size, "sha256": digest.hexdigest()}

            put(_LOG, (_line(asdict(event)) for event in contents.events))
            put(_REQUESTS, map(_line, contents.requests))
            for digest, data in contents.blobs.items():
                put(_BLOBS + digest.removeprefix("sha256:"), [data])
            for prefix, folder in ((_RUN, run_dir), (_WORKSPACE, workspace)):
                for file in _files(folder):
                    put(prefix + file.relative_to(folder or file).as_posix(), _chunks(file))
            index = {"format": FORMAT, "version": VERSION, **asdict(about), "members": members}
            text = json.dumps(index, indent=1).encode()
            archive.writestr(_INDEX, text)
            archive.comment = f"sha256:{hashlib.sha256(text).hexdigest()}".encode()
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        failpoint("checkpoint.rename.before")
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


class OpenCheckpoint:
    """A checkpoint file that was checked. Use it as a context.

    Attributes:
        about: what it says about itself.
        contents: log, requests and blobs.
    """

    def __init__(self, path: Path, archive: zipfile.ZipFile, about: Checkpoint, contents: Contents) -> None:
        self.path = path
        self.about = about
        self.contents = contents
        self._archive = archive

    def __enter__(self) -> OpenCheckpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def extract_workspace(self, folder: Path) -> None:
        """Write what the workspace packed into ``folder`` (exists)."""
        self._extract(_WORKSPACE, folder)

    def extract_run(self, folder: Path) -> None:
        """Write evidence and reports into ``folder``, which is made where there are any."""
        self._extract(_RUN, folder)

    def _extract(self, prefix: str, folder: Path) -> None:
        for name in self.about.members:
            if name.startswith(prefix):
                folder.mkdir(parents=True, exist_ok=True)
                guard = GuardedFolder(folder, max_bytes=2**62)
                guard.write_bytes(
                    name.removeprefix(prefix), _checked(self._archive, self.path, name, self.about.members[name])
                )


def read_checkpoint(path: Path) -> OpenCheckpoint:
    """Open a checkpoint file and check all of it.

    Raises:
        StoreError: it is none, is of a newer version, or was damaged; names the member (and the line) that is wrong.
    """
    try:
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise StoreError(
            f"{path} is no checkpoint, or its end was cut off ({error}): take another copy of it, or an older one"
        ) from error
    try:
        about = _about(path, archive)
        names = [info.filename for info in archive.infolist()]
        if sorted(names) != sorted([*about.members, _INDEX]):
            odd = sorted({*names, *about.members, _INDEX} - (set(names) & {*about.members, _INDEX})) or [
                "a doubled name"
            ]
            raise _damaged(path, odd[0], "is missing, or does not belong to it")
        for name, member in about.members.items():
            if name.startswith((_RUN, _WORKSPACE)):
                _checked(archive, path, name, member)
        return OpenCheckpoint(path, archive, about, _contents(path, archive, about))
    except BaseException:
        archive.close()
        raise


def _about(path: Path, archive: zipfile.ZipFile) -> Checkpoint:
    try:
        size = archive.getinfo(_INDEX).file_size
    except KeyError:
        raise StoreError(f"{path} is no checkpoint: it has no {_INDEX}") from None
    if size > _LARGEST_INDEX:
        raise _damaged(path, _INDEX, f"is larger than {_LARGEST_INDEX} bytes")
    text = _bytes(archive, path, _INDEX, size)
    if archive.comment != f"sha256:{hashlib.sha256(text).hexdigest()}".encode():
        raise _damaged(path, _INDEX, "was altered after it was written")
    try:
        document = plain_json(text.decode("utf-8"), source=f"{path}: {_INDEX}")
        version = document.pop("version", None)
        if document.pop("format", None) != FORMAT or not isinstance(version, int):
            raise StoreError(f"{path} is no checkpoint of a run")
        if version > VERSION:
            raise StoreError(
                f"{path} is a checkpoint of version {version}, this program knows up to {VERSION}: "
                "it was written by a newer agent-dispatcher; upgrade this one to use it"
            )
        about: Checkpoint = structure(document, Checkpoint, where=f"{path}: {_INDEX}")
    except StoreError:
        raise
    except Exception as error:
        raise _damaged(path, _INDEX, f"does not say what a checkpoint says ({error})") from error
    for name in about.members:
        try:
            split_path(name)
        except PathRefused as error:
            raise _damaged(path, name, str(error)) from error
    return about


def _contents(path: Path, archive: zipfile.ZipFile, about: Checkpoint) -> Contents:
    events = []
    for number, line in enumerate(_lines(path, archive, about, _LOG), 1):
        try:
            event: Event = read(json.loads(line), Event)
        except Exception as error:
            raise _damaged(path, f"{_LOG}, line {number}", f"is no event ({error})") from error
        if (event.run, event.seq) != (about.run, number):
            raise _damaged(path, f"{_LOG}, line {number}", f"is event {event.seq} of run {event.run}")
        events.append(event)
    if len(events) != about.seq:
        raise _damaged(path, _LOG, f"has {len(events)} events instead of {about.seq}")
    requests = [json.loads(line) for line in _lines(path, archive, about, _REQUESTS)]
    blobs = {}
    for name, member in about.members.items():
        if name.startswith(_BLOBS):
            data = _checked(archive, path, name, member)
            if hashlib.sha256(data).hexdigest() != name.removeprefix(_BLOBS):
                raise _damaged(path, name, "is not what its name says")
            blobs[f"sha256:{name.removeprefix(_BLOBS)}"] = data
    return Contents(events=events, requests=requests, blobs=blobs)


def _lines(path: Path, archive: zipfile.ZipFile, about: Checkpoint, name: str) -> list[bytes]:
    if name not in about.members:
        raise _damaged(path, name, "is missing")
    return _checked(archive, path, name, about.members[name]).splitlines()


def _checked(archive: zipfile.ZipFile, path: Path, name: str, member: Member) -> bytes:
    data = _bytes(archive, path, name, member.size)
    if hashlib.sha256(data).hexdigest() != member.sha256:
        raise _damaged(path, name, "was altered after it was written")
    return data


def _bytes(archive: zipfile.ZipFile, path: Path, name: str, size: int) -> bytes:
    """The member, read no further than it may be long."""
    try:
        with archive.open(name) as member:
            data = member.read(size + 1)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        ValueError,
        RuntimeError,
        NotImplementedError,
        KeyError,
    ) as error:
        raise _damaged(path, name, f"cannot be read ({error})") from error
    if len(data) != size:
        raise _damaged(path, name, f"is not {size} bytes long")
    return data


def _damaged(path: Path, place: str, what: str) -> StoreError:
    return StoreError(f"{path}: {place} {what}; nothing of it was used: take another copy of the file, or an older one")


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _files(folder: Path | None) -> list[Path]:
    if folder is None or not folder.is_dir():
        return []
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]


def _chunks(file: Path) -> Iterable[bytes]:
    with file.open("rb") as opened:
        left = os.fstat(opened.fileno()).st_size
        while left > 0 and (chunk := opened.read(min(left, 1 << 20))):
            left -= len(chunk)
            yield chunk
