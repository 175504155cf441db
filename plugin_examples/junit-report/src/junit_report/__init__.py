"""A reporter: JUnit XML of a run."""

from __future__ import annotations

from .reporter import JunitReporter

__all__ = ["JunitReporter"]
