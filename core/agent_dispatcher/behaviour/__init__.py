"""The language in which a specification declares behaviour as data: parse it, type it, convert its values.

Formats use it to refuse what makes no sense, agents to derive code and tests. It evaluates nothing: an implementation
of the meaning belongs to whoever needs one (the generator compiles it, the tester interprets it), so that two independent
readings of the same page can check each other.
"""

from __future__ import annotations

from ._names import entity_slug, is_name
from .checking import by_place, check_behaviour
from .expression import (
    Aggregate,
    Attribute,
    Binary,
    Call,
    In,
    IsNull,
    Literal,
    Name,
    Node,
    Selection,
    Unary,
    Value,
)
from .functions import FUNCTIONS
from .inference import bind_selection, infer, infer_text, select_text
from .parser import KEYWORDS, children, parse, parse_selection
from .patterns import PatternProblem, portable
from .problems import ExpressionProblem, close_matches, hint
from .scopes import ChangeScope, OperationScopes, constraint_scope, operation_scopes
from .types import Scope, Type, assignable, field_type, row, rows
from .unparse import unparse, unparse_selection
from .values import from_value, to_value

__all__ = [
    "FUNCTIONS",
    "KEYWORDS",
    "Aggregate",
    "Attribute",
    "Binary",
    "Call",
    "ChangeScope",
    "ExpressionProblem",
    "In",
    "IsNull",
    "Literal",
    "Name",
    "Node",
    "OperationScopes",
    "PatternProblem",
    "Scope",
    "Selection",
    "Type",
    "Unary",
    "Value",
    "assignable",
    "bind_selection",
    "by_place",
    "check_behaviour",
    "children",
    "close_matches",
    "constraint_scope",
    "entity_slug",
    "field_type",
    "from_value",
    "hint",
    "infer",
    "infer_text",
    "is_name",
    "operation_scopes",
    "parse",
    "parse_selection",
    "portable",
    "row",
    "rows",
    "select_text",
    "to_value",
    "unparse",
    "unparse_selection",
]
