"""``result.json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from agent_dispatcher.models import Event, ExecutionPlan, ExecutionResult
from agent_dispatcher.reporting import result_in_pieces, result_to_json

__all__ = ["JsonReporter"]

#: A result of more tasks is written in one line: nobody reads it with the eyes, and it takes a tenth of the time.
_INDENTED = 200


class JsonReporter:
    """Writes the result as one JSON document."""

    def write(
        self, result: ExecutionResult, plan: ExecutionPlan, events: Sequence[Event], folder: Path
    ) -> Sequence[Path]:
        path = folder / "result.json"
        with path.open("w", encoding="utf-8") as file:
            if len(result.task_results) <= _INDENTED:
                json.dump(result_to_json(result), file, indent=2, ensure_ascii=False)
            else:
                file.writelines(result_in_pieces(result))
            file.write("\n")
        return [path]
