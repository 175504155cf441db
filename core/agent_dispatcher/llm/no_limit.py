"""Says that nothing limits what a model may cost, where somebody may send a bill for it. No limit is what is configured until one is."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from attrs import asdict

from ..config.values import BudgetSettings
from ..errors import DispatcherError
from ..extension.llm import LlmRequest
from .prices import Prices, priced_as
from .selection import ActiveBackend

__all__ = ["no_limit"]

_LIMITS: Final = "max_"


def no_limit(settings: BudgetSettings, prices: Prices, llm: ActiveBackend) -> str:
    """One line for whoever begins a run; ``""`` where a limit is set, or nobody sends a bill.

    A server on this machine sends none, as far as anybody knows: it is believed unless its model has a price.
    """
    if any(value is not None for name, value in asdict(settings).items() if name.startswith(_LIMITS)):
        return ""
    try:
        asked = priced_as(llm.backend, LlmRequest.of(""))
    except DispatcherError:  # of one that has yet to make the backend behind it, and need not be asked at all
        return ""
    price = prices.find(asked)
    if (
        asked.free
        or (price is None and _is_here(asked.server))
        or (price is not None and not price.worst_nano_usd(1, 1))
    ):
        return ""
    model = f"model {asked.model!r}" if asked.model else f"the model of backend {llm.name!r}"
    where = f" at {asked.server}" if asked.server else ""
    return f"nothing limits what {model}{where} may cost: set max_cost_usd or max_tokens under [budget]"


def _is_here(server: str) -> bool:
    host = urlsplit(server).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
