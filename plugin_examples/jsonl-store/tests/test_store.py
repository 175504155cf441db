"""The store keeps its contract, and a run lives in it."""

from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path

import pytest
from agent_dispatcher import AgentDispatcher, Specification, Task
from agent_dispatcher.errors import Fenced, StoreError
from agent_dispatcher.models import Event
from agent_dispatcher.testing import StoreContract, dispatcher

from jsonl_store import JsonlStore
from jsonl_store.hooks import plugin
from jsonl_store.lines import Head, encode
from jsonl_store.options import JsonlOptions


class TestJsonlStore(StoreContract):
    """The store, with its defaults."""

    def make_store(self, data_dir: Path) -> JsonlStore:
        return JsonlStore(data_dir)

    def make_newer(self, data_dir: Path) -> bool:
        (data_dir / "jsonl" / "version").write_text("2")
        return True


class TestSyncedStore(TestJsonlStore):
    """The store that waits for the disk."""

    kills = 2

    def make_store(self, data_dir: Path) -> JsonlStore:
        return JsonlStore(data_dir, JsonlOptions(sync=True))


def event(number: int) -> Event:
    """Some event."""
    return Event(run="a/b", type="run.warning", at=float(number), data={"text": "x" * 50})


def test_what_a_kill_left_of_a_line_is_passed_over(tmp_path: Path) -> None:
    """A log cut off anywhere in its last line reads as if that batch had not been, and goes on from there."""
    with closing(JsonlStore(tmp_path)) as store:
        lease = store.acquire("a/b", "me")
        store.append(lease, [event(1)])
        (file,) = tmp_path.rglob("*.jsonl")
        whole = file.stat().st_size
        store.append(lease, [event(2), event(3)])
        data = file.read_bytes()
        for size in range(whole, len(data)):
            file.write_bytes(data[:size])
            assert [each.seq for each in store.read("a/b")] == [1]
        assert store.append(lease, [event(2)]) == 2
        assert file.read_bytes().endswith(b"}\n"), "the rest of the longer line is still there"
        assert [each.at for each in store.read("a/b")] == [1.0, 2.0]


def test_a_line_with_a_hash_of_its_own_is_noticed(tmp_path: Path) -> None:
    """Whoever rewrites a line and its hash is given away by the line below, which was hashed over the old one."""
    with closing(JsonlStore(tmp_path)) as store:
        lease = store.acquire("a/b", "me")
        for number in range(1, 3):
            store.append(lease, [event(number)])
        (file,) = tmp_path.rglob("*.jsonl")
        line, _ = encode(Head(), "a/b", 1, [event(99)])
        file.write_bytes(line + file.read_bytes().splitlines(keepends=True)[1])
        with pytest.raises(StoreError, match=r"jsonl:2: the line was altered"):
            list(store.read("a/b"))


@pytest.mark.parametrize("change", ["swap", "cut", "foreign"])
def test_lines_cannot_be_moved(tmp_path: Path, change: str) -> None:
    """Lines that change places, are missing in the middle, or come from another run are noticed with file and line."""
    with closing(JsonlStore(tmp_path)) as store:
        for run in ("a/b", "other"):
            lease = store.acquire(run, "me")
            for number in range(1, 4):
                store.append(lease, [event(number)])
        file = tmp_path / "jsonl" / "runs" / "a%2Fb.jsonl"
        one, two, three = file.read_bytes().splitlines(keepends=True)
        other = (tmp_path / "jsonl" / "runs" / "other.jsonl").read_bytes()
        file.write_bytes({"swap": two + one + three, "cut": one + three, "foreign": other}[change])
        with pytest.raises(StoreError, match=rf"a%2Fb\.jsonl:{2 if change == 'cut' else 1}: the line was altered"):
            list(store.read("a/b"))


def test_a_full_disk_leaves_the_log_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a line does not fit, what was written of it is taken back, and the error says what to do."""
    with closing(JsonlStore(tmp_path)) as store:
        lease = store.acquire("a/b", "me")
        store.append(lease, [event(1)])
        (file,) = tmp_path.rglob("*.jsonl")
        whole = file.stat().st_size
        write = os.pwrite

        def full(handle: int, data: bytes, at: int) -> int:
            if len(data) > 20:
                return write(handle, data[:20], at)
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "pwrite", full)
        with pytest.raises(StoreError, match=r"No space left on device; check disk"):
            store.append(lease, [event(2)])
        monkeypatch.undo()
        assert file.stat().st_size == whole
        assert store.append(lease, [event(2)]) == 2
        assert [each.seq for each in store.read("a/b")] == [1, 2]


def test_a_lease_of_an_earlier_life_is_fenced_off(tmp_path: Path) -> None:
    """Another store on the same folder takes a released run over, and the first can record nothing more."""
    first, second = JsonlStore(tmp_path), JsonlStore(tmp_path)
    old = first.acquire("run", "one")
    first.append(old, [event(1)])
    first.release(old)
    new = second.acquire("run", "two")
    with pytest.raises(Fenced, match="was taken over by two"):
        first.append(old, [event(2)])
    assert (second.append(new, [event(2)]), new.epoch) == (2, 2)


def test_a_run_lives_in_it(tmp_path: Path) -> None:
    """A dispatcher that is told to records a run in it, and another reads the result from the file; every line is JSON."""
    specification = Specification(id="s", title="S", tasks=(Task(id="one", title="One"), Task(id="two", title="Two")))

    def make() -> AgentDispatcher:
        return dispatcher(
            [lambda task, context: {f"{task.id}.txt": "x"}],
            plugins=[("jsonl-store", plugin)],
            config={"use": {"store": "jsonl"}, "options": {"store:jsonl": {"sync": True}}},
        )

    done = make().dispatch(specification, output=tmp_path / "out")
    assert done.status == "completed"
    again = make().result_of(output=tmp_path / "out")
    assert [(task.id, task.status) for task in again.task_results] == [("one", "completed"), ("two", "completed")]
    (file,) = (tmp_path / "out" / ".dispatcher" / "jsonl" / "runs").glob("*.jsonl")
    types = [each["type"] for line in file.read_text().splitlines() for each in json.loads(line)["events"]]
    assert (types[0], types[-1], types.count("task.completed")) == ("run.started", "run.finished", 2)
