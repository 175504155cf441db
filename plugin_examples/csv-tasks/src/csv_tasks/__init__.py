"""A specification format: a table of tasks in a CSV file."""

from __future__ import annotations

from .format import CsvTasksFormat

__all__ = ["CsvTasksFormat"]
