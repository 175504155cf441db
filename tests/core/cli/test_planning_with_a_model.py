"""The commands that plan, with a model behind a real server: what it costs is said, and where it cannot be asked nothing is begun."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.testing.model_replies import Fails, Says
from agent_dispatcher.testing.model_server import ModelServer

Call = Callable[..., tuple[int, str, str]]

SHOP = {
    "format": "agent-dispatcher/specification",
    "version": 1,
    "title": "Shop",
    "requirements": [{"id": "R1", "text": "A visitor puts books into a cart."}],
}
TASK = {
    "key": "cart",
    "title": "Build the cart",
    "description": "Books can be put into a cart.",
    "type": "code_writing",
    "component": "shop",
    "requirements": ["R1"],
    "produces": [],
    "consumes": [],
    "depends_on": [],
    "verifies": [],
    "complexity": 2,
}
REPLY = json.dumps({"tasks": [TASK]})


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[ModelServer], Path]:
    """A user who has configured the server, in a folder with a specification; gives the file."""

    def configure(server: ModelServer) -> Path:
        home = tmp_path / "home"
        (home / "agent-dispatcher").mkdir(parents=True, exist_ok=True)
        text = f'[use]\nllm = "openai"\n[options."llm:openai"]\nmodel = "m"\nbase_url = "{server.base_url}"\n'
        text += "[prices.m]\ninput = 1000.0\noutput = 1000.0\n"
        (home / "agent-dispatcher" / "config.toml").write_text(text, encoding="utf-8")
        monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        monkeypatch.chdir(work)
        source = work / "shop.json"
        source.write_text(json.dumps(SHOP), encoding="utf-8")
        return source

    return configure


@pytest.mark.parametrize("status", [401, 404])
def test_a_model_that_cannot_be_asked_ends_it_before_anything_is_begun(
    status: int, at_home: Any, call: Call, tmp_path: Path
) -> None:
    """No other decomposer's plan is carried out by agents that would ask the same server: exit 3, its words, no folder."""
    with ModelServer(lambda request: Fails(status=status, message="no such thing here")) as server:
        source = at_home(server)
        for command in ("run", "plan", "validate"):
            before = len(server.requests)
            code, out, err = call(command, source)
            assert (code, out) == (3, ""), command
            assert f"{status} no such thing here" in " ".join(err.split()), command
            assert len(server.requests) == before + 1, "it is asked once, not again to list the problems"
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["shop.json"]


def test_a_server_that_is_not_there_ends_it_too(at_home: Any, call: Call) -> None:
    """Its address may be wrong, or it has yet to be started: exit 3 with what to do, before anything is begun."""
    with ModelServer(["never asked"]) as server:
        source = at_home(server)
    code, out, err = call("plan", source)
    assert (code, out) == (3, "")
    said = " ".join(err.split())
    assert "the language model openai cannot be asked: " in said
    assert "start it or mend its address, or leave [use] llm out to work without a model" in said


def test_a_rule_that_nobody_offers_is_told_before_the_model_is_paid(at_home: Any, call: Call, tmp_path: Path) -> None:
    """As everything that can be known before."""
    with ModelServer([Says(text=REPLY)]) as server:
        source = at_home(server)
        config = tmp_path / "home" / "agent-dispatcher" / "config.toml"
        config.write_text(
            config.read_text(encoding="utf-8").replace("[use]", '[use]\ndependency_rules = ["no-such-rule"]'),
            encoding="utf-8",
        )
        code, _out, err = call("plan", source)
        assert (code, "no-such-rule" in err) == (3, True), err
        assert len(server.requests) == 0


def test_a_model_that_refuses_one_request_is_passed_over(at_home: Any, call: Call) -> None:
    """Another request may fit: the next decomposer plans, and the plan warns."""
    with ModelServer(lambda request: Fails(status=400, message="that is too long")) as server:
        code, out, err = call("plan", at_home(server))
    assert code == 0
    assert "that is too long" in " ".join((out + err).split())


def test_validate_says_what_planning_cost(at_home: Any, call: Call) -> None:
    """As plan does; not in JSON, which has a document of its own."""
    with ModelServer(lambda request: Says(text=REPLY, usage=(1200, 34))) as server:
        source = at_home(server)
        _code, out, _err = call("validate", source)
        assert "planning asked the model once: 1,200 tokens read, 34 written, 1.2340 US dollars" in out
        _code, out, err = call("validate", source, "--json")
        assert set(json.loads(out)) == {"valid", "problems"}
        assert err == ""


def test_a_slow_answer_is_announced_on_stderr_alone(at_home: Any, call: Call) -> None:
    """Silence of minutes looks like a fault; what programs read stays clean."""
    with ModelServer(lambda request: Says(text=REPLY, delay_s=2.5)) as server:
        source = at_home(server)
        _code, out, err = call("plan", source, "--mermaid")
        assert err.splitlines()[0] == "asking the model about 1 requirement ..."
        assert "the model answered after" in err
        assert "asking" not in out


def test_every_command_shows_the_plan_that_was_made_first(
    at_home: Any, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model is asked once for an unchanged specification, until it is to be asked anew; what was reused is said and costs nothing."""
    monkeypatch.setenv("AGENT_DISPATCHER_PLANNING_REUSE_REPLIES", "true")

    def reply(request: Any) -> Says:
        return Says(text=json.dumps({"tasks": [{**TASK, "title": f"Build cart {len(server.requests)}"}]}))

    with ModelServer(reply) as server:
        source = at_home(server)
        _code, out, _err = call("validate", source)
        assert "planning asked the model once" in out
        _code, out, _err = call("plan", source)
        assert "Build cart 1" in out
        said = "planning did not ask the model: 1 answer of an earlier plan reused, at no cost (--fresh asks again)"
        assert said in " ".join(out.split())
        _code, out, _err = call("graph", source)
        assert "Build cart 1" in out
        _code, out, _err = call("explain", source, "Build cart 1")
        assert "reused from an earlier plan" in " ".join(out.split())
        code, _out, _err = call("run", source, "--output", source)  # planned, then refused, as that is no folder
        assert (code, len(server.requests)) == (2, 1)
        _code, out, _err = call("plan", source, "--fresh")
        assert "Build cart 2" in out
        _code, out, _err = call("plan", source, "--json")
        document = json.loads(out)
        assert (document["tasks"][0]["title"], document["planning_usage"][0]["reused"]) == ("Build cart 2", 1)
        source.write_text(json.dumps({**SHOP, "title": "Another shop"}), encoding="utf-8")
        call("validate", source)
        assert len(server.requests) == 3, "a changed specification is another question"
