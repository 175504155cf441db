"""Expressions of the specification as Python: direct where nothing can be null, with a named helper where something can.

A :class:`Compiler` knows the names that an expression sees and gives flat source text; what that text needs to have imported is seen
from the finished module. A row is compiled in one of two forms: its identity (an id) for comparisons and references, or the row itself when a field is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from attrs import evolve, field, frozen, mutable

from agent_dispatcher.behaviour import (
    Aggregate,
    Attribute,
    Binary,
    Call,
    In,
    IsNull,
    Literal,
    Name,
    Node,
    Scope,
    Selection,
    Type,
    Unary,
    bind_selection,
    infer,
)
from agent_dispatcher.models import Behaviour, Entity, Field

from ...languages.python.interface import PYTHON_TYPES, class_name, entity_slug, identifier
from . import text

__all__ = ["Code", "Compiler", "RowName", "python_type", "walk"]

# How tightly the outermost operator of a source text binds.
_CHOICE, _OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _SIGN, _ATOM = range(9)

_FLIPPED = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_METHODS = {"lower": "lower", "upper": "upper", "trim": "strip", "starts_with": "startswith", "ends_with": "endswith"}
_SPANS = ("days", "hours", "minutes")


@frozen
class Code:
    """An expression in Python.

    Attributes:
        text: flat source text.
        type: what it is in the specification's terms.
        nullable: whether it can be ``None``.
        binds: how tightly its outermost operator binds.
    """

    text: str
    type: Type
    nullable: bool = False
    binds: int = _ATOM

    def at(self, level: int) -> str:
        """The text, in parentheses where something that binds at ``level`` stands around it."""
        return self.text if self.binds >= level else f"({self.text})"

    @property
    def simple(self) -> bool:
        """Whether it is a name or a path of attributes, so that it may stand twice."""
        return all(part.isidentifier() for part in self.text.split("."))


@frozen(kw_only=True)
class RowName:
    """How a name that stands for a row is written at this point of the code.

    Attributes:
        ident: source text of its id.
        row: source text of the row itself, as it is now; ``None`` where it has to be read from the storage.
        row_nullable: whether ``row`` can be ``None``.
        nullable: whether there may be no row at all.
        gone: whether the row may have been deleted meanwhile.
        stored: whether ``ident`` is the ``id`` of a row object, which has type ``int | None``.
        key: what is told to :attr:`Compiler.read` when the row object is used.
    """

    entity: Entity
    ident: str
    row: str | None = None
    row_nullable: bool = False
    nullable: bool = False
    gone: bool = False
    stored: bool = False
    key: str = ""


@mutable
class Compiler:
    """Compiles the expressions of one function.

    Attributes:
        scope: the names and their types.
        rows: how each name of a row is written.
        fields: how each other name is written, and whether it can be null.
        own: the entity whose fields and relations are names here (constraints).
        own_row: source text of that row.
        taken: names that a variable of a comprehension cannot have.
        read: keys of the row names whose ``row`` was used.
        hoist: gives a name to an aggregate that is not inside another one; ``None`` leaves aggregates where they are.
    """

    behaviour: Behaviour
    scope: Scope
    rows: dict[str, RowName] = field(factory=dict)
    fields: dict[str, tuple[str, bool]] = field(factory=dict)
    own: Entity | None = None
    own_row: str = ""
    taken: frozenset[str] = frozenset()
    read: set[str] = field(factory=set)
    hoist: Callable[[Aggregate, str, Code], str] | None = None
    _known: frozenset[str] = frozenset()
    _depth: int = 0

    # --- entry points

    def value(self, node: Node) -> Code:
        """The value of a node: ``None`` for null; the id of a row."""
        code = self._value(node)
        if code.nullable and code.text in self._known:
            return evolve(code, nullable=False)
        return code

    def condition(self, node: Node, *, negated: bool = False) -> Code:
        """A node where a condition is expected: null counts as false. ``negated`` gives the opposite without a ``not`` around it."""
        return self._condition(node, negated)

    def row(self, node: Node) -> Code:
        """A node of row type as the row object."""
        if isinstance(node, Name) and node.name in self.rows:
            return self._named_row(self.rows[node.name])
        ident = self.value(node)
        return self._stored_row(self.behaviour.entity(str(ident.type.entity)), ident)

    def selection(self, selection: Selection) -> Code:
        """The rows of a selection as a list."""
        entity, variable, collection, conditions = self._selected(selection)
        type_ = Type("rows", entity.name)
        with self._bound(selection, entity, variable):
            condition = self._joined(conditions)
        if condition is None:
            return Code(collection, type_)
        return Code(f"[{variable} for {variable} in {collection} if {condition.at(_OR)}]", type_)

    def as_type(self, code: Code, wanted: Type) -> Code:
        """``code`` where a value of type ``wanted`` is expected: an integer becomes a decimal."""
        if wanted.kind != "decimal" or code.type.kind != "integer":
            return code
        if code.nullable:
            return Code(f"values.apply(Decimal, {code.text})", wanted, nullable=True)
        return Code(f"Decimal({code.text})", wanted)

    # --- rows

    def _named_row(self, name: RowName) -> Code:
        type_ = Type("row", name.entity.name)
        if name.key and (name.row is not None or name.stored):
            self.read.add(name.key)
        if name.row is not None:
            nullable = name.row_nullable and name.row not in self._known
            return Code(name.row, type_, nullable=nullable)
        return self._stored_row(name.entity, Code(name.ident, type_, nullable=name.nullable or name.gone))

    def _stored_row(self, entity: Entity, ident: Code) -> Code:
        method = "get" if ident.nullable else "require"
        return Code(
            f"storage.{method}({class_name(entity)}, {ident.text})",
            Type("row", entity.name),
            nullable=ident.nullable,
        )

    def _identity(self, name: RowName, *, typed: bool) -> Code:
        """The id of a named row; ``typed`` where the type checker must know that it is an integer."""
        type_ = Type("row", name.entity.name)
        if name.key and name.stored:
            self.read.add(name.key)
        if name.gone:
            row = self._stored_row(name.entity, Code(name.ident, type_, nullable=True))
            return Code(f"values.apply(values.id_of, {row.text})", type_, nullable=True)
        if name.stored and typed:
            return Code(f"values.id_of({name.ident.removesuffix('.id')})", type_)
        return Code(name.ident, type_, nullable=name.nullable and name.ident not in self._known)

    def identity(self, node: Node, *, typed: bool = False) -> Code:
        """A node of row type as an id."""
        if isinstance(node, Name) and node.name in self.rows:
            return self._identity(self.rows[node.name], typed=typed)
        return self.value(node)

    # --- values

    def _value(self, node: Node) -> Code:
        match node:
            case Literal():
                return self._literal(node)
            case Name():
                return self._name(node)
            case Attribute():
                return self._attribute(node)
            case Unary(operator="-"):
                return self._negative(node)
            case Binary(operator="+" | "-" | "*" | "/" | "%"):
                return self._arithmetic(node)
            case Call():
                return self._call(node)
            case Aggregate():
                return self._aggregate(node)
            case _:
                code = self._condition(node, False)
                return code if self._is_boolean(node) else Code(f"bool({code.text})", code.type)

    def _type(self, node: Node) -> Type:
        return infer(node, self.scope)

    def _is_boolean(self, node: Node) -> bool:
        """Whether the compiled condition is ``True`` or ``False``, and not just true or false."""
        match node:
            case Binary(operator="and" | "or", left=left, right=right):
                return self._is_boolean(left) and self._is_boolean(right)
            case Unary() | Binary() | In() | IsNull():
                return True
            case _:
                hoist, self.hoist = self.hoist, None
                nullable = self.value(node).nullable
                self.hoist = hoist
                return not nullable

    def _literal(self, node: Literal) -> Code:
        return Code(text.value(node.value), self._type(node), nullable=node.value is None)

    def _name(self, node: Name) -> Code:
        if node.name in self.rows:
            return self._identity(self.rows[node.name], typed=True)
        if self.own is not None and node.name == "id":
            return Code(f"values.id_of({self.own_row})", _INTEGER)
        source, nullable = self.fields[node.name]
        return Code(source, self._type(node), nullable=nullable)

    def _attribute(self, node: Attribute) -> Code:
        type_ = self._type(node)
        row = self.row(node.target)
        entity = self.behaviour.entity(str(row.type.entity))
        if node.name == "id":
            ident = self.identity(node.target, typed=True)
            return Code(ident.text, type_, nullable=ident.nullable)
        declared = next(declared for declared in entity.fields if declared.name == node.name)
        attribute = identifier(node.name)
        if not row.nullable:
            return Code(f"{row.at(_ATOM)}.{attribute}", type_, nullable=not declared.required)
        if row.simple:
            source = f"{row.text}.{attribute} if {row.text} is not None else None"
            return Code(source, type_, nullable=True, binds=_CHOICE)
        return self._applied(f"lambda row: row.{attribute}", row, type_)

    def _applied(self, function: str, code: Code, type_: Type) -> Code:
        """A function of something that can be null."""
        return Code(f"values.apply({function}, {code.text})", type_, nullable=True)

    def _negative(self, node: Unary) -> Code:
        operand = self.value(node.operand)
        if operand.nullable:
            return Code(f"values.negate({operand.text})", operand.type, nullable=True)
        return Code(f"-{operand.at(_SIGN)}", operand.type, binds=_SIGN)

    def _arithmetic(self, node: Binary) -> Code:
        type_, left, right = self._type(node), self.value(node.left), self.value(node.right)
        kinds = (left.type.kind, right.type.kind)
        if node.operator == "/":
            return self._quotient(left, right, type_)
        if node.operator == "%" and not _not_zero(node.right):
            return self._helped("remainder", left, right, type_)
        if kinds[1] == "duration" and kinds[0] in ("date", "datetime"):
            moved = right if node.operator == "+" else self._negative(Unary("-", node.right))
            return self._helped("shift", left, moved, type_)
        if kinds == ("duration", "duration"):
            return self._helped({"+": "add", "-": "subtract"}[node.operator], left, right, type_)
        if kinds == ("date", "date"):
            if left.nullable or right.nullable:
                return self._helped("days_between", left, right, type_)
            return Code(f"({left.at(_SUM)} - {right.at(_PRODUCT)}).days", type_)
        if left.nullable or right.nullable:
            if kinds == ("datetime", "datetime"):
                return self._helped("time_between", left, right, type_)
            name = {"+": "add", "-": "subtract", "*": "multiply", "%": "remainder"}[node.operator]
            return self._helped(name, self.as_type(left, type_), self.as_type(right, type_), type_)
        level = _SUM if node.operator in "+-" else _PRODUCT
        return Code(f"{left.at(level)} {node.operator} {right.at(level + 1)}", type_, binds=level)

    def _quotient(self, left: Code, right: Code, type_: Type) -> Code:
        left, right = self.as_type(left, type_), self.as_type(right, type_)
        return self._helped("divide", left, right, type_)

    def _helped(self, helper: str, left: Code, right: Code, type_: Type) -> Code:
        return Code(f"values.{helper}({left.text}, {right.text})", type_, nullable=True)

    # --- functions

    def _call(self, node: Call) -> Code:
        type_, function = self._type(node), node.function
        if function in ("today", "now"):
            return Code(f"storage.{function}()", type_)
        if function == "if":
            return self._choice(node, type_)
        codes = [self.value(argument) for argument in node.arguments]
        if function == "coalesce":
            return self._coalesce(self.as_type(codes[0], type_), self.as_type(codes[1], type_), type_)
        if function in _SPANS:
            return self._span(node, codes[0], type_)
        if function == "round":
            number = self.as_type(codes[0], type_)
            return Code(f"values.rounded({number.text}, {codes[1].text})", type_, nullable=True)
        if function in ("min", "max"):
            codes = [self.as_type(code, type_) for code in codes]
            if any(code.nullable for code in codes):
                return self._helped({"min": "smaller", "max": "larger"}[function], codes[0], codes[1], type_)
            return Code(f"{function}({codes[0].text}, {codes[1].text})", type_)
        if function == "contains":
            return self._predicate(
                codes, lambda whole, part: Code(f"{part.at(_SUM)} in {whole.at(_SUM)}", type_, False, _COMPARE)
            )
        if function in ("starts_with", "ends_with"):
            method = _METHODS[function]
            return self._predicate(codes, lambda whole, part: Code(f"{whole.at(_ATOM)}.{method}({part.text})", type_))
        return self._of_one(function, codes[0], type_)

    def _of_one(self, function: str, code: Code, type_: Type) -> Code:
        if function in _METHODS:
            direct, applied = f"{code.at(_ATOM)}.{_METHODS[function]}()", f"str.{_METHODS[function]}"
        elif function in ("year", "month", "day"):
            direct, applied = f"{code.at(_ATOM)}.{function}", f"lambda day: day.{function}"
        elif function == "date":
            direct, applied = f"{code.at(_ATOM)}.date()", "lambda moment: moment.date()"
        else:
            name = {"length": "len", "abs": "abs", "integer": "int"}[function]
            direct, applied = f"{name}({code.text})", name
        if not code.nullable:
            return Code(direct, type_)
        if code.simple:
            return Code(f"{direct} if {code.text} is not None else None", type_, nullable=True, binds=_CHOICE)
        return self._applied(applied, code, type_)

    def _predicate(self, codes: list[Code], make: Callable[[Code, Code], Code]) -> Code:
        """A test of two texts that is null when one of them is."""
        direct = make(*codes)
        missing = [code for code in codes if code.nullable]
        if not missing:
            return direct
        if all(code.simple for code in missing):
            tests = " and ".join(f"{code.text} is not None" for code in missing)
            return Code(f"{direct.at(_OR)} if {tests} else None", direct.type, nullable=True, binds=_CHOICE)
        plain = make(Code("whole", codes[0].type), Code("part", codes[1].type))
        call = f"values.combine(lambda whole, part: {plain.text}, {codes[0].text}, {codes[1].text})"
        return Code(call, direct.type, nullable=True)

    def _span(self, node: Call, amount: Code, type_: Type) -> Code:
        number = node.arguments[0]
        if isinstance(number, Literal) and isinstance(number.value, int) and number.value < 10**9:
            return Code(f"timedelta({node.function}={amount.text})", type_)
        return Code(f"values.{node.function}({amount.text})", type_, nullable=True)

    def _coalesce(self, first: Code, second: Code, type_: Type) -> Code:
        if not first.nullable:
            return evolve(first, type=type_)
        if first.text == "None":
            return evolve(second, type=type_)
        if first.simple:
            source = f"{first.text} if {first.text} is not None else {second.at(_CHOICE)}"
            return Code(source, type_, nullable=second.nullable, binds=_CHOICE)
        return Code(f"values.coalesce({first.text}, {second.text})", type_, nullable=second.nullable)

    def _choice(self, node: Call, type_: Type) -> Code:
        test, yes, no = node.arguments
        condition = self.condition(test)
        with self._knowing(self._facts(test, holds=True)):
            first = self.as_type(self.value(yes), type_)
        with self._knowing(self._facts(test, holds=False)):
            second = self.as_type(self.value(no), type_)
        source = f"{first.at(_OR)} if {condition.at(_OR)} else {second.at(_CHOICE)}"
        return Code(source, type_, nullable=first.nullable or second.nullable, binds=_CHOICE)

    # --- conditions

    def _condition(self, node: Node, negated: bool) -> Code:
        match node:
            case Unary(operator="not"):
                return self._condition(node.operand, not negated)
            case Binary(operator="and" | "or"):
                return self._connected(node, negated)
            case Binary(operator="==" | "!="):
                return self._equality(node, negated)
            case Binary(operator="<" | "<=" | ">" | ">="):
                return self._ordering(node, negated)
            case In():
                return self._membership(node, negated)
            case IsNull():
                code = self._presence(node.operand)
                word = "is not" if node.negated != negated else "is"
                return Code(f"{code.at(_SUM)} {word} None", _BOOLEAN, binds=_COMPARE)
            case Literal(value=None):
                return Code(repr(negated), _BOOLEAN)
            case Literal(value=bool() as constant):
                return Code(repr(constant != negated), _BOOLEAN)
            case Call(function="contains", arguments=(whole, part)):
                codes = self.value(whole), self.value(part)
                if not any(code.nullable for code in codes):
                    word = "not in" if negated else "in"
                    return Code(f"{codes[1].at(_SUM)} {word} {codes[0].at(_SUM)}", _BOOLEAN, binds=_COMPARE)
        code = self.value(node)
        return Code(f"not {code.at(_NOT)}", _BOOLEAN, binds=_NOT) if negated else code

    def _connected(self, node: Binary, negated: bool) -> Code:
        """``and`` and ``or``; the right side may rely on what the left one has made sure of."""
        word = node.operator if not negated else {"and": "or", "or": "and"}[node.operator]
        level = _AND if word == "and" else _OR
        left = self._condition(node.left, negated)
        with self._knowing(self._facts(node.left, holds=node.operator == "and")):
            right = self._condition(node.right, negated)
        return Code(f"{left.at(level)} {word} {right.at(level)}", _BOOLEAN, binds=level)

    def _operand(self, node: Node) -> Code:
        """One side of an equality, where an id need not be known to be an integer."""
        match node:
            case Attribute(target=target, name="id"):
                return evolve(self.identity(target), type=_INTEGER)
            case Name(name="id") if self.own is not None:
                return Code(f"{self.own_row}.id", _INTEGER)
        return self.identity(node) if self._type(node).kind == "row" else self.value(node)

    def _presence(self, node: Node) -> Code:
        """What is looked at to see whether ``node`` is null."""
        if isinstance(node, Name) and node.name in self.rows:
            name = self.rows[node.name]
            if name.row is not None and name.row_nullable:
                return self._named_row(name)
        return self._operand(node)

    def _equality(self, node: Binary, negated: bool) -> Code:
        operator = _FLIPPED[node.operator] if negated else node.operator
        left, right = self._operand(node.left), self._operand(node.right)
        if left.text == "None":
            left, right = right, left
        if right.text in ("None", "True", "False"):
            word = "is" if operator == "==" else "is not"
            return Code(f"{left.at(_SUM)} {word} {right.text}", _BOOLEAN, binds=_COMPARE)
        return Code(f"{left.at(_SUM)} {operator} {right.at(_SUM)}", _BOOLEAN, binds=_COMPARE)

    def _ordering(self, node: Binary, negated: bool) -> Code:
        left, right = self.value(node.left), self.value(node.right)
        missing = [code for code in dict.fromkeys((left, right)) if code.nullable]
        operator = _FLIPPED[node.operator] if negated else node.operator
        plain = Code(f"{left.at(_SUM)} {operator} {right.at(_SUM)}", _BOOLEAN, binds=_COMPARE)
        if not missing:
            return plain
        if any(code.text == "None" for code in missing):
            return Code(repr(negated), _BOOLEAN)
        if all(code.simple for code in missing):
            word, level, test = ("or", _OR, "is") if negated else ("and", _AND, "is not")
            tests = [f"{code.text} {test} None" for code in missing]
            return Code(f" {word} ".join([*tests, plain.text]), _BOOLEAN, binds=level)
        helper = "less" if node.operator in ("<", ">") else "at_most"
        first, second = (left, right) if node.operator in ("<", "<=") else (right, left)
        call = f"values.{helper}({first.text}, {second.text})"
        return Code(f"not {call}", _BOOLEAN, binds=_NOT) if negated else Code(call, _BOOLEAN)

    def _membership(self, node: In, negated: bool) -> Code:
        word = "not in" if node.negated != negated else "in"
        value, options = self._operand(node.value), [self._operand(option) for option in node.options]
        given = [option for option in options if option.text != "None"]
        if value.text == "None" or not given:
            return Code(repr(word == "not in"), _BOOLEAN)
        listed = ", ".join(option.text for option in given) + ("," if len(given) == 1 else "")
        if len(given) == 1 and not given[0].nullable:
            operator = "==" if word == "in" else "!="
            if given[0].text in ("True", "False"):
                operator = "is" if word == "in" else "is not"
            return Code(f"{value.at(_SUM)} {operator} {given[0].at(_SUM)}", _BOOLEAN, binds=_COMPARE)
        if value.nullable and any(option.nullable for option in given):
            call = f"values.among({value.text}, ({listed}))"
            return Code(f"not {call}", _BOOLEAN, binds=_NOT) if word == "not in" else Code(call, _BOOLEAN)
        return Code(f"{value.at(_SUM)} {word} ({listed})", _BOOLEAN, binds=_COMPARE)

    def _facts(self, node: Node, *, holds: bool) -> frozenset[str]:
        """Source texts that cannot be null when ``node`` holds (or, not ``holds``, when it does not)."""
        hoist, self.hoist = self.hoist, None
        try:
            return frozenset(self._found_facts(node, holds))
        finally:
            self.hoist = hoist

    def _found_facts(self, node: Node, holds: bool) -> set[str]:
        match node:
            case Unary(operator="not"):
                return self._found_facts(node.operand, not holds)
            case Binary(operator="and" | "or") if (node.operator == "and") == holds:
                return self._found_facts(node.left, holds) | self._found_facts(node.right, holds)
            case IsNull() if node.negated == holds:
                code = self._presence(node.operand)
                return {code.text} if code.simple else set()
            case Binary(operator="<" | "<=" | ">" | ">=") if holds:
                missing = [code for code in (self.value(node.left), self.value(node.right)) if code.nullable]
                return {code.text for code in missing} if all(code.simple for code in missing) else set()
            case _:
                return set()

    @contextmanager
    def _knowing(self, facts: Iterable[str]) -> Iterator[None]:
        """Within it, the given source texts are known not to be null."""
        before = self._known
        self._known = before | frozenset(facts)
        try:
            yield
        finally:
            self._known = before

    # --- aggregates

    def _aggregate(self, node: Aggregate) -> Code:
        type_ = self._type(node)
        entity, variable, collection, conditions = self._selected(node.selection)
        self._depth += 1
        with self._bound(node.selection, entity, variable):
            condition = self._joined(conditions)
            if node.kind == "count":
                source = _counted(variable, collection, condition)
            elif node.kind == "exists":
                source = (
                    f"bool({collection})"
                    if condition is None
                    else f"any({condition.text} for {variable} in {collection})"
                )
            else:
                source = self._total(node, variable, collection, conditions, condition, type_)
        self._depth -= 1
        code = Code(source, type_)
        if self.hoist is not None and self._depth == 0 and not self._known:
            return evolve(code, text=self.hoist(node, entity_slug(entity.name), code))
        return code

    def _total(
        self,
        node: Aggregate,
        variable: str,
        collection: str,
        conditions: list[Node],
        condition: Code | None,
        type_: Type,
    ) -> str:
        assert node.value is not None
        facts = [fact for part in conditions for fact in self._facts(part, holds=True)]
        with self._knowing(facts):
            number = self.value(node.value)
        loop = f"for {variable} in {collection}" + (f" if {condition.at(_OR)}" if condition else "")
        start = ", Decimal(0)" if type_.kind == "decimal" else ""
        if not number.nullable:
            items = f"{number.at(_OR)} {loop}"
        elif number.simple:
            both = f"{condition.at(_AND)} and " if condition else ""
            items = f"{number.text} for {variable} in {collection} if {both}{number.text} is not None"
        else:
            items = f"number for number in ({number.at(_OR)} {loop}) if number is not None"
        return f"sum(({items}){start})" if start else f"sum({items})"

    def _selected(self, selection: Selection) -> tuple[Entity, str, str, list[Node]]:
        """The entity, the variable, the source text of the rows, and the conditions that text does not fulfil yet."""
        name, _ = bind_selection(selection, self.scope)
        entity = self.behaviour.entity(name)
        row_class = class_name(entity)
        references: dict[str, Code] = {}
        collection = selection.collection
        if isinstance(collection, Attribute):
            owner = self.identity(collection.target)
            references[_by(self.behaviour.entity(str(owner.type.entity)), collection.name)] = owner
        elif isinstance(collection, Name) and collection.name in self.scope.names:
            assert self.own is not None
            references[_by(self.own, collection.name)] = Code(f"{self.own_row}.id", _INTEGER)
        remaining: list[Node] = []
        for part in _conjuncts(selection.condition):
            found = self._reference_test(part, selection.variable, entity)
            if found is None or found[0] in references:
                remaining.append(part)
            else:
                references[found[0]] = found[1]
        variable = self.variable(selection.variable, entity)
        if not references:
            return entity, variable, f"storage.all({row_class})", remaining
        given = ", ".join(f"{identifier(by)}={owner.text}" for by, owner in references.items())
        return entity, variable, f"storage.where({row_class}, {given})", remaining

    def _reference_test(self, node: Node, variable: str, entity: Entity) -> tuple[str, Code] | None:
        """``variable.field == other`` where the field is a reference and ``other`` does not depend on the variable and is not null."""
        if not (isinstance(node, Binary) and node.operator == "=="):
            return None
        for side, other in ((node.left, node.right), (node.right, node.left)):
            if not (isinstance(side, Attribute) and side.target == Name(variable, side.target.position)):
                continue
            declared = next((declared for declared in entity.fields if declared.name == side.name), None)
            if declared is None or declared.type != "reference" or variable in _names(other):
                continue
            code = self.identity(other)
            if not code.nullable:
                return side.name, code
        return None

    def variable(self, name: str, entity: Entity) -> str:
        """The name of a selection's variable in Python."""
        variable = identifier(name)
        slug = identifier(entity_slug(entity.name))
        free = slug not in self.taken and slug not in self.scope.names
        if variable in ("l", "O", "I") or not variable.islower():
            variable = slug if free else f"{slug}_{variable.lower()}"
        bound = {name.row for name in self.rows.values()}
        while variable in self.taken or variable in bound:
            variable += "_"
        return variable

    @contextmanager
    def _bound(self, selection: Selection, entity: Entity, variable: str) -> Iterator[None]:
        """Within it, the selection's variable is a row."""
        scope, rows = self.scope, self.rows
        _, self.scope = bind_selection(selection, scope)
        bound = RowName(entity=entity, ident=f"{variable}.id", row=variable, stored=True)
        self.rows = {**rows, selection.variable: bound}
        try:
            yield
        finally:
            self.scope, self.rows = scope, rows

    def _joined(self, conditions: list[Node]) -> Code | None:
        if not conditions:
            return None
        whole = conditions[0]
        for part in conditions[1:]:
            whole = Binary("and", whole, part)
        return self.condition(whole)


_BOOLEAN, _INTEGER = Type("boolean"), Type("integer")


def python_type(declared: Field | Type, behaviour: Behaviour, *, nullable: bool) -> str:
    """The annotation of a field or of an expression's result; a row is its class, a reference an ``int``."""
    if isinstance(declared, Type) and declared.kind in ("row", "rows"):
        name = class_name(behaviour.entity(str(declared.entity)))
        name = f"list[{name}]" if declared.kind == "rows" else name
    elif isinstance(declared, Type):
        name = {"duration": "timedelta", "null": "None"}.get(declared.kind) or PYTHON_TYPES[declared.kind]
    else:
        name = PYTHON_TYPES[declared.type]
    return f"{name} | None" if nullable and name != "None" else name


def walk(node: Node | Selection) -> Iterator[Node | Selection]:
    """A node and everything below it."""
    yield node
    below: tuple[Node | Selection | None, ...]
    match node:
        case Attribute(target=target):
            below = (target,)
        case Unary(operand=operand) | IsNull(operand=operand):
            below = (operand,)
        case Binary(left=left, right=right):
            below = (left, right)
        case In(value=value, options=options):
            below = (value, *options)
        case Call(arguments=arguments):
            below = arguments
        case Aggregate(selection=selection, value=value):
            below = (selection, value)
        case Selection(collection=collection, condition=condition):
            below = (collection, condition)
        case _:
            below = ()
    for part in below:
        if part is not None:
            yield from walk(part)


def _by(owner: Entity, relation: str) -> str:
    """The reference field through which a relation's rows point at their owner."""
    return next(declared.by for declared in owner.relations if declared.name == relation)


def _names(node: Node) -> set[str]:
    return {part.name for part in walk(node) if isinstance(part, Name)}


def _counted(variable: str, collection: str, condition: Code | None) -> str:
    if condition is None:
        return f"len({collection})"
    return f"sum(1 for {variable} in {collection} if {condition.at(_OR)})"


def _conjuncts(node: Node | None) -> list[Node]:
    if node is None:
        return []
    if isinstance(node, Binary) and node.operator == "and":
        return [*_conjuncts(node.left), *_conjuncts(node.right)]
    return [node]


def _not_zero(node: Node) -> bool:
    return isinstance(node, Literal) and isinstance(node.value, int | Decimal) and node.value != 0
