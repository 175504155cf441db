"""Whoever begins a run with a model that costs something, and no limit, is told so; nobody else is."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import frozen

from agent_dispatcher.cli.main import main
from agent_dispatcher.config.values import BudgetSettings, PriceSettings
from agent_dispatcher.errors import Unavailable
from agent_dispatcher.extension import LlmReply, LlmRequest, PricedAs
from agent_dispatcher.llm import ActiveBackend, Prices, no_limit
from agent_dispatcher.testing import ScriptedBackend

HERE = PricedAs(model="m", server="http://127.0.0.1:8080/v1")
THERE = PricedAs(model="m", server="https://models.example/v1")
PAID = PriceSettings(input=1.0, output=1.0)
WITHOUT_A_BILL = PriceSettings(input=0.0, output=0.0)


@frozen
class House:
    asked: PricedAs | Exception

    async def complete(self, request: LlmRequest) -> LlmReply:
        return LlmReply(text="yes")

    def priced_as(self, request: LlmRequest) -> PricedAs:
        if isinstance(self.asked, Exception):
            raise self.asked
        return self.asked


def said(asked: PricedAs | Exception, price: PriceSettings | None = None, **budget: object) -> str:
    prices = Prices({} if price is None else {"m": price})
    return no_limit(BudgetSettings(**budget), prices, ActiveBackend("b", House(asked)))  # type: ignore[arg-type]


@pytest.mark.parametrize(("asked", "price"), [(THERE, None), (THERE, PAID), (HERE, PAID), (PricedAs(), None)])
def test_what_may_cost_something_is_said(asked: PricedAs, price: PriceSettings | None) -> None:
    """Where a price is known, and where none is known of a server that is not on this machine."""
    text = said(asked, price)
    assert text.startswith("nothing limits what ") and text.endswith("set max_cost_usd or max_tokens under [budget]")
    assert (asked.model or "backend 'b'") in text and asked.server in text


@pytest.mark.parametrize(
    ("asked", "price"),
    [
        (PricedAs(model="m", free=True), None),
        (PricedAs(model="m", free=True), PAID),
        (HERE, None),
        (PricedAs(model="m", server="http://localhost/v1"), None),
        (THERE, WITHOUT_A_BILL),
        (Unavailable("not made yet"), None),
    ],
)
def test_where_nobody_sends_a_bill_nothing_is_said(asked: PricedAs | Exception, price: PriceSettings | None) -> None:
    """A file, a recording, a model or a server on this machine, a price of 0."""
    assert said(asked, price) == ""


@pytest.mark.parametrize("name", ["max_cost_usd", "max_tokens", "max_tokens_per_task", "max_cost_usd_per_agent"])
def test_a_limit_is_enough(name: str) -> None:
    """Of whichever kind, also where it is 0."""
    assert said(THERE, PAID, **{name: 0}) == ""
    assert said(THERE, PAID, allow_unpriced=True) != ""


def test_a_backend_that_says_nothing_may_cost_something() -> None:
    """Its name is said, as there is no other."""
    text = no_limit(BudgetSettings(), Prices(), ActiveBackend("own", ScriptedBackend([])))
    assert "the model of backend 'own'" in text


def test_run_says_it_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the error stream, before anything is done; with a limit it says nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    settings = tmp_path / "agent-dispatcher" / "config.toml"
    settings.parent.mkdir()
    (tmp_path / "tasks.md").write_text("# Tasks\n\n- [ ] T001 Write `a.py`\n")

    def code_of(*arguments: str) -> object:
        with pytest.raises(SystemExit) as end:
            main([*arguments])
        return end.value.code

    assert code_of("plan", "tasks.md", "--output", "plan.json") == 0
    capsys.readouterr()
    model = (
        '[use]\nllm = "openai"\n[options."llm:openai"]\nmodel = "m"\nbase_url = "http://127.0.0.1:9/v1"\n'
        "[prices.m]\ninput = 1.0\noutput = 1.0\n"
    )
    (tmp_path / "taken").write_text("a file is no folder to work in")
    for budget, lines in (("", 1), ("[budget]\nmax_tokens = 5\n", 0)):
        settings.write_text(model + budget)
        code, printed = code_of("run", "plan.json", "--output", "taken", "--json"), capsys.readouterr()
        assert (code, printed.out) == (2, ""), printed.err
        assert printed.err.count("note: nothing limits what model 'm' at http://127.0.0.1:9/v1 may cost") == lines
