"""What calls of models cost: the user's own table first, then a public list of prices where one is installed.

A price that is not known is not zero: it is not known, and whoever asks is told so. Money is counted in whole nano-dollars (10**-9 US dollars),
always rounded up, so that sums are exact and the same on every machine.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from attrs import evolve, field, frozen

from ..config import Config
from ..config.values import PriceSettings
from ..extension.components import LlmBackend
from ..extension.llm import LlmRequest, PricedAs, PricedBackend, Usage

__all__ = ["NANO", "Price", "Prices", "nano_of", "priced_as", "usd_of"]

#: Nano-dollars of a dollar.
NANO: Final = 1_000_000_000
#: A price of one dollar for a million tokens is so many nano-dollars for one.
_PER_TOKEN: Final = 1_000.0


class Price(Protocol):
    """What one model costs."""

    def nano_usd(self, usage: Usage) -> int:
        """What an exchange costs."""
        ...

    def worst_nano_usd(self, input_tokens: int, output_tokens: int) -> int:
        """The most an exchange costs that reads and writes at most so many tokens."""
        ...


@frozen
class Prices:
    """Finds the price of a call before it is made.

    Attributes:
        table: the user's own, by model.
    """

    table: Mapping[str, PriceSettings] = field(factory=dict)

    @classmethod
    def of(cls, config: Config) -> Prices:
        """With the user's own table."""
        return cls(config.prices)

    def find(self, asked: PricedAs) -> Price | None:
        """The price, ``None`` where it is not known."""
        own = self.table.get(asked.model)
        if own is not None:
            return _Rate(own)
        if asked.free:
            return _Rate(PriceSettings(input=0.0, output=0.0))
        return _listed(asked)

    @staticmethod
    def unknown(asked: PricedAs) -> str:
        """Why there is no price and what to do, for an error."""
        model = f"the model {asked.model!r}" if asked.model else "the model"
        where = f" at {asked.server}" if asked.server else ""
        table = f'[prices."{asked.model or "NAME"}"] with input and output'
        listed = "" if _list_is_there() else ", install a list of prices (pip install 'agent-dispatcher[cost]')"
        return f"no price is known for {model}{where}: set {table} in your own configuration{listed}, or budget.allow_unpriced = true"


def priced_as(backend: LlmBackend | PricedBackend, request: LlmRequest) -> PricedAs:
    """What the backend says that the request would be asked of; as much as the request says where the backend does not."""
    say: Callable[[LlmRequest], PricedAs] | None = getattr(
        backend, "priced_as", None
    )  # also of one that stands before another and passes on what that has
    return say(request) if say is not None else PricedAs(model=request.model)


def nano_of(usd: float) -> int:
    """Dollars in nano-dollars, to the nearest."""
    return round(usd * NANO)


def usd_of(nano: int) -> float:
    """Nano-dollars in dollars."""
    return nano / NANO


@frozen
class _Rate:
    """The same for every token."""

    price: PriceSettings

    def nano_usd(self, usage: Usage) -> int:
        price = self.price
        cached, kept = _parts(usage)
        again = price.input if price.cached_input is None else price.cached_input
        keep = price.input if price.cache_write is None else price.cache_write
        read = (usage.input_tokens - cached - kept) * price.input + cached * again + kept * keep
        return _up((read + usage.output_tokens * price.output) * _PER_TOKEN)

    def worst_nano_usd(self, input_tokens: int, output_tokens: int) -> int:
        read = max(self.price.input, self.price.cached_input or 0.0, self.price.cache_write or 0.0)
        return _up((input_tokens * read + output_tokens * self.price.output) * _PER_TOKEN)


@frozen
class _Listed:
    """By the list of the package ``genai-prices``, which knows tiers and times of day.

    Attributes:
        at: when the call was priced first: it is settled by the same price.
    """

    asked: PricedAs
    at: datetime

    def nano_usd(self, usage: Usage) -> int:
        return _up(self._usd(usage) * NANO)

    def worst_nano_usd(self, input_tokens: int, output_tokens: int) -> int:
        plain = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
        cached, kept = evolve(plain, cached_input_tokens=input_tokens), evolve(plain, cache_written_tokens=input_tokens)
        return max(self.nano_usd(plain), self.nano_usd(cached), self.nano_usd(kept))

    def _usd(self, usage: Usage) -> float:
        import genai_prices

        cached, kept = _parts(usage)
        used = genai_prices.Usage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=cached or None,
            cache_write_tokens=kept or None,
        )
        found: Any = genai_prices.calc_price(
            used, self.asked.model, provider_api_url=self.asked.server, genai_request_timestamp=self.at
        )
        return float(found.total_price)


def _parts(usage: Usage) -> tuple[int, int]:
    """Tokens that were read again, and that were kept to be; both together are at most all."""
    cached = min(usage.cached_input_tokens, usage.input_tokens)
    return cached, min(usage.cache_written_tokens, usage.input_tokens - cached)


def _listed(asked: PricedAs) -> Price | None:
    """The price in the public list, of the server that is asked and of no other one that happens to serve a model of that name."""
    if not asked.model or not asked.server or not _list_is_there():
        return None
    price = _Listed(asked, datetime.fromtimestamp(time.time(), UTC))
    try:
        price.worst_nano_usd(1, 1)
    except (LookupError, ValueError):
        return None
    return price


def _list_is_there() -> bool:
    from importlib.util import find_spec

    return find_spec("genai_prices") is not None


def _up(nano: float) -> int:
    """Rounded up; what floating point adds in the last places is no nano-dollar."""
    return math.ceil(round(nano, 3))
