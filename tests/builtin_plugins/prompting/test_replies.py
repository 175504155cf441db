"""The forms in which language models really answer: what they mean for certain is read, and what they only explain changes no file."""

from __future__ import annotations

import pytest

from agent_dispatcher_builtins.prompting.edits import apply_edits, edits_in

B, C, A = "src/b.py", "src/c.py", "src/a.py"
THERE = {A: "one\ntwo\n"}
X, Y = "x = 1\n", "y = 1\n"
BOTH = {B: X, C: Y}
CHANGED = {A: "ONE\ntwo\n"}
SEARCH = f"FILE: {A}\n<<<<<<< SEARCH\none\n=======\nONE\n>>>>>>> REPLACE\n"
DIFF = f"--- a/{A}\n+++ b/{A}\n@@ -1,2 +1,2 @@\n-one\n+ONE\n two\n"
RUN = "```bash\npython -m pip install --upgrade everything\npytest\n```"


@pytest.mark.parametrize(
    ("reply", "expected", "files"),
    {
        "prose around": (f"Sure!\n\nFILE: {B}\n```python\n{X}```\n\nRun it:\n\n{RUN}\n\nThat is all.", [B], {B: X}),
        "a shell block before": (f"First:\n{RUN}\n\nFILE: {B}\n```python\n{X}```\n", [B], {B: X}),
        "between header and text": (f"FILE: {B}\n\nInstall:\n{RUN}\nThen:\n```python\n{X}```\n", [B], {B: X}),
        "prose right behind yaml": ("FILE: d.yaml\n```yaml\na: 1\n```\nApply:\n```\nmake\n```\nDone.", [], {"d.yaml": "a: 1\n"}),
        "prose right behind shell": ("FILE: r.sh\n```bash\necho\n```\nThen:\n```\nsh r.sh\n```\nDone.", [], {"r.sh": "echo\n"}),
        "prose right behind html": ("FILE: i.html\n```html\n<p>\n```\nOpen:\n```\nopen\n```\nDone.", [], {"i.html": "<p>\n"}),
        "text to a mark": ("FILE: r.sh\n```sh\ncat <<E\n```\nx\n```\nE\n```\n", [], {"r.sh": "cat <<E\n```\nx\n```\nE\n"}),
        "heading": (f"## {B}\n\n```python\n{X}```\n\n### 2. `{C}`\n\n```python\n{Y}```\n", [B, C], BOTH),
        "bold": (f"**{B}**\n```python\n{X}```\n**`{C}`:**\n```python\n{Y}```\n", [B, C], BOTH),
        "path behind the fence": (f"```python path={B}\n{X}```\n```python title=\"{C}\"\n{Y}```\n", [], BOTH),
        "path behind a colon": (f"```python:{B}\n{X}```\n```py {{filename={C}}}\n{Y}```\n", [], BOTH),
        "an example with a title": (f"FILE: {B}\n```\n{X}```\nUse:\n```python title=\"example.py\"\n{Y}```\n", [B], {B: X}),
        "no change of something else": (f"FILE: {B}\nIt does not modify anything:\n```\n{X}```\n", [B], {B: X}),
        "path as the language": (f"```{B}\n{X}```\n```{C}\n{Y}```\n", [B, C], BOTH),
        "remark in the header": (f"FILE: {B} (new file)\n```python\n{X}```\n**Filename:** `{C}`\n```\n{Y}```\n", [], BOTH),
        "in a list": (f"1. FILE: {B}\n   ```python\n   {X}   ```\n2. FILE: {C}\n   ```python\n   {Y}   ```\n", [], BOTH),
        "line ends of Windows": (f"FILE: {B}\r\n```python\r\nx = 1\r\n```\r\nIt sets x.\r\n", [B], {B: X}),
        "no last line end": (f"FILE: {B}\n```python\n{X}```", [B], {B: X}),
        "use of a file that was given": (f"`{B}`:\n```python\n{X}```\nRun `{B}`:\n{RUN}\nor `{B}`:\n```\npython\n```\n", [B, C], {B: X}),
        "the longest block is a command": (f"```python\n{X}```\n{RUN}", [B], {B: X}),
        "a block behind replacements": (f"{SEARCH}\nRun:\n{RUN}\nor\n```\npytest\n```\n", [A], CHANGED),
        "fenced replacements": (f"```python\n{SEARCH}```\nRun:\n{RUN}\n", [A], CHANGED),
        "a file that needs no change": (f"FILE: {A}\nNo changes needed.\n\n```\npytest\n```\nFILE: {B}\n```\n{X}```", [], {B: X}),
        "difference under a header": (f"FILE: {A}\n```diff\n{DIFF}```\n", [A], CHANGED),
        "difference that names its file": (f"```diff\n{DIFF}```\n", [A, B], CHANGED),
        "difference that only shows": (f"FILE: {A}\n```\nONE\ntwo\n```\nThat is:\n```diff\n-one\n+ONE\n```\n", [A], CHANGED),
        "difference that makes a file": (f"```diff\n--- /dev/null\n+++ b/{B}\n@@ -0,0 +1 @@\n+x = 1\n```\n", [], {B: X}),
        "page with blocks": ("FILE: R.md\n```markdown\n# T\n\n```sh\nrun\n```\nend\n```\nBye.", [], {"R.md": "# T\n\n```sh\nrun\n```\nend\n"}),
    }.values(),
)  # fmt: skip
def test_what_models_mean_is_read(reply: str, expected: list[str], files: dict[str, str]) -> None:
    """Each form as models of several makers give it; blocks that only explain something are no files."""
    assert apply_edits(edits_in(reply, expected), THERE.get) == (files, ())


@pytest.mark.parametrize(
    ("reply", "expected", "hint"),
    [
        (f"```bash\npytest\n```\n{RUN}", [B], f"{B}: no block of code"),
        (f"```python\n{X}```\n```python\n{Y}```\n", [B, C], "without 'FILE: <path>' before it"),
        (f"FILE: {B}\nimport os\nx = 1\n", [B], "does not stand between fences"),
        (f"<file path='{B}'>\n{X}</file>", [B], "put its text between fences"),
        (f"FILE: {A}\n```diff\n@@ @@\n+zero\n```\n", [A], "repeat lines around the new ones"),
        (f"FILE: {A}\n```diff\n-one\n+ONE\nthe rest stays\n```\n", [A], "SEARCH and REPLACE blocks"),
        (f"FILE: {A}\n```diff\n-1\n+ONE\n```\n", [A], "does not stand in the file exactly"),
        ("```diff\n-one\n+ONE\n```\n", [], "without 'FILE: <path>' before it"),
        ("12 | one\n```12:13:src/a.py\none\n```\n", [], "without 'FILE: <path>' before it"),
        ("FILE: page.j2\n```\na\n```\nb\n```\nc\n```\nd\n", [], "four backticks"),
    ],
)
def test_what_cannot_be_told_is_said_with_what_would_help(reply: str, expected: list[str], hint: str) -> None:
    """Nothing is written then, and the model learns the form it has to use."""
    files, faults = apply_edits(edits_in(reply, expected), THERE.get)
    assert files in ({}, THERE), "a fault changes nothing"
    assert any(hint in fault for fault in faults), faults
