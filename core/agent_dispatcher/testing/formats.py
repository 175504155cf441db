"""What a specification format must keep to: recognise without parsing, say places, refuse in its own words, and change only what it was asked to."""

from __future__ import annotations

import random
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from ..errors import SpecificationError
from ..extension.components import SpecificationFormat
from ..models import Requirement, Specification, Task
from .contract import Contract

__all__ = ["SpecificationFormatContract"]

_PLACE = re.compile(r"(?P<file>.+):(?P<line>\d+)")
_FILLER = 48 * 1024**2


class SpecificationFormatContract(Contract):
    """Subclass it and override :meth:`make_format` and :meth:`write_sample`.

    Attributes:
        mutations: how many damaged variants of the sample are tried.
    """

    mutations: ClassVar[int] = 150

    def make_format(self) -> SpecificationFormat:
        """A fresh instance."""
        self.to_override("make_format(self)")

    def write_sample(self, folder: Path) -> Path:
        """Write a complete, correct sample into ``folder`` (exists, empty); returns the source to load: a file in it, or the folder."""
        self.to_override("write_sample(self, folder)")

    # --- recognising --------------------------------------------------------------------------------------------------

    def test_its_own_source_is_recognised(self, tmp_path: Path) -> None:
        """The sample gets a number above 0 and at most 2."""
        sureness = self.make_format().matches(self._sample(tmp_path))
        sound = isinstance(sureness, int | float) and 0 < sureness <= 2
        self.promise(
            sound,
            f"matches gave {sureness!r} for the suite's sample",
            "matches gives above 0, at most 2, for a source in the format",
        )

    def test_foreign_sources_are_not_claimed(self, tmp_path: Path) -> None:
        """An empty folder, a picture, a text, a program and an empty file are none of its business, and no error."""
        strangers = {
            "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
            "letter.txt": b"Dear reader,\n\nnothing here is to be built.\n",
            "program.py": b"print('hello')\n",
            "empty": b"",
            "page.html": b"<!doctype html><title>x</title>",
        }
        (tmp_path / "nothing").mkdir()
        for name, data in strangers.items():
            (tmp_path / name).write_bytes(data)
        for name in ("nothing", *strangers):
            try:
                sureness = self.make_format().matches(tmp_path / name)
            except Exception as error:
                self.broken(
                    f"matches raised {type(error).__name__} for {name}: {error}",
                    "matches never raises for a source that exists",
                )
            self.promise(
                sureness == 0, f"matches gave {sureness!r} for {name}", "matches gives 0 for what is not in the format"
            )

    def test_a_damaged_source_is_still_recognised(self, tmp_path: Path) -> None:
        """A sample cut off in the middle still matches, so that the user gets this format's error and not "unknown format"."""
        source = self._sample(tmp_path)
        for file in _files(source):
            data = file.read_bytes()
            file.write_bytes(data[: max(len(data) * 3 // 4, min(len(data), 400))] + b"\n\t{[(\"'\n")
        sureness = self._matches(source)
        self.promise(
            sureness > 0,
            f"matches gave {sureness!r} for a damaged sample",
            "matches looks at names and beginnings, it never parses",
        )

    def test_recognising_is_bounded(self, tmp_path: Path) -> None:
        """A huge file is recognised as fast as a small one."""
        source = self._sample(tmp_path)
        for file in _files(source):
            with file.open("ab") as out:
                out.truncate(file.stat().st_size + _FILLER)
        begun, before = time.process_time(), _bytes_read()
        sureness = self._matches(source)
        took, read = time.process_time() - begun, _bytes_read() - before
        self.promise(
            sureness > 0,
            f"matches gave {sureness!r} for the sample with a huge tail",
            "matches looks at the beginning only",
        )
        self.promise(
            took < 0.5 and read < _FILLER // 8,
            f"matches took {took:.2f} seconds and read {read} bytes of files of {_FILLER // 1024**2} MiB",
            "matches reads a bounded prefix",
        )

    # --- reading ------------------------------------------------------------------------------------------------------

    def test_the_sample_is_read(self, tmp_path: Path) -> None:
        """Loading gives a specification with id, title, format name, path and digest, and something to do."""
        source = self._sample(tmp_path)
        found = self.make_format().load(source)
        self.promise(
            isinstance(found, Specification), f"load gave a {type(found).__name__}", "load gives a Specification"
        )
        for name in ("id", "title", "format"):
            self.promise(getattr(found, name), f"the specification's {name} is empty", f"a specification has a {name}")
        self.promise(
            found.path == str(source),
            f"path is {found.path!r}, loaded was {source}",
            "path says where it was read from",
        )
        sound = re.fullmatch(r"sha256:[0-9a-f]{64}", found.digest)
        self.promise(sound, f"digest is {found.digest!r}", "digest is 'sha256:' and 64 hex digits of what was read")
        something = found.requirements or found.tasks or found.behaviour
        self.promise(something, "the specification asks for nothing", "requirements, tasks or behaviour are read")

    def test_names_are_unique(self, tmp_path: Path) -> None:
        """No requirement and no task has the id of another, and tasks name requirements that exist."""
        found = self.make_format().load(self._sample(tmp_path))
        for what, ids in (("requirement", [r.id for r in found.requirements]), ("task", [t.id for t in found.tasks])):
            twice = sorted({name for name in ids if ids.count(name) > 1})
            self.promise(not twice, f"{what} ids are there twice: {twice}", "ids are unique")
        known = {requirement.id for requirement in found.requirements}
        unknown = sorted({name for task in found.tasks for name in task.requirements if name not in known})
        self.promise(
            not unknown, f"tasks name requirements that do not exist: {unknown}", "references are to what was read"
        )

    def test_everything_says_its_place(self, tmp_path: Path) -> None:
        """Every requirement and every listed task names the file and a line that the file has."""
        source = self._sample(tmp_path)
        found = self.make_format().load(source)
        things: tuple[Requirement | Task, ...] = (*found.requirements, *found.tasks)
        for thing in things:
            place = _PLACE.fullmatch(thing.source)
            if place is None:
                self.broken(f"{type(thing).__name__} {thing.id} has the source {thing.source!r}", "source is file:line")
            files = [file for file in _files(source) if file.as_posix().endswith(place["file"].rpartition("/")[2])]
            lines = max((file.read_bytes().count(b"\n") + 1 for file in files), default=0)
            there = 1 <= int(place["line"]) <= lines
            self.promise(
                there,
                f"{thing.id} is said to be at {thing.source}, which has {lines} lines",
                "source names a line that is there",
            )

    def test_reading_twice_gives_the_same(self, tmp_path: Path) -> None:
        """The same source gives an equal specification, a changed one another digest, and reading changes no file."""
        source = self._sample(tmp_path)
        before = _snapshot(source)
        first, second = self.make_format().load(source), self.make_format().load(source)
        self.promise(
            first == second, "two readings of one source differ", "the same source gives the same specification"
        )
        self.promise(_snapshot(source) == before, "reading changed a file of the source", "load only reads")

    # --- refusing -----------------------------------------------------------------------------------------------------

    def test_damaged_sources_are_refused_in_its_own_words(self, tmp_path: Path) -> None:
        """Whatever is in the files, load gives a specification or raises SpecificationError, and never anything else."""
        original = self._sample(tmp_path)
        chance = random.Random(5)
        asked = "load gives a Specification or raises SpecificationError, for any bytes"
        for number in range(self.mutations):
            copy = tmp_path / f"damaged{number}"
            source = self._copy(original, copy)
            target = chance.choice(_files(source))
            data, how = _damage(target.read_bytes(), number, chance)
            target.write_bytes(data)
            begun = time.monotonic()
            try:
                self.make_format().load(source)
            except SpecificationError as error:
                self.promise(
                    str(error).strip(),
                    f"the refusal of a source with {how} says nothing",
                    "an error says what is wrong",
                )
            except RecursionError:
                self.broken(f"load of a source with {how} ran out of stack", asked)
            except Exception as error:
                self.broken(
                    f"load of a source with {how} in {target.name} raised {type(error).__name__}: {error!s:.300}", asked
                )
            took = time.monotonic() - begun
            self.promise(
                took < 10.0, f"load of a source with {how} took {took:.1f} seconds", "hostile input costs no time"
            )
            shutil.rmtree(copy)

    def test_a_refusal_says_places(self, tmp_path: Path) -> None:
        """When a damaged source is refused, at least one of the problems says where it is."""
        original = self._sample(tmp_path)
        chance, refused = random.Random(6), []
        for number in range(self.mutations // 3):
            source = self._copy(original, tmp_path / f"damaged{number}")
            target = chance.choice(_files(source))
            target.write_bytes(_damage(target.read_bytes(), number, chance)[0])
            try:
                self.make_format().load(source)
            except SpecificationError as error:
                refused.append(error)
            except Exception:
                continue  # the promise of the test above
        if not refused:
            self.skip("none of the damaged samples was refused")
        silent = [str(error) for error in refused if not any(problem.where for problem in error.problems)]
        self.promise(
            not silent,
            f"a refusal names no place: {silent[:1]}",
            "every refusal says file and line, or at least the file",
        )

    # --- writing back -------------------------------------------------------------------------------------------------

    def test_writing_the_same_statuses_changes_nothing(self, tmp_path: Path) -> None:
        """Writing the statuses that are there leaves every file as it is, byte for byte."""
        source = self._sample(tmp_path)
        write, found = self._writer(source)
        before = _snapshot(source)
        write(source, {task.source_id or task.id: task.status for task in found.tasks})
        self.promise(
            _snapshot(source) == before,
            f"files changed: {_changed(before, source)}",
            "write_status changes only statuses that differ",
        )

    def test_statuses_are_written_and_read_back(self, tmp_path: Path) -> None:
        """A task that was completed is read as completed afterwards; all else is as before, and going back restores every byte."""
        for line_end in (b"\n", b"\r\n"):
            source = self._sample(tmp_path / line_end.hex())
            for file in _files(source):
                file.write_bytes(file.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", line_end))
            write, found = self._writer(source)
            original = _snapshot(source)
            for wanted in (task for task in found.tasks if task.status == "pending"):
                key = wanted.source_id or wanted.id
                write(source, {key: "completed"})
                again = {task.id: task.status for task in self.make_format().load(source).tasks}
                expected = {task.id: "completed" if task.id == wanted.id else task.status for task in found.tasks}
                self.promise(
                    again == expected,
                    f"after writing {key} as completed the statuses were {again}",
                    "write_status sets exactly the statuses it was given",
                )
                write(source, {key: "pending"})
                self.promise(
                    _snapshot(source) == original,
                    f"going back left other bytes in {_changed(original, source)}",
                    "everything else stays byte for byte, line ends included",
                )

    def test_unknown_tasks_are_not_written(self, tmp_path: Path) -> None:
        """A status for a task that the source does not have changes no file."""
        source = self._sample(tmp_path)
        write, _ = self._writer(source)
        before = _snapshot(source)
        try:
            write(source, {"no-such-task-anywhere": "completed"})
        except Exception as error:
            self.promise(str(error), "the refusal says nothing", "an error says what is wrong")
        self.promise(
            _snapshot(source) == before,
            "a status of an unknown task changed a file",
            "only tasks of the source are written",
        )

    # --- inside -------------------------------------------------------------------------------------------------------

    def _sample(self, tmp_path: Path) -> Path:
        folder = tmp_path / "sample"
        folder.mkdir(parents=True)
        return self.write_sample(folder)

    def _matches(self, source: Path) -> float:
        try:
            return self.make_format().matches(source)
        except Exception as error:
            self.broken(
                f"matches raised {type(error).__name__}: {error}", "matches never raises for a source that exists"
            )

    def _copy(self, original: Path, to: Path) -> Path:
        root = next(parent for parent in (original, *original.parents) if parent.name == "sample")
        shutil.copytree(root, to / "sample")
        return to / "sample" / original.relative_to(root)

    def _writer(self, source: Path) -> tuple[Any, Specification]:
        made = self.make_format()
        write = getattr(made, "write_status", None)
        if write is None:
            self.skip("the format does not offer write_status")
        found = made.load(source)
        if not found.tasks:
            self.skip("the sample lists no tasks, so there is no status to write")
        return write, found


def _bytes_read() -> int:
    """Bytes this process has read so far, 0 where the system does not say."""
    try:
        return int(Path("/proc/self/io").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    return sorted(path for path in source.rglob("*") if path.is_file())


def _snapshot(source: Path) -> Mapping[Path, bytes]:
    root = source if source.is_dir() else source.parent
    return {file: file.read_bytes() for file in _files(root)}


def _changed(before: Mapping[Path, bytes], source: Path) -> list[str]:
    now = _snapshot(source)
    return sorted(path.name for path in {*before, *now} if before.get(path) != now.get(path))


def _damage(data: bytes, number: int, chance: random.Random) -> tuple[bytes, str]:
    """A variant of ``data``, and what was done to it."""
    at = chance.randrange(len(data) + 1)
    lines = data.splitlines(keepends=True) or [b""]
    ways: tuple[tuple[bytes, str], ...] = tuple(_ways(data, at, lines, chance))
    return ways[number % len(ways)]


def _ways(data: bytes, at: int, lines: list[bytes], chance: random.Random) -> Iterator[tuple[bytes, str]]:
    shuffled = list(lines)
    chance.shuffle(shuffled)
    line = chance.randrange(len(lines))
    yield data[:at], "its end cut off"
    yield b"", "nothing in it"
    yield data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :], "one byte exchanged"
    yield data[:at] + b"\xff\xfe\x00" + data[at:], "bytes that are no text"
    yield b"\x00" * 64, "NUL bytes only"
    yield b"".join(shuffled), "its lines shuffled"
    yield b"".join(lines[:line] + lines[line + 1 :]), "a line missing"
    yield b"".join([*lines[:line], lines[line], *lines[line:]]), "a line twice"
    yield b"".join([*lines[:line], b"\t  ", *lines[line:]]), "an indentation changed"
    yield data[:at] + b"{[(" * 3000 + data[at:], "deeply nested brackets"
    yield data[:at] + b"- " * 3000 + data[at:], "deeply nested lists"
    yield data[:at] + b"x" * 200_000 + data[at:], "a very long word"
    yield data.decode("utf-8", "replace").encode("utf-16"), "another encoding"
    yield data[::-1], "its bytes reversed"
    yield re.sub(rb"\d+", lambda match: b"9" * 400, data), "huge numbers"
    yield re.sub(rb"[A-Za-z]{4,}", lambda match: match[0][::-1], data), "its words reversed"
