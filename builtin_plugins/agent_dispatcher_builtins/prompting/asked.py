"""What a reply asks to be made of files, as values."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

__all__ = ["Edits", "Replacement"]


@frozen
class Replacement:
    """Lines become other lines.

    Attributes:
        splits: ``(old, new)``, as lines, for each line that may be the divider; more than one where a line of the text looks like it. No ``old`` line: a
            file that does not exist yet.
    """

    splits: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


@frozen(kw_only=True)
class Edits:
    """What a reply asks for.

    Attributes:
        whole: path to the text of the whole file.
        replacements: path to what is replaced in it, in order; in that of ``whole`` where the path has both.
        deleted: paths of files that are to go.
        renamed: path to the path it gets; the other edits name the new one.
        only_named: paths that stand in a header and of which nothing else is said in the form; a fault unless the file is there and can stay as it is.
        unheard: path to what is to be written instead of a line that seems to delete or rename it; a fault if the file is there.
        faults: sentences about what cannot be understood.
    """

    whole: Mapping[str, str] = field(factory=dict)
    replacements: Mapping[str, tuple[Replacement, ...]] = field(factory=dict)
    deleted: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(factory=dict)
    only_named: tuple[str, ...] = ()
    unheard: Mapping[str, str] = field(factory=dict)
    faults: tuple[str, ...] = ()

    @property
    def anything(self) -> bool:
        """Whether it asks for anything."""
        return bool(self.whole or self.replacements or self.deleted or self.renamed)
