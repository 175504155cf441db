"""Types of expressions, and the names that are seen at each point of a behaviour."""

from __future__ import annotations

import pytest

from agent_dispatcher.behaviour import (
    ExpressionProblem,
    Scope,
    Type,
    constraint_scope,
    infer,
    infer_text,
    operation_scopes,
    parse,
    row,
    rows,
)
from agent_dispatcher.models import (
    Assignment,
    Behaviour,
    Change,
    Entity,
    Expression,
    Field,
    Operation,
    Relation,
)

BOOK = Entity(
    name="Book",
    fields=(
        Field(name="title", type="text"),
        Field(name="pages", type="integer"),
        Field(name="price", type="decimal"),
        Field(name="lent", type="boolean"),
        Field(name="due", type="date"),
        Field(name="seen", type="datetime"),
        Field(name="shelf", type="choice", choices=("a", "b")),
        Field(name="owner", type="reference", entity="Member"),
    ),
    relations=(Relation(name="loans", entity="Loan", by="book"),),
)
MEMBER = Entity(name="Member", fields=(Field(name="name", type="text"),))
LOAN = Entity(
    name="Loan", fields=(Field(name="book", type="reference", entity="Book"), Field(name="fee", type="decimal"))
)
BEHAVIOUR = Behaviour(package="lib", entities=(BOOK, MEMBER, LOAN))
SCOPE = Scope(BEHAVIOUR, {"book": row("Book"), "other": row("Book"), "member": row("Member"), "n": Type("integer")})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("book.title + 'x'", "text"),
        ("book.shelf", "text"),
        ("book.pages + 1", "integer"),
        ("book.pages * book.price", "decimal"),
        ("book.pages / 2", "decimal"),
        ("book.pages % 2", "integer"),
        ("-book.price", "decimal"),
        ("book.id", "integer"),
        ("book.due - today()", "integer"),
        ("book.seen - now()", "duration"),
        ("book.due + days(n)", "date"),
        ("book.due - (days(n) + days(1))", "date"),
        ("book.due + -days(n)", "date"),
        ("book.seen + hours(n) - minutes(3)", "datetime"),
        ("book.seen - now() < hours(3)", "boolean"),
        ("book.owner", "a Member"),
        ("book.owner == member", "boolean"),
        ("book.owner == null", "boolean"),
        ("book.owner.name", "text"),
        ("book.pages == book.price", "boolean"),
        ("book.pages in [1, 2.5, null]", "boolean"),
        ("null and null", "boolean"),
        ("null", "null"),
        ("count(book.loans as l where l.fee > 1)", "integer"),
        ("exists(Loan as l where l.book == book)", "boolean"),
        ("sum(Loan as l: l.fee)", "decimal"),
        ("sum(book.loans as l: 1)", "integer"),
        ("select(Loan as l)", "rows of Loan"),
        ("book.loans", "rows of Loan"),
        ("min(book.pages, book.price)", "decimal"),
        ("max(book.due, today())", "date"),
        ("if(book.lent, null, book.owner)", "a Member"),
        ("coalesce(book.pages, 0.5)", "decimal"),
        ("abs(book.pages)", "integer"),
        ("round(book.pages, 2)", "decimal"),
        ("integer(book.price)", "integer"),
        ("length(trim(lower(upper(book.title))))", "integer"),
        ("contains(book.title, 'x') or starts_with(book.title, 'y') or ends_with(book.title, 'z')", "boolean"),
        ("year(book.seen) + month(book.due) + day(date(book.seen))", "integer"),
    ],
)
def test_types(text: str, expected: str) -> None:
    """Every sound expression has the type the language says."""
    assert str(infer(parse(text), SCOPE)) == expected


@pytest.mark.parametrize(
    ("text", "message", "position"),
    [
        ("boook.title", "there is no name 'boook' here: did you mean book?", 0),
        ("book.titel", "Book has no field or relation 'titel': did you mean title?", 5),
        ("book.title.x", "only a row has fields, and this is a text", 11),
        ("book.title + 1", "'+' does not work between a text and an integer", 11),
        ("book.title - 'x'", "'-' does not work", 11),
        ("book.price % 2", "'%' is for integers only", 11),
        ("book.lent < true", "wants values that have an order", 10),
        ("book < other", "wants values that have an order", 5),
        ("book == member", "cannot compare a Book with a Member", 5),
        ("book == 1", "cannot compare a Book with an integer", 5),
        ("book.due == book.seen", "cannot compare a date with a datetime", 9),
        ("n in [1, 'x']", "'in' cannot compare an integer with a text", 9),
        ("n and true", "a condition is true or false, and this is an integer", 0),
        ("not n", "a condition is true or false", 4),
        ("-book.title", "'-' wants a number or a duration", 0),
        ("book.due + 3", "write days(...) for the number of days", 9),
        ("book.due + hours(3)", "to a date only days(...) can be added", 9),
        ("days(1) + book.due", "'+' does not work between a duration and a date", 8),
        ("Book", "Book is an entity", 0),
        ("today", "today is a function: write today(...)", 0),
        ("lenght('x')", "there is no function 'lenght': did you mean length?", 0),
        ("length(n)", "length wants a text here, and this is an integer", 7),
        ("length('a', 'b')", "length has 1 argument, not 2", 0),
        ("min(1, 'a')", "min wants two values of one type", 0),
        ("if(1, 2, 3)", "a condition is true or false", 3),
        ("round(book.price, n)", "the digits of round are a number from 0 to 12", 18),
        ("round(book.price, 13)", "the digits of round are a number from 0 to 12", 18),
        ("book.loans == null", "these are rows of Loan: use count", 5),
        ("count(n as x)", "a selection runs over an entity or a relation, and this is an integer", 6),
        ("count(Lon as x)", "there is no entity or relation 'Lon': did you mean Loan?", 6),
        ("count(Loan as book)", "the name 'book' is taken here", 6),
        ("count(Loan as l where l.fee)", "a condition is true or false, and this is a decimal", 24),
        ("sum(Loan as l: l.book)", "sum adds numbers, and this is a Book", 17),
        ("count(Loan as l) + select(Loan as m)", "select(...) can only be the whole of 'returns'", 19),
    ],
)
def test_refused(text: str, message: str, position: int) -> None:
    """What makes no sense is refused with the reason and its place."""
    with pytest.raises(ExpressionProblem) as caught:
        infer(parse(text), SCOPE)
    assert message in caught.value.message
    assert caught.value.position == position


def test_written_expressions_are_quoted() -> None:
    """The error about an expression in a file names the line and shows the place."""
    with pytest.raises(ExpressionProblem) as caught:
        infer_text(Expression(text="n +\n  boook", source="spec.yaml:7"), SCOPE)
    assert str(caught.value) == (
        "spec.yaml:7: there is no name 'boook' here: did you mean book?, at column 3 of\n      boook\n      ^"
    )


def test_variables_do_not_leak() -> None:
    """A selection's variable is known only inside it."""
    with pytest.raises(ExpressionProblem, match="there is no name 'l'"):
        infer(parse("exists(Loan as l) and l.fee > 1"), SCOPE)


def test_constraints_see_their_row() -> None:
    """A constraint names id, fields and relations of its row, nothing else."""
    scope = constraint_scope(BEHAVIOUR, "Book")
    assert scope.names["id"] == Type("integer")
    assert scope.names["owner"] == row("Member")
    assert scope.names["loans"] == rows("Loan")
    assert str(infer(parse("exists(loans as l where l.id != id)"), scope)) == "boolean"
    assert "book" not in scope.names


def expression(text: str) -> Expression:
    return Expression(text=text, source="s:1")


def test_operations_see_what_happened_before() -> None:
    """Guards see inputs; changes see rows created before and their each variable; returns sees what is left."""
    operation = Operation(
        name="lend",
        inputs=(Field(name="book", type="reference", entity="Book"), Field(name="n", type="integer")),
        changes=(
            Change(
                kind="create",
                entity="Loan",
                name="loan",
                assignments=(Assignment(field="book", value=expression("book")),),
            ),
            Change(
                kind="set",
                target=expression("x"),
                each=expression("book.loans as x where x != loan"),
                assignments=(Assignment(field="fee", value=expression("1")),),
            ),
            Change(kind="delete", target=expression("book")),
        ),
    )
    scopes = operation_scopes(BEHAVIOUR, operation)
    assert set(scopes.guards.names) == {"book", "n"}
    assert [set(seen.inside.names) for seen in scopes.changes] == [
        {"book", "n"},
        {"book", "n", "loan", "x"},
        {"book", "n", "loan"},
    ]
    assert [seen.entity for seen in scopes.changes] == ["Loan", "Loan", "Book"]
    assert "x" not in scopes.changes[1].before.names
    assert set(scopes.returns.names) == {"n", "loan"}


@pytest.mark.parametrize(("kind", "text"), [("set", "n"), ("delete", "book.loans")])
def test_targets_are_rows(kind: str, text: str) -> None:
    """Only a row can be set or deleted."""
    operation = Operation(
        name="lend",
        inputs=(Field(name="book", type="reference", entity="Book"), Field(name="n", type="integer")),
        changes=(Change(kind=kind, target=expression(text)),),
    )
    with pytest.raises(ExpressionProblem, match="must be a row"):
        operation_scopes(BEHAVIOUR, operation)
