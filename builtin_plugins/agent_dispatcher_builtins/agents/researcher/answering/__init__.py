"""Answers a question with a model: what was read, what the model claims of it, and which of that could be found in what was read.

``library`` holds texts and finds passages, ``reading_round`` lets the model look for more with ``tools`` (pages from ``fetching``, servers from
``mcp_servers``), ``claims`` judges the answer, ``answer_note`` writes it down.
"""
