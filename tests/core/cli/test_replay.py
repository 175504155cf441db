"""``replay``: its answers, its exit codes, and the moments it shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from agent_dispatcher.dispatcher import AgentDispatcher
from agent_dispatcher.runs.records import RunLog


@pytest.fixture
def tampered(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets the commands see a log in which ``change`` was done to every event; an event it makes ``None`` of is gone."""

    def install(change: Any) -> None:
        original = AgentDispatcher.log_of

        def log_of(self: AgentDispatcher, run: str | None = None, output: Any = None) -> RunLog:
            log = original(self, run, output)
            events = [changed for event in log.events if (changed := change(event)) is not None]
            return evolve(log, events=tuple(evolve(event, seq=number) for number, event in enumerate(events, 1)))

        monkeypatch.setattr(AgentDispatcher, "log_of", log_of)

    return install


def test_an_honest_log_is_the_same(recorded: Any, call: Any) -> None:
    """Exit code 0, and how much was compared."""
    code, out, _ = call("replay", "--output", recorded.output)
    assert code == 0
    assert out.startswith(f"{recorded.run}, events 1 to ")
    assert "the same 10 decisions" in out.replace("\n  ", " ")


def test_json_says_the_same(recorded: Any, call: Any) -> None:
    """A versioned document; without a moment nothing about one."""
    code, out, _ = call("replay", "--output", recorded.output, "--json")
    document = json.loads(out)
    assert code == 0
    assert (document["format"], document["version"]) == ("agent-dispatcher/replay", 1)
    assert (document["same"], document["difference"], document["decisions"]) == (True, None, 10)
    assert "tasks" not in document


def test_a_tampered_log_is_named_with_its_place(recorded: Any, call: Any, tampered: Any) -> None:
    """Exit code 1, what the engine says, what the log has, and the events around."""
    place = next(
        event.seq
        for event in AgentDispatcher().log_of(None, recorded.output).events
        if (event.type, event.task) == ("task.completed", "model")
    )
    tampered(lambda event: evolve(event, task="page") if event.seq == place else event)
    code, out, _ = call("replay", "--output", recorded.output)
    assert code == 1
    assert f"differs at event {place}" in out
    assert "the engine says: task.completed model" in out
    assert "the log has: task.completed page" in out
    assert f"> {place:>6}  task.completed" in out


def test_an_old_log_is_not_called_the_same(recorded: Any, call: Any, tampered: Any) -> None:
    """Exit code 3, and why nothing could be compared; the moment is shown all the same."""
    tampered(lambda event: None if event.type == "run.prepared" else event)
    code, out, _ = call("replay", "--output", recorded.output, "--until", "3")
    assert code == 3
    assert "not checked: the process that began with event 1" in out
    assert "nothing of it could be replayed" in out
    assert "in_progress  attempt 1 by flaky" in out


def test_a_moment_shows_who_is_where(recorded: Any, call: Any) -> None:
    """Behind the failure of one task: it rests, its dependent waits, and the table fits the terminal."""
    events = AgentDispatcher().log_of(None, recorded.output).events
    until = next(event.seq for event in events if event.type == "attempt.failed")
    code, out, _ = call("replay", "--output", recorded.output, "--until", until)
    assert code == 0
    assert "wait to be retried:    store" in out
    assert "page   pending      Write the page" in out
    assert all(len(line) <= 80 for line in out.splitlines())
    code, out, _ = call("replay", "--output", recorded.output, "--until", until, "--json")
    document = json.loads(out)
    assert document["engine"]["resting"] == ["store"]
    assert {each["id"]: each["status"] for each in document["tasks"]}["page"] == "pending"


def test_a_moment_that_never_was_is_refused(recorded: Any, call: Any) -> None:
    """The message says which events there are."""
    code, _, err = call("replay", "--output", recorded.output, "--until", "0")
    assert code == 2
    assert "has events 1 to" in err
