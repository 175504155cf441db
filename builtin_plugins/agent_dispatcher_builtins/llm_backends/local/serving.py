"""A model file served in this process by llama.cpp's own server, on loopback, behind a key that is made up for it."""

from __future__ import annotations

import secrets
from importlib import import_module
from pathlib import Path
from typing import Any

from attrs import field, frozen

from agent_dispatcher.errors import BackendError

__all__ = ["Served", "serve"]


@frozen
class Served:
    """A running server. It ends when nobody holds it any more.

    Attributes:
        origin: ``http://127.0.0.1:<port>``.
        key: without it the server answers nobody: other programs of this machine, and pages in its browsers, cannot use it.
    """

    origin: str
    key: str = field(repr=False)
    server: Any = field(repr=False)


def serve(model: Path, *, context_tokens: int, threads: int, parallel: int = 1) -> Served:
    """Load the model and serve it; takes seconds, so call it in a thread.

    Args:
        context_tokens: of one call.
        threads: 0 for one per core.
        parallel: how many calls are computed at once.

    Raises:
        BackendError: the model cannot be loaded.
    """
    xllamacpp = import_module("xllamacpp")
    key = secrets.token_urlsafe(32)
    settings = xllamacpp.CommonParams()
    settings.model.path = str(model)
    settings.model_alias = {model.stem}
    settings.hostnames = ["127.0.0.1"]
    settings.port = 0
    settings.api_keys = [key]
    settings.ui = False
    settings.endpoint_slots = False
    settings.endpoint_props = False
    settings.n_ctx = context_tokens * parallel
    settings.n_parallel = parallel
    settings.kv_unified = False
    settings.verbosity = -1
    if threads:
        settings.cpuparams.n_threads = threads
        settings.cpuparams_batch.n_threads = threads
    try:
        server = xllamacpp.Server(settings)
    except RuntimeError as error:
        raise BackendError(
            f"the model {model} cannot be loaded: {error} (is it whole, and is there memory for it and {context_tokens * parallel:,} tokens?)",
            sort="permanent",
            whatever_is_asked=True,
        ) from error
    return Served(str(server.listening_address), key, server)
