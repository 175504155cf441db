"""Of an agent that was given up those processes are found that are certainly its own, with all their descendants, and no others."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_dispatcher.agents import AgentResult, SyncAgent
from agent_dispatcher.coordination.frames import threads_of
from agent_dispatcher.coordination.leftovers import end_processes, processes_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are told apart through /proc")

FAMILY = "import subprocess, sys, time; p = subprocess.Popen(['sleep', '60'], cwd='/', start_new_session=True); print(p.pid, flush=True); time.sleep(60)"


@pytest.fixture
def family(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that works in ``tmp_path``, and its child elsewhere in a session of its own."""
    parent = subprocess.Popen([sys.executable, "-c", FAMILY], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    yield parent, child
    end_processes({parent.pid, child})
    parent.wait()
    parent.stdout.close()


def test_what_works_in_the_folder(family: tuple[subprocess.Popen[str], int], tmp_path: Path) -> None:
    """Both generations are found by the folder, nothing by another folder, and both are gone afterwards."""
    parent, child = family
    other = tmp_path.with_name(tmp_path.name + "-other")
    other.mkdir()
    assert processes_of((), other) == set()
    found = processes_of((), tmp_path)
    assert found == {parent.pid, child}
    assert end_processes(found) == 2
    parent.wait(20)
    until = time.monotonic() + 20
    while _lives(child) and time.monotonic() < until:
        time.sleep(0.01)
    assert not _lives(child)
    assert end_processes({parent.pid}) == 0


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_what_a_thread_began(family: tuple[subprocess.Popen[str], int], tmp_path: Path) -> None:
    """Children of the agent's thread are found wherever they work; those of other threads are not."""
    begun: list[subprocess.Popen[bytes]] = []
    ready, release = threading.Event(), threading.Event()

    class Agent(SyncAgent):
        def work(self) -> AgentResult:
            begun.append(subprocess.Popen(["sleep", "60"], cwd="/"))
            ready.set()
            release.wait(20)
            return AgentResult(status="done")

    agent = Agent()
    thread = threading.Thread(target=agent.work)
    thread.start()
    assert ready.wait(10)
    threads = threads_of(agent)
    found = processes_of(threads, None)
    release.set()
    thread.join()
    begun[0].kill()
    begun[0].wait()
    assert threads == {thread.ident}
    assert found == {begun[0].pid}
    assert threads_of(agent) == set()


def test_this_process_is_never_among_them() -> None:
    """Nor is anything above it, even when it works in the folder itself."""
    assert os.getpid() not in processes_of((threading.get_ident(),), Path.cwd())
