"""What a workspace must keep to: attempts apart, landing by compare-and-swap, conflicts told, and nothing sealed or landed ever lost."""

from __future__ import annotations

from .workspace_promises.attempts import AttemptPromises
from .workspace_promises.landing import LandingPromises
from .workspace_promises.processes import ProcessPromises

__all__ = ["WorkspaceContract"]


# the promises of the last base are tried first
class WorkspaceContract(ProcessPromises, LandingPromises, AttemptPromises):
    """Subclass it and override :meth:`make_workspace`.

    Attributes:
        durable: whether what is sealed and landed is found by another process; without it those promises are skipped.
        keeps_history: whether older states than the tip can be had again.
        shows_result: whether ``finish`` puts what landed into a new output folder.
        kills: how often a working process is killed.
    """
