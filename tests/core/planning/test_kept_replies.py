"""Replies are kept for the very same question to the very same model, for a while, within bounds, without keys, and never get in the way."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from agent_dispatcher.extension import LlmReply, LlmRequest, PlanningContext, Usage
from agent_dispatcher.extension.components import Declined, Decomposition
from agent_dispatcher.models import ExecutionPlan, Requirement, Specification, Task
from agent_dispatcher.planning import kept_replies
from agent_dispatcher.planning.kept_replies import KeptReplies, replies_folder, request_key
from agent_dispatcher.provenance import SECRET, Scrubber
from agent_dispatcher.testing import ScriptedBackend, dispatcher

KEY = "sk-proj-4f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a"
REPLY = LlmReply(text="yes", usage=Usage(input_tokens=3, output_tokens=1), model="m")
QUESTION = LlmRequest.of("how", purpose="decompose", about=["R1"], max_output_tokens=5)
SHOP = Specification(id="shop", title="Shop", requirements=(Requirement(id="R1", text="A cart."),))
CART = Task(id="cart", title="Cart", requirements=("R1",))


def kept(folder: Path, **more: Any) -> KeptReplies:
    return KeptReplies(folder / "replies", Scrubber(), **more)


@pytest.mark.parametrize(
    "other",
    [
        {"request": LlmRequest.of("why", max_output_tokens=5)},
        {"request": evolve(QUESTION, schema={"type": "object"})},
        {"request": evolve(QUESTION, model="other")},
        {"request": evolve(QUESTION, temperature=0.5)},
        {"request": evolve(QUESTION, max_output_tokens=6)},
        {"backend": "other"},
        {"answers_as": "http://there m"},
        {"options": {"model": "m", "max_reply_bytes": 5}},
    ],
)
def test_another_question_or_another_model_is_not_the_same(other: dict[str, Any]) -> None:
    """Whatever is sent, and whoever would answer, counts; what is only noted in records does not."""
    same: dict[str, Any] = {
        "request": QUESTION,
        "backend": "openai",
        "answers_as": "http://here m",
        "options": {"model": "m"},
    }
    assert request_key(**{**same, **other}) != request_key(**same)
    noted = evolve(QUESTION, purpose="other", about=("R2",), timeout_s=9.0)
    assert request_key(**{**same, "request": noted}) == request_key(**same)


def test_what_is_kept_is_found_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    """In its order; the folder and its files are nobody else's, and no key is in them."""
    said = evolve(REPLY, text=f"the key is {KEY}")
    kept(tmp_path).keep("a", [REPLY, said])
    assert kept(tmp_path).find("a") == (REPLY, evolve(said, text=f"the key is {SECRET}", keys_hidden=True))
    assert kept(tmp_path).find("b") == ()
    (file,) = (tmp_path / "replies").iterdir()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert KEY not in file.read_text()
    kept(tmp_path).forget("a")
    assert kept(tmp_path).find("a") == ()


@pytest.mark.parametrize("damage", ["", "{", '{"key": "a"}', "\udcff", "other text", "other key", "a link", "a folder"])
def test_a_damaged_entry_is_as_if_it_were_not_there(damage: str, tmp_path: Path) -> None:
    """Cut off, of another shape, changed by hand, under another name, or no file: the model is asked."""
    store = kept(tmp_path)
    store.keep("a", [REPLY])
    path = tmp_path / "replies" / "a.json"
    text = path.read_text()
    if damage == "other text":
        assert "yes" in text
        path.write_text(text.replace("yes", "no"))
    elif damage == "other key":
        path.write_text(text.replace('"a"', '"b"'))
    elif damage == "a link":
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    elif damage == "a folder":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(damage.encode("utf-8", "surrogateescape"))
    assert store.find("a") == ()


def test_what_is_old_is_not_used_and_goes(tmp_path: Path) -> None:
    """After thirty days; what a process that died left half written goes after one."""
    kept(tmp_path).keep("a", [REPLY])
    half = tmp_path / "replies" / ".new-half"
    half.write_text("x")
    day = 86_400
    soon, late = (kept(tmp_path, now=lambda days=days: time.time() + days * day) for days in (29, 31))
    assert soon.find("a") == (REPLY,)
    kept(tmp_path).prune()
    assert half.exists(), "it may be written just now"
    soon.prune()
    assert [path.name for path in half.parent.iterdir()] == ["a.json"]
    assert late.find("a") == ()
    late.prune()
    assert list(half.parent.iterdir()) == []


def test_it_does_not_grow_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest stay, by number and by size; one that is too large is not kept at all."""
    store = kept(tmp_path)
    for number in range(5):
        store.keep(f"k{number}", [REPLY])
        at = time.time() - 100 + number
        os.utime(tmp_path / "replies" / f"k{number}.json", (at, at))
    monkeypatch.setattr(kept_replies, "_MOST_ENTRIES", 3)
    store.prune()
    assert [bool(store.find(f"k{number}")) for number in range(5)] == [False, False, True, True, True]
    monkeypatch.setattr(kept_replies, "_MOST_BYTES", (tmp_path / "replies" / "k4.json").stat().st_size + 1)
    store.prune()
    assert [bool(store.find(f"k{number}")) for number in range(5)] == [False] * 4 + [True]
    monkeypatch.setattr(kept_replies, "_MOST_OF_ONE", 10)
    store.keep("large", [REPLY])
    assert not (tmp_path / "replies" / "large.json").exists()


def test_a_folder_that_cannot_be_written_is_no_fault(tmp_path: Path) -> None:
    """Nothing is kept, nothing is said, planning goes on."""
    (tmp_path / "replies").write_text("a file")
    store = kept(tmp_path)
    store.keep("a", [REPLY])
    store.prune()
    store.forget("a")
    assert store.find("a") == ()


def test_the_folder_is_in_the_users_cache(tmp_path: Path) -> None:
    """As the XDG base directories have it."""
    assert replies_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "agent-dispatcher" / "planning-replies"
    home = replies_folder({"HOME": str(tmp_path)})
    assert home == tmp_path / ".cache" / "agent-dispatcher" / "planning-replies"


class Lasting(ScriptedBackend):
    """A script that says who it is."""

    who = "somebody"

    def answers_as(self, request: LlmRequest) -> str:
        return self.who


class Asks:
    """Asks the same so many times, and makes a task when what it is told is not in vain."""

    def __init__(self, times: int = 1, vain: str = "nothing") -> None:
        self.times, self.vain = times, vain
        self.heard: list[str] = []

    async def decompose(self, specification: Specification, context: PlanningContext) -> Decomposition | Declined:
        assert context.llm is not None
        replies = [(await context.llm.complete(QUESTION)).text for _ in range(self.times)]
        self.heard += replies
        return Declined("nothing came") if self.vain in replies else Decomposition(tasks=[CART])


class Makes:
    """Needs no model."""

    async def decompose(self, specification: Specification, context: PlanningContext) -> Decomposition:
        return Decomposition(tasks=[CART])


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of one's own, in which replies are kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("AGENT_DISPATCHER_PLANNING_REUSE_REPLIES", "true")
    return tmp_path / "cache" / "agent-dispatcher" / "planning-replies"


def plan(backend: ScriptedBackend, asks: Asks, *others: object, fresh: bool = False, **config: Any) -> ExecutionPlan:
    made = dispatcher(config={"llm_client": backend, **config}, decomposers=[asks, *others])
    return asyncio.run(made.plan_async(SHOP, fresh=fresh))


def test_the_next_plan_asks_nothing_and_says_so(cache: Path) -> None:
    """Same plan; the questions stand in its record as reused, count for nothing and cost nothing."""
    backend = Lasting(["one", "two"])
    first = plan(backend, Asks(2))
    asks = Asks(2)
    second = plan(backend, asks)
    assert (len(backend.requests), asks.heard) == (2, ["one", "two"])
    assert second.tasks == first.tasks
    (use,) = second.planning_usage
    assert (use.calls, use.reused, use.counted_tokens, use.cost_usd, use.unpriced) == (0, 2, 0, 0.0, 0)
    assert [(call.reused, call.tokens, call.cost_usd) for call in second.planning_calls] == [(True, 0, 0.0)] * 2
    assert [call.request for call in second.planning_calls] == [call.request for call in first.planning_calls]
    assert {call.reused for call in first.planning_calls} == {False}


def test_a_third_question_is_asked_and_joins_what_is_kept(cache: Path) -> None:
    """What was not answered before is asked, and the row says both."""
    backend = Lasting(["one", "two"])
    plan(backend, Asks(1))
    (use,) = plan(backend, Asks(2)).planning_usage
    assert (use.calls, use.reused) == (1, 1)
    plan(backend, Asks(2))
    assert len(backend.requests) == 2


def test_fresh_asks_again_and_its_answer_takes_the_place(cache: Path) -> None:
    """Whoever does not like a plan may have another, which is then the one that is run."""
    backend = Lasting(["one", "two"])
    plan(backend, Asks())
    plan(backend, Asks(), fresh=True)
    asks = Asks()
    plan(backend, asks)
    assert (len(backend.requests), asks.heard) == (2, ["two"])


def test_answers_of_which_no_plan_was_made_are_not_kept(cache: Path) -> None:
    """Another decomposer made the plan: the model is asked again."""
    backend = Lasting(["nothing", "nothing", "one"])
    plan(backend, Asks(), Makes())
    plan(backend, Asks(), Makes())
    assert len(backend.requests) == 2
    plan(backend, Asks(), Makes())
    assert len(list(cache.iterdir())) == 1


def test_a_kept_answer_that_has_become_useless_is_forgotten(cache: Path) -> None:
    """Who judges it may have changed: it spoils one plan at most."""
    backend = Lasting(["one", "two"])
    plan(backend, Asks(), Makes())
    plan(backend, Asks(vain="one"), Makes())
    plan(backend, Asks(vain="one"), Makes())
    assert len(backend.requests) == 2


@pytest.mark.parametrize("reason", ["refused", "length"])
def test_what_the_model_did_not_answer_to_the_end_is_not_kept(cache: Path, reason: str) -> None:
    """It may answer next time."""
    backend = Lasting([LlmReply(text="no", stop_reason=reason), "one"])
    plan(backend, Asks())
    plan(backend, Asks())
    assert len(backend.requests) == 2


def test_who_does_not_say_who_answers_is_always_asked(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script, a recording, an object of a program; and everybody where it is turned off."""
    backend = ScriptedBackend(lambda request: "one")
    plan(backend, Asks())
    plan(backend, Asks())
    assert len(backend.requests) == 2
    monkeypatch.delenv("AGENT_DISPATCHER_PLANNING_REUSE_REPLIES")
    lasting = Lasting(lambda request: "one")
    plan(lasting, Asks(), planning={"reuse_replies": False})
    assert not cache.exists()


def test_no_key_stands_in_what_is_kept(cache: Path) -> None:
    """Nor is one part of a file's name: the question is hashed without keys."""
    plan(Lasting([f"use {KEY}"]), Asks())
    (file,) = cache.iterdir()
    assert SECRET in json.loads(file.read_text())["replies"][0]["text"]
    assert KEY not in file.read_text()
