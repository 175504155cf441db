"""``result.json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from agent_dispatcher.models import Event, ExecutionPlan, ExecutionResult
from agent_dispatcher.reporting import result_to_json

__all__ = ["JsonReporter"]

#: A result of more tasks is written in one line: nobody reads it with the eyes, and it takes a tenth of the time.
_INDENTED = 1000


class JsonReporter:
    """Writes the result as one JSON document."""

    def write(
        self, result: ExecutionResult, plan: ExecutionPlan, events: Sequence[Event], folder: Path
    ) -> Sequence[Path]:
        path = folder / "result.json"
        indent = 2 if len(result.task_results) <= _INDENTED else None
        path.write_text(json.dumps(result_to_json(result), indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")
        return [path]
