"""The format of Beads: ``.beads/issues.jsonl``, one issue a line. What is read and what becomes of it stands in ``docs/formats-beads.md``."""
