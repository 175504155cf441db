"""The language in which a specification declares behaviour as data: parse it, type it, convert its values.

Formats use it to refuse what makes no sense, agents to derive code and tests. It evaluates nothing: an implementation
of the meaning belongs to whoever needs one (the generator compiles it, the tester interprets it), so that two independent
readings of the same page can check each other.
"""
