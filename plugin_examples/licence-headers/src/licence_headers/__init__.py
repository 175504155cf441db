"""An agent that puts a licence header on source files, and the check that they have it."""

from __future__ import annotations

from .agent import LicenceHeadersAgent
from .check import LicenceHeadersCheck
from .headers import Header

__all__ = ["Header", "LicenceHeadersAgent", "LicenceHeadersCheck"]
