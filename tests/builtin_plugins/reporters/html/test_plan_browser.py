"""``plan.html`` in a real browser: it opens under its own policy, and searching, folding, explaining and keys work."""

from __future__ import annotations

import html
import json
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent_dispatcher.models import Dependency, ExecutionPlan, Reason, Specification, Task
from agent_dispatcher.planning.planner import assemble
from agent_dispatcher_builtins.reporters.html.reporter import HtmlReporter

#: What a reader does, written down for the test; each step leaves what was seen.
TRIAL = """<script>
(() => {
  const $ = (id) => document.getElementById(id), seen = {};
  const shown = (selector) => [...document.querySelectorAll(selector)].filter((el) => el.getAttribute('display') !== 'none' && !el.closest('[display=none]')).length;
  const click = (el) => el.dispatchEvent(new MouseEvent('click', {bubbles: true}));
  const key = (el, name) => el.dispatchEvent(new KeyboardEvent('keydown', {key: name, bubbles: true, cancelable: true}));
  const later = (then) => setTimeout(then, 60);
  addEventListener('error', (event) => { seen.error = String(event.message); });
  addEventListener('load', () => {
    try {
      seen.folded = [shown('#cells .cell'), shown('#lanes .box')];
      click($('unfold'));
      seen.unfolded = [shown('#cells .cell'), shown('#lanes .box')];
      click($('h0'));
      seen.one = [shown('#cells .cell') > 0, shown('#l0 .box')];
      click($('h0'));
      click($('b120'));
      seen.panel = [$('panel').hidden, $('panel-title').textContent, $('panel-body').textContent.includes('writes part')];
      seen.near = document.querySelectorAll('#edges .near').length;
      key(document, 'Escape');
      seen.closed = $('panel').hidden;
      const edge = document.querySelector('#edges .edge-group');
      click(edge.querySelector('.hit'));
      seen.edge = $('panel-body').textContent.includes('artifacts (data, 0.90)');
      key($('b120'), 'ArrowLeft');
      seen.moved = document.activeElement.id;
      key(document.activeElement, 'Enter');
      seen.opened = $('panel-title').textContent;
      $('query').value = 'task 317';
      $('query').dispatchEvent(new Event('input'));
      later(() => {
        seen.found = $('hits').textContent;
        seen.dim = document.querySelectorAll('#lanes .box:not(.dim)').length;
        click($('fold'));
        key($('query'), 'Enter');
        seen.revealed = [$('b317').classList.contains('at'), shown('#b317')];
        $('query').value = '';
        click($('critical'));
        later(() => {
          seen.critical = document.querySelectorAll('#lanes .box:not(.dim)').length;
          seen.wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
          seen.ground = getComputedStyle(document.body).backgroundColor;
          document.body.dataset.result = JSON.stringify(seen);
        });
      });
    } catch (error) { seen.error = String(error.stack); document.body.dataset.result = JSON.stringify(seen); }
  });
})();
</script>"""


def large_plan(size: int = 500) -> ExecutionPlan:
    """As many tasks as a page is to be used with, in ten groups and layers of 25."""
    dice = random.Random(5)
    tasks = tuple(
        Task(id=f"t{n}", title=f"Task {n} of the shop", group=f"Part {n % 10}", estimate_s=dice.choice([30, 60, 90]))
        for n in range(size)
    )
    edges = [
        Dependency(
            before=f"t{before}",
            after=f"t{n}",
            reasons=(Reason(rule="artifacts", kind="data", confidence=0.9, evidence=f"t{before} writes part {n}"),),
        )
        for n in range(25, size)
        for before in sorted({dice.randrange((n // 25 - 1) * 25, n // 25 * 25) for _ in range(2)})
    ]
    return assemble(Specification(id="shop", title="Shop"), tasks, edges)


def tried(browse: Callable[..., str], page: str, path: Path, **how: Any) -> dict[str, Any]:
    path.write_text(page.replace("</body>", TRIAL + "</body>"), encoding="utf-8")
    found = re.search(r'data-result="([^"]*)"', browse(path, **how))
    assert found is not None, "the page did not get to its end"
    return dict(json.loads(html.unescape(found[1])))


def test_it_starts_under_its_own_policy(tmp_path: Path, browse: Callable[..., str]) -> None:
    """The script's hash in the policy is that of the script, so it runs; a script that got in does not."""
    path = tmp_path / "plan.html"
    page = HtmlReporter().render_plan(large_plan(60))
    path.write_text(page.replace("<main>", "<main><script>document.title='pwned'</script>"), encoding="utf-8")
    seen = browse(path)
    assert 'data-ready="yes"' in seen
    assert "<title>Plan: Shop</title>" in seen


def test_five_hundred_tasks_can_be_searched_folded_and_explained(
    tmp_path: Path, browse: Callable[..., str], without_policy: Callable[[str], str]
) -> None:
    """Groups first; everything unfolds; a click on a task or an edge explains it; arrows follow edges; a search leads to the task, folded or not."""
    plan = large_plan()
    page = without_policy(HtmlReporter().render_plan(plan))
    begun = time.monotonic()
    seen = tried(browse, page, tmp_path / "plan.html")
    assert time.monotonic() - begun < 60
    assert "error" not in seen
    cells, boxes = seen["folded"]
    assert (boxes, cells > 20) == (0, True)
    assert seen["unfolded"] == [0, 500]
    assert seen["one"] == [True, 0]
    assert seen["panel"][:2] == [
        False,
        "t120 Task 120 of the shop" + (" critical" if "t120" in plan.critical_path else ""),
    ]
    assert seen["panel"][2]
    assert seen["near"] > 0
    assert seen["closed"]
    assert seen["edge"]
    before = {edge.before for edge in plan.dependencies if edge.after == "t120"}
    assert f"t{seen['moved'][1:]}" in before
    assert seen["opened"].startswith(f"t{seen['moved'][1:]} ")
    assert seen["found"] == "1 task"
    assert seen["dim"] == 1
    assert seen["revealed"] == [True, 1]
    assert seen["critical"] == len(plan.critical_path)
    assert seen["wide"] <= 0


def test_it_follows_the_theme(tmp_path: Path, browse: Callable[..., str], without_policy: Callable[[str], str]) -> None:
    """The reader's own setting chooses light or dark."""
    page = without_policy(HtmlReporter().render_plan(large_plan(500)))
    assert tried(browse, page, tmp_path / "light.html")["ground"] == "rgb(255, 255, 255)"
    assert tried(browse, page, tmp_path / "dark.html", dark=True)["ground"] == "rgb(18, 21, 27)"
