"""What a call costs: the user's table, then a public list, else it is not known. Money is exact and never rounded down."""

from __future__ import annotations

import pytest

from agent_dispatcher.config import load_config
from agent_dispatcher.config.values import PriceSettings
from agent_dispatcher.errors import ConfigError
from agent_dispatcher.extension import LlmReply, LlmRequest, PricedAs, Usage
from agent_dispatcher.llm import Prices, priced_as
from agent_dispatcher.llm.prices import nano_of, usd_of
from agent_dispatcher.testing import ScriptedBackend

LISTED = PricedAs(model="gpt-5-mini", server="https://api.openai.com/v1")


def used(read: int, written: int, cached: int = 0, kept: int = 0) -> Usage:
    return Usage(input_tokens=read, output_tokens=written, cached_input_tokens=cached, cache_written_tokens=kept)


@pytest.mark.parametrize(
    ("price", "usage", "nano_usd"),
    [
        (PriceSettings(input=2.0, output=8.0), used(1_000_000, 1_000_000), 10_000_000_000),
        (PriceSettings(input=2.0, output=8.0), used(1, 0), 2_000),
        (PriceSettings(input=2.0, output=8.0), used(10, 0, cached=4), 20_000),
        (PriceSettings(input=2.0, output=8.0, cached_input=0.5), used(10, 0, cached=4), 14_000),
        (PriceSettings(input=2.0, output=8.0), used(10, 0, cached=4, kept=5), 20_000),
        (
            PriceSettings(input=2.0, output=8.0, cached_input=0.5, cache_write=2.5),
            used(10, 0, cached=4, kept=5),
            16_500,
        ),
        (PriceSettings(input=2.0, output=8.0, cache_write=2.5), used(10, 0, cached=8, kept=8), 21_000),
        (PriceSettings(input=0.0001, output=0.0), used(1, 0), 1),
        (PriceSettings(input=0.1, output=0.0), used(3, 0), 300),
        (PriceSettings(input=0.0, output=0.0), used(10, 10), 0),
    ],
)
def test_the_users_own_table(price: PriceSettings, usage: Usage, nano_usd: int) -> None:
    """Dollars for a million tokens, in whole nano-dollars, rounded up."""
    found = Prices({"m": price}).find(PricedAs(model="m", server="anywhere"))
    assert found is not None and found.nano_usd(usage) == nano_usd


def test_the_worst_case_is_never_cheaper() -> None:
    """Whatever a call takes within its bounds, and however much of it was cached, it costs no more than the worst case."""
    for price in (
        PriceSettings(input=2.0, output=8.0),
        PriceSettings(input=2.0, output=8.0, cached_input=0.1),
        PriceSettings(input=2.0, output=8.0, cached_input=3.0),
        PriceSettings(input=2.0, output=8.0, cached_input=0.1, cache_write=4.0),
    ):
        found = Prices({"m": price}).find(PricedAs(model="m"))
        assert found is not None
        worst = found.worst_nano_usd(100, 50)
        for read, written, cached, kept in (
            (100, 50, 0, 0), (100, 50, 100, 0), (100, 50, 0, 100), (99, 50, 30, 60), (0, 0, 0, 0),
        ):  # fmt: skip
            assert found.nano_usd(used(read, written, cached, kept)) <= worst


def test_a_public_list_knows_models_of_their_server() -> None:
    """With the package, a model has its price at the server that is asked, and none at one that happens to serve the same name."""
    pytest.importorskip("genai_prices")
    found = Prices().find(LISTED)
    assert found is not None
    assert 0 < found.nano_usd(used(1000, 100, 900)) < found.nano_usd(used(1000, 100)) <= found.worst_nano_usd(1000, 100)
    assert Prices().find(PricedAs(model="gpt-5-mini", server="http://127.0.0.1:11434/v1")) is None
    assert Prices().find(PricedAs(model="no such model", server=LISTED.server)) is None
    assert Prices().find(PricedAs(model="gpt-5-mini")) is None


def test_the_public_list_knows_what_a_cache_costs() -> None:
    """What a server keeps to read it again costs more than what it only reads, and the worst case holds it."""
    pytest.importorskip("genai_prices")
    found = Prices().find(PricedAs(model="claude-sonnet-4-5", server="https://api.anthropic.com"))
    assert found is not None
    assert found.nano_usd(used(1000, 0)) < found.nano_usd(used(1000, 0, kept=1000)) <= found.worst_nano_usd(1000, 0)


def test_the_table_is_stronger_than_the_list_and_than_free() -> None:
    """What the user says a model costs is what it costs."""
    table = Prices({"gpt-5-mini": PriceSettings(input=1.0, output=1.0)})
    for asked in (LISTED, PricedAs(model="gpt-5-mini", free=True)):
        found = table.find(asked)
        assert found is not None and found.nano_usd(used(1, 1)) == 2_000
    nothing = Prices().find(PricedAs(model="m", free=True))
    assert nothing is not None and nothing.nano_usd(used(10**6, 10**6)) == 0


def test_an_unknown_price_says_what_to_do() -> None:
    """The model, the server, the table to fill in."""
    text = Prices.unknown(PricedAs(model="m", server="http://here"))
    assert "'m' at http://here" in text and '[prices."m"]' in text and "allow_unpriced" in text


def test_a_backend_that_does_not_say_has_the_model_of_the_request() -> None:
    """Its calls can be priced by the user's table, when the request names a model."""
    assert priced_as(ScriptedBackend([]), LlmRequest.of("why", model="m")) == PricedAs(model="m")


def test_a_backend_before_another_is_priced_as_that() -> None:
    """Whoever stands between and passes on what it does not know itself needs to know nothing of prices."""

    class House(ScriptedBackend):
        def priced_as(self, request: LlmRequest) -> PricedAs:
            return PricedAs(model="house")

    class Between:
        def __init__(self, backend: ScriptedBackend) -> None:
            self._backend = backend

        def __getattr__(self, name: str) -> object:
            return getattr(self._backend, name)

        async def complete(self, request: LlmRequest) -> LlmReply:
            return await self._backend.complete(request)

    assert priced_as(Between(House([])), LlmRequest.of("why")) == PricedAs(model="house")


def test_prices_are_configured() -> None:
    """By model; a table without output, or a negative price, is refused with its place."""
    config = load_config(overrides={"prices": {"m": {"input": 1, "output": 2.5}}}, env={}, use_files=False)
    assert Prices.of(config).table == {"m": PriceSettings(input=1.0, output=2.5)}
    for wrong in ({"input": 1}, {"input": -1, "output": 1}):
        with pytest.raises(ConfigError, match="prices"):
            load_config(overrides={"prices": {"m": wrong}}, env={}, use_files=False)


def test_money_is_exact() -> None:
    """Dollars to nano-dollars and back."""
    assert [usd_of(nano_of(usd)) for usd in (0.1, 0.2, 5.0, 0.000001)] == [0.1, 0.2, 5.0, 0.000001]
