"""The native format: what is read, and that everything wrong is told at once with its line."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from agent_dispatcher.errors import SpecificationError, UsageError
from agent_dispatcher.models import ArtifactRef, DeclaredDependency, Specification
from agent_dispatcher.safe_load import load_yaml
from agent_dispatcher_builtins.specifications.native import NativeFormat, read_document

BASE = """\
format: agent-dispatcher/specification
version: 1
title: Small library
requirements:
  - {id: R1, text: Books are lent., priority: high}
  - {id: R2, text: Nobody is told.}
entities:
  Member:
    fields:
      name: text, required, unique
  Book:
    requirements: [R1]
    fields:
      title: {type: text, required: true, min_length: 1, max_length: 20, pattern: '[A-Z].*'}
      shelf: {type: choice, choices: [a, b], default: a}
      price: {type: decimal, default: 2.50, minimum: 0}
      holder: Member
      due: date
    relations:
      copies: Copy.book
    constraints:
      due_when_held: holder is null or due is not null
  Copy:
    fields:
      book: Book, required
operations:
  lend:
    requirements: [R1]
    inputs:
      book: Book, required
      member: {type: reference, entity: Member, required: true}
      days: {type: integer, default: 7, maximum: 30}
    requires:
      - error: already_lent
        that: book.holder is null
        message: It is out.
    changes:
      - set: book
        with: {holder: member, due: today() + days(days)}
      - create: Copy
        as: copy
        with: {book: book}
    returns: book.due
examples:
  - name: A book is lent
    call: lend
    now: 2026-01-01T09:00:00
    given:
      Member ada: {name: Ada}
      Book dune: {title: Dune, price: 12.50}
    with: {book: dune, member: ada}
    result: 2026-01-08
    then:
      Book dune: {holder: ada}
      new Copy: {book: dune}
    counts: {Copy: 1}
  - name: A book is lent once
    requirements: [R2]
    call: lend
    given:
      Member ada: {name: Ada}
      Book dune: {title: Dune, holder: ada, due: 2026-01-03}
    with: {book: dune, member: ada}
    error: already_lent
"""


def read(text: str) -> Specification:
    return read_document(load_yaml(text, "s.yaml"))


def line_of(text: str, part: str) -> int:
    """The number of the only line that holds ``part``."""
    lines = [number for number, line in enumerate(text.splitlines(), start=1) if part in line]
    assert len(lines) == 1, (part, lines)
    return lines[0]


def test_everything_is_read() -> None:
    """What stands in the document stands in the specification, with places."""
    found = read(BASE)
    assert (found.id, found.title, found.format) == ("small-library", "Small library", "native")
    assert [(one.id, one.priority, one.source) for one in found.requirements] == [
        ("R1", "high", "s.yaml:5"),
        ("R2", "medium", "s.yaml:6"),
    ]
    behaviour = found.behaviour
    assert behaviour is not None
    assert behaviour.package == "small_library"
    book = behaviour.entity("Book")
    assert (book.source, book.requirements) == (f"s.yaml:{line_of(BASE, '  Book:')}", ("R1",))
    title, shelf, price, holder, _ = book.fields
    assert (title.type, title.required, title.max_length, title.pattern) == ("text", True, 20, "[A-Z].*")
    assert (shelf.choices, shelf.default) == (("a", "b"), "a")
    assert (price.default, price.minimum) == ("2.50", 0)
    assert (holder.type, holder.entity, holder.required) == ("reference", "Member", False)
    assert (book.relations[0].entity, book.relations[0].by) == ("Copy", "book")
    assert book.constraints[0].error == "book_due_when_held"
    name = behaviour.entity("Member").fields[0]
    assert (name.type, name.required, name.unique) == ("text", True, True)
    lend = behaviour.operation("lend")
    assert lend.inputs[1].entity == "Member"
    assert (lend.requires[0].error, lend.requires[0].that.text) == ("already_lent", "book.holder is null")
    assert lend.requires[0].that.source == f"s.yaml:{line_of(BASE, 'that: book.holder')}"
    assert [change.kind for change in lend.changes] == ["set", "create"]
    assert [(one.field, one.value.text) for one in lend.changes[0].assignments] == [
        ("holder", "member"),
        ("due", "today() + days(days)"),
    ]
    assert (lend.changes[1].entity, lend.changes[1].name) == ("Copy", "copy")
    first, second = behaviour.examples
    assert (first.requirements, second.requirements) == (("R1",), ("R2",))
    assert (first.now, first.expects_result, first.result) == ("2026-01-01T09:00:00", True, "2026-01-08")
    assert [(one.entity, one.alias, one.values) for one in first.given] == [
        ("Member", "ada", {"name": "Ada"}),
        ("Book", "dune", {"title": "Dune", "price": "12.50"}),
    ]
    assert [(one.entity, one.alias, one.values) for one in first.then] == [
        ("Book", "dune", {"holder": "ada"}),
        ("Copy", None, {"book": "dune"}),
    ]
    assert (first.counts, second.error, second.expects_result) == ({"Copy": 1}, "already_lent", False)


FAULTS = [
    ("title: Small library", "titel: Small library", "has no key 'titel': did you mean title?", "titel"),
    ("version: 1", "version: 2", "version 2 of the format is not known", "version: 2"),
    ("format: agent-dispatcher/specification", "format: other", "this is no specification", "format: other"),
    ("priority: high", "priority: hihg", "there is no priority 'hihg': did you mean high?", "hihg"),
    ("id: R2", "id: R1", "requirement 'R1' is declared twice", "Nobody is told"),
    ("text: Nobody is told.", "text: ''", "the text of a requirement is empty", "id: R2"),
    (
        "    requirements: [R1]\n    fields:",
        "    requirements: [R9]\n    fields:",
        "there is no requirement 'R9'",
        "  Book:",
    ),
    ("shelf: {type: choice", "shelf: {type: chioce", "there is no type 'chioce': did you mean choice?", "chioce"),
    ("holder: Member", "holder: Membre", "there is no type 'Membre': did you mean Member?", "Membre"),
    ("text, required, unique", "text, requird", "after the type stand 'required' and 'unique'", "requird"),
    ("max_length: 20", "maxlength: 20", "has no key 'maxlength': did you mean max_length?", "maxlength"),
    ("max_length: 20", "max_length: long", "'max_length' must be a whole number, not a text", "long"),
    ("required: true, min", "required: yes, min", "'required' must be true or false, not 'yes'", "yes"),
    ("min_length: 1", "min_length: 30", "min_length 30 is greater than max_length 20", "min_length"),
    ("'[A-Z].*'", "'(a+)+'", "could take for ever", "(a+)+"),
    ("choices: [a, b]", "choices: [1, b]", "a choice is a text, and here is an integer", "[1, b]"),
    ("choices: [a, b]", "choices: [a, a]", "a choice stands twice", "[a, a]"),
    ("default: a}", "default: c}", "the default 'c' violates its own choice", "default: c"),
    ("default: 2.50", "default: free", "default: expected a decimal", "free"),
    ("minimum: 0", "minimum: 3", "the default '2.50' violates its own range", "minimum: 3"),
    ("minimum: 0", "minimum: nothing", "minimum: expected a decimal", "nothing"),
    ("holder: Member", "holder: {type: Member, default: ada}", "a reference cannot have a default", "default: ada"),
    ("due: date", "due: {type: date, pattern: x}", "only a text has a 'pattern'", "pattern: x"),
    ("due: date", "id: date", "a field cannot be called 'id'", "id: date"),
    ("due: date", "where: date", "a field cannot be called 'where'", "where: date"),
    ("due: date", "dueDate: date", "'dueDate' cannot be the name of a field", "dueDate"),
    ("due: date", "copies: date", "in Book the name 'copies' is declared twice", "copies: Copy.book"),
    ("  Copy:\n", "  copy:\n", "'copy' cannot be the name of an entity", "  copy:"),
    ("copies: Copy.book", "copies: Copi.book", "there is no entity 'Copi': did you mean Copy?", "Copi."),
    ("copies: Copy.book", "copies: Copy.bok", "Copy has no field 'bok': did you mean book?", "Copy.bok"),
    ("copies: Copy.book", "copies: Book.holder", "Book.holder does not refer to Book", "Book.holder"),
    ("due is not null\n", "due is not nul\n", "expected 'null'", "not nul"),
    ("due is not null\n", "due\n", "a condition is true or false, and this is a date", "null or due"),
    ("due is not null\n", "duo is not null\n", "there is no name 'duo' here: did you mean due?", "duo"),
    ("holder is null or due is not null", "due", "must be true or false, and 'due' is date", "due_when_held"),
    ("  lend:\n    req", "  Lend:\n    req", "'Lend' cannot be the name of an operation", "  Lend:"),
    ("default: 7, maximum: 30", "unique: true", "an input cannot be unique", "unique: true"),
    ("that: book.holder is null", "that: book.holdr is null", "Book has no field or relation 'holdr'", "holdr"),
    (
        "that: book.holder is null",
        "that: book.price",
        "the guard 'already_lent' must be true or false",
        "that: book.price",
    ),
    (
        "error: already_lent\n        that",
        "error: Already lent\n        that",
        "cannot be an error code",
        "Already lent",
    ),
    ("- set: book\n", "- set: days\n", "what is set must be a row, and this is integer", "set: days"),
    ("- set: book\n", "- set: book\n        delete: book\n", "a change does one thing", "- set: book"),
    ("- create: Copy\n", "- create: Copi\n", "there is no entity 'Copi': did you mean Copy?", "create: Copi"),
    ("as: copy", "as: book", "the name 'book' is taken in this operation", "- create"),
    ("with: {book: book}\n", "with: {}\n", "create Copy gives no value for book", "- create"),
    ("{holder: member, due", "{holdr: member, due", "Book has no field 'holdr': did you mean holder?", "holdr"),
    ("{holder: member, due", "{id: 3, due", "the id of a row is given by the storage", "id: 3"),
    ("{holder: member, due", "{copies: 3, due", "is a relation: set the reference on the other side", "copies: 3"),
    (
        "{holder: member, due",
        "{holder: book, due",
        "'holder' of Book is a Member, and 'book' is a Book",
        "holder: book",
    ),
    ("{holder: member, due", "{title: null, due", "is required and cannot become null", "title: null"),
    ("{holder: member, due", "{shelf: '\"c\"', due", "'c' is no choice of 'shelf'", "shelf: '\"c\"'"),
    ("{holder: member, due", "{holder: , due", "an expression is missing here", "holder: ,"),
    ("today() + days(days)", "today() + days", "write days(...) for the number of days", "today() + days"),
    (
        "returns: book.due",
        "returns: book.copies",
        "is a relation (write select(book.copies as x))",
        "returns: book.copies",
    ),
    ("returns: book.due", "returns: (book.due", "expected ')'", "returns: (book"),
    (
        "name: A book is lent\n",
        "name: A book is lent once\n",
        "the example 'A book is lent once' is declared twice",
        "- name: A book is lent once\n    requirements",
    ),
    (
        "    call: lend\n    now",
        "    call: lent\n    now",
        "there is no operation 'lent': did you mean lend?",
        "- name: A book is lent\n",
    ),
    ("now: 2026-01-01T09:00:00", "now: 2026-01-01", "now: expected a moment", "- name: A book is lent\n"),
    ("price: 12.50", "price: cheap", "Book dune: price: expected a decimal", "price: cheap"),
    ("price: 12.50", "colour: red", "Book has no field 'colour'", "colour"),
    ("title: Dune, price: 12.50", "price: 12.50", "Book dune has no value for title", "Book dune: {price"),
    (
        "with: {book: dune, member: ada}\n    error",
        "with: {book: ada, member: ada}\n    error",
        "input book: 'ada' is a Member, not a Book",
        "- name: A book is lent once",
    ),
    (
        "min_length: 1, max_length: 20",
        "min_length: 1, default: dune",
        "the default 'dune' violates its own pattern",
        "default: dune",
    ),
    ("Dune, holder: ada", "Dune, holder: eva", "no Member called 'eva' is given before", "holder: eva"),
    ("Dune, holder: ada", "Dune, holder: dune", "no Member called 'dune' is given before", "holder: dune"),
    ("      new Copy:", "      Copy:", "is called 'Entity alias' or 'new Entity', not 'Copy'", "      Copy: {"),
    ("      new Copy: {book: dune}", "      new Copy: gone", "a new Copy cannot be gone", "new Copy: gone"),
    ("      Book dune: {holder: ada}", "      Book dume: {holder: ada}", "no Book called 'dume'", "dume"),
    ("counts: {Copy: 1}", "counts: {Copi: 1}", "counts: there is no entity 'Copi'", "- name: A book is lent\n"),
    ("result: 2026-01-08", "result: soon", "result: expected a day", "- name: A book is lent\n"),
    ("result: 2026-01-08", "result: {due: 2026-01-08}", "returns one value, not a row", "- name: A book is lent\n"),
    (
        "    error: already_lent\n",
        "    error: alredy_lent\n",
        "never ends with the error 'alredy_lent': did you mean already_lent?",
        "- name: A book is lent once",
    ),
    (
        "    error: already_lent\n",
        "    error: already_lent\n    result: null\n",
        "an error or a result, not both",
        "- name: A book is lent once",
    ),
    (
        "    with: {book: dune, member: ada}\n    result",
        "    with: {book: dune}\n    result",
        "the call gives no value for member",
        "- name: A book is lent\n",
    ),
    (
        "    with: {book: dune, member: ada}\n    result",
        "    with: {book: dune, membr: ada}\n    result",
        "lend has no input 'membr': did you mean member?",
        "- name: A book is lent\n",
    ),
]


@pytest.mark.parametrize(("old", "new", "message", "at"), FAULTS)
def test_a_fault_is_told_with_its_line(old: str, new: str, message: str, at: str) -> None:
    """Each mistake gives a problem that says what is wrong at the line where it is."""
    assert old in BASE
    text = BASE.replace(old, new, 1)
    with pytest.raises(SpecificationError) as caught:
        read(text)
    where = {problem.where for problem in caught.value.problems if message in str(problem)}
    number = text[: text.index(at)].count("\n") + 1
    assert where == {f"s.yaml:{number}"}, str(caught.value)


def test_all_faults_at_once() -> None:
    """Independent mistakes are all told, in the order of their lines."""
    text = BASE.replace("due is not null\n", "duo is not null\n").replace(
        "book.holder is null\n", "book.holdr is null\n"
    )
    text = text.replace("counts: {Copy: 1}", "counts: {Copi: 1}")
    with pytest.raises(SpecificationError) as caught:
        read(text)
    lines = [int(problem.where.split(":")[1]) for problem in caught.value.problems]
    assert len(lines) == 3
    assert lines == sorted(lines)


def test_unreadable_parts_hide_only_what_rests_on_them() -> None:
    """A mistake in an example's shape does not hide one in an operation's expression."""
    text = BASE.replace("book.holder is null\n", "book.holdr is null\n").replace("counts: {Copy: 1}", "counts: 3")
    with pytest.raises(SpecificationError) as caught:
        read(text)
    assert [problem.what.partition(",")[0] for problem in caught.value.problems] == [
        "Book has no field or relation 'holdr': did you mean holder?",
        "'counts' must be a mapping",
    ]


def test_rows_that_need_each_other_are_refused() -> None:
    """Entities whose first row could never be created are named with the circle."""
    text = BASE.replace("name: text, required, unique", "name: text, required, unique\n      book: Book, required")
    text = text.replace("holder: Member", "holder: Member, required")
    with pytest.raises(SpecificationError) as caught:
        read(text)
    assert "no Member can ever be created: Member needs Book needs Member" in str(caught.value)


TASKS = """\
format: agent-dispatcher/specification
version: 1
title: Tasks
requirements: [{id: R1, text: Something.}]
tasks:
  - {id: T1, title: Write it, requirements: [R1], produces: [path: src/x.py], complexity: 2.5, estimate_s: 30, priority: 3}
  - {id: 2, title: Test it, type: testing, verifies: [T1], consumes: [{path: src/x.py}, {table: loan}]}
  - {id: T3, title: Say it, type: documentation, depends_on: [T1, 2], group: Pages}
"""


def test_tasks() -> None:
    """Explicit tasks keep their own ids, and name each other by ids that are stable."""
    first, second, third = read(TASKS).tasks
    assert [task.source_id for task in (first, second, third)] == ["T1", "2", "T3"]
    assert (first.complexity, first.estimate_s, first.priority, first.source) == (2.5, 30.0, 3, "s.yaml:6")
    assert first.produces == (ArtifactRef(type="path", name="src/x.py"),)
    assert second.consumes[1] == ArtifactRef(type="table", name="loan")
    assert second.verifies == (first.id,)
    assert [one.task for one in third.depends_on] == [first.id, second.id]
    assert third.depends_on[0] == DeclaredDependency(task=first.id, source="s.yaml:8")
    assert [task.id for task in read(TASKS).tasks] == [first.id, second.id, third.id]
    assert len({first.id, second.id, third.id}) == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("verifies: [T1]", "verifies: [T9]", r"s\.yaml:7: task '2': there is no task 'T9'"),
        ("id: T3", "id: T1", r"s\.yaml:8: task 'T1' is declared twice"),
        ("depends_on: [T1, 2]", "depends_on: [T3]", r"s\.yaml:8: task 'T3' cannot name itself"),
        ("requirements: [R1]", "requirements: [R2]", r"s\.yaml:6: task 'T1': there is no requirement 'R2'"),
        ("[path: src/x.py]", "[src/x.py]", r"s\.yaml:6: 'produces' is a list of entries like"),
        ("complexity: 2.5", "complexity: 0", r"s\.yaml:6: task 'T1': complexity must be above 0"),
    ],
)
def test_tasks_refused(old: str, new: str, message: str) -> None:
    """A task that names what is not there is refused with its line."""
    with pytest.raises(SpecificationError, match=message):
        read(TASKS.replace(old, new, 1))


def test_nothing_to_do_is_refused() -> None:
    """A document that asks for nothing is no specification."""
    with pytest.raises(SpecificationError, match=r"s\.yaml:1: the specification asks for nothing"):
        read("format: agent-dispatcher/specification\nversion: 1\ntitle: Empty\n")


def test_not_a_mapping() -> None:
    """A document that is a list, or empty, is refused with a sentence."""
    for text, kind in (("- a", "a list"), ("", "nothing")):
        with pytest.raises(SpecificationError, match=f"the specification must be a mapping, not {kind}"):
            read(text)


def test_title_that_makes_no_package() -> None:
    """A title no package name can be made of asks for one."""
    text = BASE.replace("title: Small library", "title: 3 books")
    with pytest.raises(SpecificationError, match=r"s\.yaml:3: '3_books' cannot be the name of a package"):
        read(text)
    assert read(text + "package: three_books\n").id == "3-books"


# --- files


def test_json_is_the_same_document(tmp_path: Path) -> None:
    """JSON of the same shape gives the same specification but for places."""
    plain = load_yaml(BASE).plain()
    plain["entities"]["Book"]["fields"]["price"]["default"] = "2.50"
    plain["examples"][0]["given"]["Book dune"]["price"] = "12.50"
    file = tmp_path / "s.json"
    file.write_text(json.dumps(plain, indent=1))
    found, expected = NativeFormat().load(file), read(BASE)
    without_places = re.compile(r"source='[^']*'")
    assert without_places.sub("", repr(found.behaviour)) == without_places.sub("", repr(expected.behaviour))
    assert found.behaviour is not None
    line = line_of(file.read_text(), '  "Book": {')
    assert found.behaviour.entity("Book").source == f"s.json:{line}"


def test_markdown(tmp_path: Path) -> None:
    """A page holds requirements as prose and behaviour in fenced blocks; places are those of the page."""
    page = tmp_path / "page.md"
    page.write_text(
        "---\nformat: agent-dispatcher/specification\nversion: 1\ntitle: Guests\n---\n# Guests\n\nHello.\n\n"
        "## Requirements\n\n- **R1** (high): Guests sign\n  with their name.\n  - Edge case: two of one name\n"
        "  - Given a guest, when the guest signs, then there is an entry.\n  - For ever.\n- **R2**: No more.\n\n"
        "## Data\n\n```yaml entities\nEntry:\n  fields:\n    name: text\n```\n\n```yaml\nnot: read\n```\n\n"
        "- **X1**: not a requirement here\n\n```yaml entities\nPage:\n  fields:\n    number: integer\n```\n"
    )
    found = NativeFormat().load(page)
    first, second = found.requirements
    assert (first.id, first.priority, first.text) == ("R1", "high", "Guests sign with their name.")
    assert (first.source, second.source) == ("page.md:12", "page.md:17")
    assert (first.edge_cases, first.constraints) == (("two of one name",), ("For ever.",))
    assert (first.scenarios[0].given, first.scenarios[0].then) == (("a guest",), ("there is an entry",))
    assert found.behaviour is not None
    assert [(one.name, one.source) for one in found.behaviour.entities] == [
        ("Entry", "page.md:22"),
        ("Page", "page.md:34"),
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("```yaml entitys\nA: 1\n```\n", r"page\.md:6: a block of YAML for 'entitys', which is no section"),
        ("```yaml entities\nA: [\n```\n", r"page\.md:8:\d+: malformed YAML"),
        ("## Requirements\n- no id\n", r"page\.md:7: a requirement is written"),
        (
            "```yaml entities\nA: {fields: {x: text}}\n```\n```yaml entities\nA: {fields: {x: text}}\n```\n",
            r"page\.md:10: 'A' stands twice under entities \(first at page\.md:7\)",
        ),
        ("```yaml entities\nA: {fields: {x: txt}}\n```\n", r"page\.md:7: there is no type 'txt': did you mean text"),
    ],
)
def test_markdown_refused(tmp_path: Path, body: str, message: str) -> None:
    """Mistakes in a page are told with the page's own lines."""
    page = tmp_path / "page.md"
    page.write_text(f"---\nformat: agent-dispatcher/specification\nversion: 1\ntitle: X\n---\n{body}")
    with pytest.raises(SpecificationError, match=message):
        NativeFormat().load(page)


def test_recognised_by_a_bounded_look(tmp_path: Path) -> None:
    """A file is recognised by its first lines, also when it is malformed; a folder by the one such file in it."""
    native, folder = NativeFormat(), tmp_path / "folder"
    folder.mkdir()
    assert native.matches(folder) == 0
    good = folder / "library.yaml"
    good.write_text(BASE + "[[[ malformed")
    (folder / "README.md").write_text("# Nothing\n")
    (folder / "plan.json").write_text('{"format": "agent-dispatcher/plan"}')
    assert [native.matches(path) for path in (good, folder, folder / "README.md", folder / "plan.json")] == [2, 2, 0, 0]
    with pytest.raises(SpecificationError, match=r"library\.yaml:\d+:\d+: malformed YAML"):
        native.load(folder)
    unmarked = tmp_path / "specification.yaml"
    unmarked.write_text("title: x\n")
    assert native.matches(unmarked) == 0.5
    (folder / "second.yml").write_text(BASE)
    assert native.matches(folder) == 0
    with pytest.raises(SpecificationError, match="does not hold exactly one specification"):
        native.load(folder)
    (folder / "specification.yml").write_text(BASE)
    assert (native.matches(folder), native.load(folder).title) == (2, "Small library")


def test_digest_and_path(tmp_path: Path) -> None:
    """The digest is that of the file's bytes, the path is the one that was given."""
    file = tmp_path / "specification.yaml"
    file.write_bytes(BASE.replace("\n", "\r\n").encode("utf-8-sig"))
    for source in (file, tmp_path):
        found = NativeFormat().load(source)
        assert found.digest == f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
        assert found.path == str(source)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a: [1\nb: 2\n", r"bad\.yaml:2:1?\d*: malformed YAML"),
        (b"title: \xff\n", r"bad\.yaml:1: byte 0xff is not UTF-8"),
        (b"[" * 100_000, r"bad\.yaml:1:101: nested more than 100 deep"),
        (b"a: &a [x]\nb: *a\n", r"bad\.yaml:1:4: anchors"),
        (b"#" * 5_000_001, r"bad\.yaml: the file is larger than 5,000,000 bytes"),
    ],
)
def test_bad_files(tmp_path: Path, data: bytes, message: str) -> None:
    """A file that cannot be read is refused with its name and place."""
    file = tmp_path / "bad.yaml"
    file.write_bytes(data)
    with pytest.raises(SpecificationError, match=message):
        NativeFormat().load(file)


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is a mistake in the call."""
    with pytest.raises(UsageError, match=r"none\.yaml: there is no such file"):
        NativeFormat().load(tmp_path / "none.yaml")


def test_offered_as_a_plugin() -> None:
    """The entry point offers the format as a component whose factory makes it."""
    from agent_dispatcher_builtins.specifications.hooks import native

    (component,) = native.dispatcher_specification_formats()
    assert component.name == "native"
    assert isinstance(component.factory(None, None), NativeFormat)
