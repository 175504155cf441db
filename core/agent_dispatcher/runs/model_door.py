"""The one way to a language model: whoever asks one, planning or a run, is kept to the pace its server takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..coordination.backend_guard import BackendGuard, PricedGuard
from ..coordination.circuit import Circuit
from ..coordination.throttle import Throttle
from ..extension.llm import PricedBackend

if TYPE_CHECKING:
    from ..config import Config
    from ..llm import ActiveBackend

__all__ = ["ModelDoor"]

#: Planning holds no agent that others wait for, so it may wait longer for its turn.
_PLANNING_PATIENCE = 10.0


class ModelDoor:
    """Guards language-model backends, as long as the dispatcher lives.

    A backend has one throttle, since its server counts all that is asked of it. Whoever asks has a circuit of their own: what is to wait while a
    backend is away, and who is told when it is back, differ.

    Args:
        config: what the user says about each backend.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._throttles: dict[str, Throttle] = {}

    def open(self, llm: ActiveBackend, *, planning: bool = False) -> BackendGuard:
        """The backend in use, guarded, for one plan or one run; to be detached when that is over."""
        own = self._config.throttle.get(llm.name)
        kind = PricedGuard if isinstance(llm.backend, PricedBackend) else BackendGuard
        throttle = self._throttles.get(llm.name)
        if throttle is None:
            throttle = self._throttles[llm.name] = (
                Throttle()
                if own is None
                else Throttle(requests_per_minute=own.requests_per_minute, tokens_per_minute=own.tokens_per_minute)
            )
        circuit, patience_s = Circuit(), 60.0
        if own is not None:
            circuit = Circuit(
                outages=own.outages,
                longest_wait_s=own.longest_wait_s,
                first_wait_s=min(5.0, own.longest_wait_s),
                unreached_s=own.unreached_s,
            )
            patience_s = own.patience_s
        return kind(
            llm.backend,
            llm.name,
            throttle,
            circuit,
            patience_s=patience_s * _PLANNING_PATIENCE if planning else patience_s,
        )
