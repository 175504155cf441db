"""From what was recorded to what a person or another tool reads."""

from __future__ import annotations

from .aggregate import build_report, build_result, evidence_from_json, requirement_results
from .result_json import result_in_pieces, result_to_json

__all__ = [
    "build_report",
    "build_result",
    "evidence_from_json",
    "requirement_results",
    "result_in_pieces",
    "result_to_json",
]
