"""Serves one model file by llama.cpp's own server, on loopback, until standard input ends. A program of its own: see :mod:`.serving`.

One line of JSON comes in (``model`` and what :func:`.serving.launch` was asked for), one goes out: ``origin``, or ``error``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Any


def main() -> None:
    """See the module's page."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started this, who then ends it
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    wanted = json.loads(sys.stdin.readline())
    try:
        server = _serve(wanted)  # it ends when nobody holds it
        said = {"origin": str(server.listening_address)}
    except (ImportError, RuntimeError) as error:
        said = {"error": str(error)}
    print(json.dumps(said), file=answer, flush=True)
    sys.stdin.read()
    os._exit(0)  # nobody waits for what is being computed


def _serve(wanted: dict[str, Any]) -> Any:
    """A server that has loaded the model."""
    xllamacpp = import_module("xllamacpp")
    settings = xllamacpp.CommonParams()
    settings.model.path = wanted["model"]
    settings.model_alias = {Path(wanted["model"]).stem}
    settings.hostnames = ["127.0.0.1"]
    settings.port = 0
    settings.api_keys = [wanted["key"]]
    settings.ui = False
    settings.endpoint_slots = False
    settings.endpoint_props = False
    settings.n_ctx = wanted["context_tokens"] * wanted["parallel"]
    settings.n_parallel = wanted["parallel"]
    settings.kv_unified = False
    settings.verbosity = -1
    if wanted["threads"]:
        settings.cpuparams.n_threads = wanted["threads"]
        settings.cpuparams_batch.n_threads = wanted["threads"]
    return xllamacpp.Server(settings)


if __name__ == "__main__":
    main()
