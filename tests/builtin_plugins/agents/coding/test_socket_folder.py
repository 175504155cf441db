"""Where a session's sockets lie, and what becomes of those whose process was killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_dispatcher_builtins.agents.coding.socket_folder import socket_folder

HOLD = """
import sys, time
from agent_dispatcher_builtins.agents.coding.socket_folder import socket_folder
with socket_folder() as folder:
    (folder / "session").touch()
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder of the test's own, with a short path."""
    with tempfile.TemporaryDirectory() as name:
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield Path(name)
        monkeypatch.undo()


def _aged(folder: Path) -> Path:
    long_ago = time.time() - 3600
    os.utime(folder, (long_ago, long_ago))
    return folder


def test_what_a_killed_process_left_goes_away(places: Path) -> None:
    """Not while it lives, however old its folder is; with the next session after its end."""
    command = [sys.executable, "-c", HOLD]
    env = {**os.environ, "TMPDIR": str(places), "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        left = _aged(Path(holder.stdout.readline().strip()))
        try:
            with socket_folder():
                assert (left / "session").exists()
        finally:
            holder.send_signal(signal.SIGKILL)
    assert (left / "session").exists()
    with socket_folder() as mine:
        assert list(places.iterdir()) == [mine]
    assert list(places.iterdir()) == []


def test_only_such_folders_go_away(places: Path) -> None:
    """What holds anything else, is a link, is named otherwise, or was made just now stays."""
    names = ["ad-abcdefgh", "ad-longer-name", "other", "ad-12345678"]
    for name in names:
        (places / name).mkdir()
    (places / names[0] / "notes").touch()
    elsewhere = places / "elsewhere"
    elsewhere.mkdir()
    (places / "ad-linklink").symlink_to(elsewhere)
    for name in [*names[:3], "elsewhere"]:
        _aged(places / name)
    with socket_folder():
        pass
    assert sorted(path.name for path in places.iterdir()) == sorted([*names, "elsewhere", "ad-linklink"])


def test_the_folder_is_this_users_alone(places: Path) -> None:
    """And a socket fits into it."""
    with socket_folder() as folder, socket.socket(socket.AF_UNIX) as listener:
        assert folder.stat().st_mode & 0o777 == 0o700
        listener.bind(str(folder / "session"))
    assert not folder.exists()
