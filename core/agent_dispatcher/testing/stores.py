"""What a store must keep to: order, numbers, all or nothing, one owner, and nothing recorded is ever lost."""

from __future__ import annotations

from .store_promises.events import EventPromises
from .store_promises.keeping import KeepingPromises
from .store_promises.owning import OwningPromises
from .store_promises.records import RecordPromises

__all__ = ["StoreContract"]


# the promises of the last base are tried first
class StoreContract(RecordPromises, KeepingPromises, OwningPromises, EventPromises):
    """Subclass it and override :meth:`make_store`.

    Attributes:
        durable: whether the store keeps anything beyond its process; without it the promises about other processes are skipped.
        detects_damage: whether an altered log is noticed; say ``False`` only for a store that others guard.
        kills: how often a writing process is killed.
    """
