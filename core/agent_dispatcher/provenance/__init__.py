"""Where work comes from: what an agent was told, what it asked a model and was answered, what it ran; and no key in any of it."""

from __future__ import annotations

from .accounts import Account, Call, Command, accounts, attempt_of_commit, commands_of
from .archive import Archive
from .known_keys import Secrets, scrubber_of, secrets_of
from .scrubbing import SECRET, Scrubber

__all__ = [
    "SECRET",
    "Account",
    "Archive",
    "Call",
    "Command",
    "Scrubber",
    "Secrets",
    "accounts",
    "attempt_of_commit",
    "commands_of",
    "scrubber_of",
    "secrets_of",
]
