"""``result.json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from agent_dispatcher.models import Event, ExecutionPlan, ExecutionResult
from agent_dispatcher.reporting import result_to_json

__all__ = ["JsonReporter"]


class JsonReporter:
    """Writes the result as one JSON document."""

    def write(
        self, result: ExecutionResult, plan: ExecutionPlan, events: Sequence[Event], folder: Path
    ) -> Sequence[Path]:
        path = folder / "result.json"
        path.write_text(json.dumps(result_to_json(result), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return [path]
