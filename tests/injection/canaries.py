"""What must not happen, and how it would be noticed: secrets that are looked for, servers that must stay silent, folders that must stay as they are."""

from __future__ import annotations

import hashlib
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import define, field

__all__ = ["KEY", "SECRET", "NothingElse", "Silent", "everything", "state"]

SECRET = "CANARY-SECRET-5f1d0c9a7b"
KEY = "sk-canary-0123456789abcdef0123456789abcdef"


@define
class Silent:
    """A server and a socket to which nobody should ever speak."""

    folder: Path
    port: int = 0
    heard: list[str] = field(factory=list)
    _sockets: list[socket.socket] = field(factory=list)
    _threads: list[threading.Thread] = field(factory=list)

    def __enter__(self) -> Silent:
        tcp = socket.create_server(("127.0.0.1", 0))
        self.port = tcp.getsockname()[1]
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", self.port))
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(str(self.folder / "canary.sock"))
        unix.listen()
        self._sockets += [tcp, udp, unix]
        for name, one in (("tcp", tcp), ("udp", udp), ("unix", unix)):
            thread = threading.Thread(target=self._listen, args=(name, one), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def _listen(self, name: str, one: socket.socket) -> None:
        one.settimeout(0.2)
        while one.fileno() >= 0:
            try:
                if name == "udp":
                    self.heard.append(f"udp {one.recv(100)!r}")
                else:
                    wire, _ = one.accept()
                    self.heard.append(f"{name} {wire.getsockname()}")
                    wire.close()
            except TimeoutError:
                continue
            except OSError:
                return

    def __exit__(self, *_: object) -> None:
        for one in self._sockets:
            one.close()
        for thread in self._threads:
            thread.join()


def state(*folders: Path) -> dict[str, str]:
    """Path to kind, mode and content of everything below."""
    found = {}
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            status = path.lstat()
            content = ""
            if path.is_symlink():
                content = str(path.readlink())
            elif path.is_file():
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path)] = f"{status.st_mode:o} {content}"
    return found


def everything(output: Path) -> Iterator[tuple[str, bytes]]:
    """Every byte the run left: files, databases row by row, every object of the repository."""
    for path in output.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield str(path), path.read_bytes()
            if path.suffix == ".db":
                with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
                    yield f"{path} rows", "\n".join(database.iterdump()).encode()
    objects = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch"], cwd=output, capture_output=True, check=True
    )
    yield "git objects", objects.stdout


class NothingElse:
    """Tests of what is there after a run with attacks, which the fixture ``aftermath`` of a module tells."""

    def test_nothing_outside_was_touched(self, aftermath: Any) -> None:
        """Home and everything beside the output are as they were: content, modes, links."""
        assert aftermath.after == aftermath.before
        assert {path.name for path in aftermath.base.iterdir()} == {"home", "outside", "output"}

    def test_nobody_was_called(self, aftermath: Any) -> None:
        """No connection, no datagram, no socket of the host."""
        assert aftermath.silent.heard == []

    def test_no_secret_is_anywhere(self, aftermath: Any) -> None:
        """Neither the key nor the file's secret stands in a log, an event, a blob, a commit, a report or anything sent to the model."""
        secrets = SECRET, KEY
        found = [name for name, data in everything(aftermath.output) if any(each.encode() in data for each in secrets)]
        for number, request in enumerate(aftermath.asked):
            found += [f"request {number}" for each in secrets if each in str(request.body)]
        assert found == []
