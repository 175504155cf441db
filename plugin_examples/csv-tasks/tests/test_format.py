"""The format keeps its contract, says lines, and changes one cell at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
from agent_dispatcher.errors import DispatcherError, SpecificationError
from agent_dispatcher.models import ArtifactRef, DeclaredDependency
from agent_dispatcher.testing import SpecificationFormatContract, dispatcher

from csv_tasks import CsvTasksFormat

SAMPLE = '''\
id,title,type,status,depends_on,produces,Estimate S,Owner,description
A-1,Make the table,code_writing,done,,db/schema.sql; table: loans,30,Ada,
A-2,"List, sorted",code_writing,,A-1,src/list.py,,Ada,"Two lines:
one and ""two"""

A-3,Test it,testing,,"A-1, A-2",,90.5,,
'''


class TestCsvTasks(SpecificationFormatContract):
    """The format, on a file with everything in it."""

    def make_format(self) -> CsvTasksFormat:
        return CsvTasksFormat()

    def write_sample(self, folder: Path) -> Path:
        file = folder / "lending_list.csv"
        file.write_text(SAMPLE)
        return file


def written(folder: Path, text: str | bytes) -> Path:
    """A file with that content."""
    file = folder / "tasks.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_a_row_is_a_task(tmp_path: Path) -> None:
    """Every column becomes a field; lines are those rows begin in, also behind a cell of several lines."""
    found = CsvTasksFormat().load(written(tmp_path, SAMPLE))
    make, listed, test = found.tasks
    assert (make.id, make.source_id, make.status, make.estimate_s) == ("A-1", "A-1", "completed", 30.0)
    assert make.produces == (ArtifactRef(type="path", name="db/schema.sql"), ArtifactRef(type="table", name="loans"))
    assert (listed.title, listed.description, listed.status) == ("List, sorted", 'Two lines:\none and "two"', "pending")
    assert test.depends_on == (
        DeclaredDependency(task="A-1", source="tasks.csv:6"),
        DeclaredDependency(task="A-2", source="tasks.csv:6"),
    )
    assert [task.source for task in found.tasks] == ["tasks.csv:2", "tasks.csv:3", "tasks.csv:6"]
    assert list(found.warnings) == ["tasks.csv:1: the column 'Owner' is not understood"]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "id,title\nA,\nA,x\n?,y\n",
            ["2: task A has no title", "3: the id 'A' is that of line 2 already", "4: '?' is no id"],
        ),
        (
            "id,title,depends_on\nA,x,A\nB,y,C\n",
            ["2: task A depends on itself", "3: task B depends on 'C', which is no task here"],
        ),
        ("id,title,status\nA,x,perhaps\n", ["2: 'perhaps' is no status"]),
        (
            "id,title,priority,complexity\nA,x,1.5,nan\n",
            ["2: priority '1.5' is not an integer", "2: complexity 'nan' is not a number above 0"],
        ),
        ("id,title\nA,x,y\n", ["2: the row has 3 cells and the header 2"]),
        ("id,title,id\nA,x,y\n", ["1: the column 'id' is there twice"]),
        ('id,title\nA,"x\nB,y\n', ["2: a cell begins with a double quote that is never closed"]),
        ('id,title\nA,"x"y\n', ["2: a double quote stands inside a cell"]),
        ("id,title\n", ["1: there is no task below the header"]),
        ("name,what\nA,x\n", ["1: the first line must name the columns 'id' and 'title'"]),
    ],
)
def test_mistakes_are_told_with_their_lines(tmp_path: Path, text: str, problems: list[str]) -> None:
    """Everything that is wrong is said at once, each with its line."""
    file = written(tmp_path, text)
    with pytest.raises(SpecificationError) as caught:
        CsvTasksFormat().load(file)
    found = [f"{problem.where}: {problem.what}" for problem in caught.value.problems]
    assert len(found) == len(problems)
    assert all(said.startswith(f"{file}:{wanted}") for said, wanted in zip(found, problems, strict=True)), found


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_and_marks_are_understood(tmp_path: Path, separator: str) -> None:
    """What spreadsheets save: a byte order mark, CRLF, semicolons or tabs; statuses go into the right cell."""
    data = b"\xef\xbb\xbf" + SAMPLE.replace(";", "|").replace(",", separator).replace("\n", "\r\n").encode()
    file = written(tmp_path, data)
    form = CsvTasksFormat()
    assert form.matches(file) == 1
    assert [task.id for task in form.load(file).tasks] == ["A-1", "A-2", "A-3"]
    form.write_status(file, {"A-3": "completed", "A-9": "completed"})
    row = "A-3,Test it,testing,,".replace(",", separator).encode()
    assert file.read_bytes() == data.replace(row, row[:-1] + b"done" + row[-1:])


def test_a_file_without_statuses_is_not_written(tmp_path: Path) -> None:
    """Without a column there is nothing to change: that is said with the line, and a link is not followed."""
    file = written(tmp_path, "id,title\nA,x\n")
    with pytest.raises(DispatcherError, match=r"tasks\.csv:2: there is no cell for a status"):
        CsvTasksFormat().write_status(file, {"A": "completed"})
    link = tmp_path / "link.csv"
    link.symlink_to(file)
    with pytest.raises(DispatcherError, match="is a link"):
        CsvTasksFormat().write_status(link, {"A": "completed"})
    assert file.read_text() == "id,title\nA,x\n"


def test_other_tables_are_not_claimed(tmp_path: Path) -> None:
    """A CSV file of something else is left to others."""
    assert CsvTasksFormat().matches(written(tmp_path, "id,price\nA,1\n")) == 0


def test_a_table_is_planned(tmp_path: Path) -> None:
    """The dispatcher recognises the file by itself and plans its rows; what is done stays done."""
    plan = dispatcher([lambda task, context: None], formats=[CsvTasksFormat]).plan(written(tmp_path, SAMPLE))
    assert [(task.source_id, task.status) for task in plan.tasks] == [
        ("A-1", "completed"),
        ("A-2", "pending"),
        ("A-3", "pending"),
    ]
