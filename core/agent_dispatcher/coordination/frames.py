"""Whose code a thread is in: the agent whose method stands on its stack."""

from __future__ import annotations

import sys
import threading
from types import FrameType

from ..agents.base_agent import BaseAgent, SyncAgent

__all__ = ["agent_in", "threads_of", "where_in"]


def agent_in(frame: FrameType | None) -> tuple[BaseAgent | SyncAgent, FrameType] | None:
    """The innermost agent that is at work in ``frame`` or what called it, with the frame of its method; ``None`` without one."""
    while frame is not None:
        if frame.f_code.co_argcount and frame.f_code.co_varnames[0] == "self":
            this = frame.f_locals.get("self")
            if isinstance(this, (BaseAgent, SyncAgent)):
                return this, frame
        frame = frame.f_back
    return None


def threads_of(agent: BaseAgent | SyncAgent) -> set[int]:
    """Identifiers (:func:`threading.get_ident`) of the threads in which it is at work now, beside the calling one."""
    frames = sys._current_frames()
    frames.pop(threading.get_ident(), None)
    found = ((thread, agent_in(frame)) for thread, frame in frames.items())
    return {thread for thread, seen in found if seen is not None and seen[0] is agent}


def where_in(frame: FrameType) -> str:
    """``file:line in function``."""
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
