"""The dispatcher's own format: requirements, tasks and behaviour as data. Its reference is ``docs/native-format.md``."""

from __future__ import annotations

from .reader import NativeFormat, read_document

__all__ = ["NativeFormat", "read_document"]
