"""Between whoever asks a language model and the backend that answers: which backend, how much it may take, what it took.

Backends themselves are plugins (:class:`agent_dispatcher.extension.LlmBackend`). What their authors may use is listed here.
"""

from __future__ import annotations

from .bounds import MOST_TOKENS, input_bound, output_bound
from .budget import Budget
from .metering import MeteredLlm
from .no_limit import no_limit
from .plain_function import PlainFunction
from .prices import Prices, priced_as
from .prompting import bare_json, schema_in_prompt
from .selection import CLIENT, ActiveBackend, active_backend
from .sending import held_back

__all__ = [
    "CLIENT",
    "MOST_TOKENS",
    "ActiveBackend",
    "Budget",
    "MeteredLlm",
    "PlainFunction",
    "Prices",
    "active_backend",
    "bare_json",
    "held_back",
    "input_bound",
    "no_limit",
    "output_bound",
    "priced_as",
    "schema_in_prompt",
]
