"""How far a work package is: Spec Kitty's words, and where its versions keep them.

Since 3.0 the log ``status.events.jsonl`` is the truth, and ``status.json`` a picture of it; before, ``lane`` in the front matter; in the first versions the folder
the file lies in as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import field, frozen

from agent_dispatcher.errors import SpecificationError
from agent_dispatcher.safe_load import plain_json, read_text

from ..task_master.fields import Notes

__all__ = ["LOG", "PICTURE", "Recorded", "meaning", "read_recorded", "word_for"]

LOG = "status.events.jsonl"
PICTURE = "status.json"
_MEANINGS = {
    "done": "completed",
    "approved": "completed",
    "merged": "completed",
    "completed": "completed",
    "planned": "pending",
    "pending": "pending",
    "claimed": "pending",
    "doing": "pending",
    "in_progress": "pending",
    "for_review": "pending",
    "in_review": "pending",
    "review": "pending",
    "blocked": "pending",
    "genesis": "pending",
    "uninitialized": "pending",
    "canceled": "skipped",
    "cancelled": "skipped",
}
_WORDS = {"completed": "done", "pending": "planned", "ready": "planned", "in_progress": "doing"}
_MAX_BYTES = 32_000_000


@frozen(kw_only=True)
class Recorded:
    """What is recorded outside of the work packages' own files.

    Attributes:
        lanes: work package to its lane.
        subtasks: those that are done.
    """

    lanes: Mapping[str, str] = field(factory=dict)
    subtasks: frozenset[str] = frozenset()


def meaning(word: str) -> str | None:
    """The task status a lane stands for (nothing stands for *planned*); ``None`` when the word is not known.

    Work that was begun or waits for a review is done again, as nobody recorded evidence for it; what a reviewer approved is done.
    """
    return _MEANINGS.get(word.strip().lower().replace("-", "_").replace(" ", "_") or "planned")


def word_for(status: str, current: str) -> str | None:
    """The lane to write for a task status; ``None`` when ``current`` says it already, or there is no lane for it (``failed``: it stays open)."""
    word = _WORDS.get(status)
    if word is None or meaning(current) == ("pending" if status == "ready" else status):
        return None
    return None if word == current.strip().lower() else word


def read_recorded(mission: Path, notes: Notes) -> Recorded:
    """What the log says; without one what its picture says; a line that cannot be read is noted."""
    lanes: dict[str, str] = {}
    subtasks: dict[str, str] = {}
    if (mission / PICTURE).is_file():
        for package, state in _picture(mission / PICTURE, notes):
            lane = state.get("lane")
            if isinstance(lane, str):
                lanes[package] = lane
            subtasks.update(_texts(state.get("subtasks")))
    if (mission / LOG).is_file():
        for event in sorted(_events(mission / LOG, notes), key=lambda event: str(event.get("at") or "")):
            lane, delta = event.get("to_lane"), event.get("delta")
            if isinstance(lane, str):
                lanes[str(event["wp_id"])] = lane
            if isinstance(delta, dict):
                subtasks.update(_texts(delta.get("subtasks")))
    done = frozenset(name for name, word in subtasks.items() if meaning(word) == "completed")
    return Recorded(lanes=lanes, subtasks=done)


def _picture(file: Path, notes: Notes) -> Iterator[tuple[str, Mapping[str, object]]]:
    value = _json(file, notes)
    if value is None:
        return
    packages = value.get("work_packages") if isinstance(value, dict) else None
    if not isinstance(packages, dict):
        notes.add(f"{file.name}:1", "it does not say how far the work packages are ('work_packages'): not used")
        return
    for name, state in packages.items():
        if isinstance(state, dict):
            yield name, state
        else:
            notes.add(f"{file.name}:1", f"what it says of {name} is no object: not used")


def _events(file: Path, notes: Notes) -> Iterator[dict[str, object]]:
    text = _text(file, notes)
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            event = plain_json(line, file.name, max_bytes=len(line) * 4 + 8)
        except SpecificationError as error:
            notes.add(f"{file.name}:{number}", f"not readable, so this event does not count: {error.problems[0].what}")
            continue
        if isinstance(event, dict) and isinstance(event.get("wp_id"), str):
            yield event


def _json(file: Path, notes: Notes) -> object:
    try:
        return plain_json(_text(file, notes), file.name, max_bytes=_MAX_BYTES)
    except SpecificationError as error:
        notes.add(error.problems[0].where, f"{error.problems[0].what}: {file.name} is not used")
        return None


def _text(file: Path, notes: Notes) -> str:
    try:
        return read_text(file, name=file.name, max_bytes=_MAX_BYTES)
    except SpecificationError as error:
        notes.add(error.problems[0].where, f"{error.problems[0].what}: {file.name} is not used")
        return ""


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {str(name): word for name, word in value.items() if isinstance(word, str)}
