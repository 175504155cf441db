"""Results of tests are untrusted: read whole, or refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_dispatcher.models import ArtifactRef
from agent_dispatcher_builtins.checks.absent import AbsentNames
from agent_dispatcher_builtins.checks.junit import Case, coverage_by_file, coverage_percent, parse_junit
from agent_dispatcher_builtins.languages.python.language import Python

_XML = b"""<?xml version="1.0"?><testsuites><testsuite>
<testcase classname="tests.test_a.TestIt" name="test_ok" file="tests/test_a.py"/>
<testcase classname="tests.test_a" name="test_bad[1]" file="tests/test_a.py"><failure message="AssertionError: spec.yaml:3&#10;1 != 2">long</failure></testcase>
<testcase classname="tests.test_a" name="test_no"><skipped message="why"/></testcase>
<testcase classname="" name="tests.test_b" file="tests/test_b.py"><error message="collection failure">x
tests/test_b.py:1: in &lt;module&gt;
E   ModuleNotFoundError: No module named 'lib.x'</error></testcase>
</testsuite></testsuites>"""


def test_cases_are_read_with_their_reasons() -> None:
    """Name, outcome and the whole message of every case."""
    results = parse_junit(_XML)
    assert [(case.name, case.outcome, case.message) for case in results.cases] == [
        ("tests/test_a.py::TestIt::test_ok", "passed", ""),
        ("tests/test_a.py::test_bad[1]", "failed", "AssertionError: spec.yaml:3\n1 != 2"),
        ("tests.test_a.test_no", "skipped", "why"),
        ("tests/test_b.py", "error", "ModuleNotFoundError: No module named 'lib.x'"),
    ]
    assert (results.count("passed"), len(results.red())) == (1, 2)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not xml",
        b"<html/>",
        b"<testsuites>",
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuites>&b;</testsuites>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><testsuites/>',
        b"<testsuites>\xff</testsuites>",
    ],
)
def test_what_is_no_result_file_is_refused(data: bytes) -> None:
    """Other documents, entities and broken files are an error with a reason."""
    with pytest.raises(ValueError, match=r"it (is not XML|holds a document type)|its root is"):
        parse_junit(data)


@given(
    st.binary(max_size=200)
    | st.binary(max_size=50).map(lambda data: b"<testsuite><testcase>" + data + b"</testcase></testsuite>")
)
def test_no_bytes_break_the_reader(data: bytes) -> None:
    """Anything is results or a ValueError."""
    try:
        parse_junit(data)
    except ValueError:
        return


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"totals": {"percent_covered": 91.26}}', 91.3),
        (b'{"totals": {"percent_covered": 100}}', 100.0),
        (b'{"totals": {"percent_covered": "91"}}', None),
        (b'{"totals": {"percent_covered": true}}', None),
        (b'{"totals": {"percent_covered": NaN}}', None),
        (b'{"totals": {"percent_covered": 101}}', None),
        (b'{"totals": []}', None),
        (b"[]", None),
        (b"[" * 100_000, None),
        (b"\xff", None),
        (None, None),
    ],
)
def test_coverage_is_a_number_or_nothing(data: bytes | None, expected: float | None) -> None:
    """Only a number from 0 to 100 counts."""
    assert coverage_percent(data) == expected


def test_coverage_by_file_keeps_what_adds_up() -> None:
    """Lines and branches together; a file with other values, more covered than there is, or nothing to cover is left out."""
    files = {
        "a.py": {"summary": {"covered_lines": 3, "num_statements": 4, "covered_branches": 1, "num_branches": 2}},
        "lines.py": {"summary": {"covered_lines": 1, "num_statements": 1}},
        "empty.py": {"summary": {"covered_lines": 0, "num_statements": 0}},
        "more.py": {"summary": {"covered_lines": 2, "num_statements": 1}},
        "text.py": {"summary": {"covered_lines": "1", "num_statements": 1}},
        "none.py": {"summary": None},
    }
    found = coverage_by_file(json.dumps({"files": files}).encode())
    assert found == {"a.py": (4, 6), "lines.py": (1, 1)}
    for data in (None, b"[]", b'{"files": []}', b"[" * 100_000):
        assert coverage_by_file(data) == {}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("ModuleNotFoundError: No module named 'lib.models.book'", True),
        ("ModuleNotFoundError: No module named 'lib'", True),
        ("ModuleNotFoundError: No module named 'lib.models'", True),
        ("ModuleNotFoundError: No module named 'lib.models.books'", False),
        ("ModuleNotFoundError: No module named 'requests'", False),
        ("ModuleNotFoundError: No module named 'models.book'", False),
        ("ImportError: cannot import name 'Book' from 'lib.models.book' (x.py)", True),
        ("ImportError: cannot import name 'Rule' from partially initialized module 'lib.rules' (most likely)", True),
        ("ImportError: cannot import name 'Other' from 'lib.rules' (x.py)", False),
        ("ImportError: cannot import name 'book' from 'lib.models' (x.py)", True),
        ("AssertionError: assert 1 == 2", False),
        ("AttributeError: module 'lib' has no attribute 'models'", False),
        ("", False),
    ],
)
def test_only_absent_subjects_explain_a_failure(message: str, expected: bool) -> None:
    """A failed import counts when, and only when, what it names is promised and not there."""
    absent = AbsentNames(
        [ArtifactRef(type="path", name="src/lib/models/book.py"), ArtifactRef(type="symbol", name="lib.rules:Rule")],
        Python(),
    )
    if "'lib.rules'" in message and "Other" in message:
        absent = AbsentNames([ArtifactRef(type="path", name="src/lib/models/book.py")], Python())
    case = Case(name="t", outcome="error", message=message)
    assert (absent.explain(case) is not None) is expected
