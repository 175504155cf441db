"""The format keeps to what is promised of every format."""

from __future__ import annotations

import json
from pathlib import Path

from agent_dispatcher.extension.components import SpecificationFormat
from agent_dispatcher.testing import SpecificationFormatContract
from agent_dispatcher_builtins.specifications.beads.reader import BeadsFormat

ISSUES = [
    {"id": "g-2", "title": "Plant", "status": "open", "priority": 1, "issue_type": "task", "created_at": "2026-01-02",
     "acceptance_criteria": "It grows", "dependencies": [{"issue_id": "g-2", "depends_on_id": "g-1", "type": "blocks"}]},
    {"id": "g", "title": "Garden", "status": "open", "priority": 2, "issue_type": "epic", "created_at": "2026-01-01"},
    {"id": "g-1", "title": "Dig", "status": "closed", "priority": 1, "issue_type": "task", "created_at": "2026-01-01",
     "closed_at": "2026-01-03", "dependencies": [{"issue_id": "g-1", "depends_on_id": "g", "type": "parent-child"}]},
    {"id": "g-3", "title": "Water", "status": "open", "priority": 3, "issue_type": "bug", "created_at": "2026-01-02",
     "dependencies": [{"issue_id": "g-3", "depends_on_id": "g-2", "type": "blocks"},
                      {"issue_id": "g-3", "depends_on_id": "g", "type": "parent-child"}]},
]  # fmt: skip


class TestBeadsFormat(SpecificationFormatContract):
    def make_format(self) -> SpecificationFormat:
        return BeadsFormat()

    def write_sample(self, folder: Path) -> Path:
        (folder / ".beads").mkdir()
        (folder / ".beads" / "issues.jsonl").write_text("".join(json.dumps(issue) + "\n" for issue in ISSUES))
        return folder


class TestBeadsFile(TestBeadsFormat):
    def write_sample(self, folder: Path) -> Path:
        return super().write_sample(folder) / ".beads" / "issues.jsonl"
