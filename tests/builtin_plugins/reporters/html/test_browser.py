"""The page in a real browser: no payload runs, nothing is wider than the window, dark mode is dark."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

MEASURE = """<script>
addEventListener('load', () => {
  const wide = document.documentElement.scrollWidth, shown = document.documentElement.clientWidth;
  const texts = [...document.querySelectorAll('svg.graph .box text')];
  const right = element => element.getBoundingClientRect().right;
  const frame = text => text.closest('.words'), body = text => text.closest('.box').querySelector('.body');
  const wider = (one, other) => one.width.baseVal.value > other.width.baseVal.value;
  const loose = texts.filter(t => getComputedStyle(frame(t)).overflow !== 'hidden' || wider(frame(t), body(t)));
  const cut = texts.filter(t => right(t) > right(body(t)));
  const ground = getComputedStyle(document.body).backgroundColor;
  document.body.dataset.result = [wide - shown, loose.length, cut.length, texts.length, ground].join('|');
});
</script>"""


def test_no_payload_runs_even_without_the_policy(
    hostile_run: Any, tmp_path: Path, browse: Callable[..., str], without_policy: Callable[[str], str]
) -> None:
    """Escaping alone keeps every payload inert, and the policy alone would too."""
    page = hostile_run.write(tmp_path)
    for name, text in (("bare", without_policy(page)), ("full", page)):
        path = tmp_path / f"{name}.html"
        path.write_text(text, encoding="utf-8")
        seen = browse(path)
        assert "<h1>" in seen
        title = re.search(r"<title>(.*?)</title>", seen, re.DOTALL)
        assert title is not None and title[1].startswith("Failed: ")
        assert not re.search(r"<(script|img|svg onload|iframe)\b", seen)


def test_the_policy_stops_a_script_that_got_in(small_run: Any, tmp_path: Path, browse: Callable[..., str]) -> None:
    """A script put into the page does not run: the policy is in force."""
    path = tmp_path / "injected.html"
    page = small_run.write(tmp_path).replace("<main>", "<main><script>document.title='pwned'</script>")
    path.write_text(page, encoding="utf-8")
    assert "<title>pwned" not in browse(path)


def test_nothing_is_wider_than_the_window_and_labels_stay_in_their_boxes(
    large_run: Any, small_run: Any, tmp_path: Path, browse: Callable[..., str], without_policy: Callable[[str], str]
) -> None:
    """At 390 and at 1280 pixels only the boxes made for it scroll sideways."""
    for name, run in (("small", small_run), ("large", large_run)):
        page = without_policy(run.write(tmp_path / name)).replace("</body>", MEASURE + "</body>")
        for width in (390, 1280):
            frame = tmp_path / f"{name}-{width}.html"
            frame.write_text(
                f'<body><iframe width="{width}" height="800" srcdoc="{html.escape(page)}"></iframe><script>'
                "addEventListener('load', () => document.body.dataset.inner ="
                " document.querySelector('iframe').contentDocument.body.dataset.result)</script>",
                encoding="utf-8",
            )
            found = re.search(r'<body data-inner="(-?\d+)\|(\d+)\|(\d+)\|(\d+)\|', browse(frame))
            assert found is not None
            wider, loose, cut, labels = map(int, found.groups())
            assert (wider, loose) == (0, 0), f"{name} at {width}"
            # How wide a font is, the browser decides: most labels must be whole, none may leave its box.
            assert labels and cut <= labels // 5, f"{name} at {width}"


def test_dark_mode_is_dark(
    small_run: Any, tmp_path: Path, browse: Callable[..., str], without_policy: Callable[[str], str]
) -> None:
    """The reader's own setting chooses the theme."""
    path = tmp_path / "page.html"
    path.write_text(without_policy(small_run.write(tmp_path)).replace("</body>", MEASURE + "</body>"), encoding="utf-8")
    assert "|rgb(255, 255, 255)" in browse(path)
    assert "|rgb(18, 21, 27)" in browse(path, dark=True)
