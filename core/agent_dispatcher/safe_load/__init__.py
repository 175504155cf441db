"""Reads YAML and JSON that strangers wrote, and remembers where everything stood.

Neither format is handed to a loader that builds objects: YAML is read as a stream of parser events, JSON by a tokenizer, both without
recursion, so that nesting cannot exhaust the stack and nothing can be expanded or constructed. Refused are: more than a given
size, nesting deeper than :data:`MAX_DEPTH`, more than :data:`MAX_VALUES` values, aliases, anchors, tags and merge keys, several documents, duplicate keys, NUL, lone
surrogates, NaN and infinities, and numbers of absurd length. A byte order mark and CRLF are fine.

Of YAML only these plain scalars are not text: ``null``, ``~`` and nothing; ``true`` and ``false`` (in lower case, upper case or capitalized); integers
(``12``, ``-3``) and decimal fractions (``1.5``, ``1e3``). So ``no``, ``on``, ``2026-01-31``, ``12:30:00``, ``0x1F``, ``007`` and ``1_000`` are what they look like: texts.
Keys are always text.
"""

from __future__ import annotations

from .files import read_text
from .json_text import load_json, locate, plain_json
from .located import Located, Place
from .refusing import MAX_BYTES, MAX_DEPTH, MAX_VALUES
from .yaml_text import front_matter, load_yaml

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_VALUES",
    "Located",
    "Place",
    "front_matter",
    "load_json",
    "load_yaml",
    "locate",
    "plain_json",
    "read_text",
]
