"""What the heading of a section says about what stands under it, in the languages people write in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..page import Page

__all__ = ["Section", "Sections", "kind_of"]

#: Names of what a section is, in the order in which headings are tried.
Section = str

_WORDS: tuple[tuple[Section, re.Pattern[str]], ...] = tuple(
    (section, re.compile(words, re.IGNORECASE))
    for section, words in (
        (
            "left out",
            r"out[\s-]+of[\s-]+scope|not\s+in\s+scope|non[\s-]?goals?\b|won['’]?t\s+(?:do|have)|future\s+(?:work|ideas?|considerations|enhancements)"
            r"|nice[\s-]to[\s-]haves?|parking\s+lot|someday|rejected|alternatives\s+considered|スコープ外|対象外|范围外|不在范围|非目标|범위\s*(?:외|밖)|fora\s+d[eo]\s+escopo|вне\s+(?:рамок|scope)|nicht[\s-]+ziele|au(?:ß|ss)erhalb\s+des",
        ),
        (
            "criteria",
            r"acceptance\s+(?:criteria|tests?)|definition\s+of\s+(?:done|ready)|done\s+when|(?:success|exit|completion)\s+criteria|受け?入れ?(?:基準|条件)"
            r"|完了(?:条件|の定義)|验收(?:标准|条件)|완료\s*(?:조건|기준)|인수\s*(?:조건|기준)|crit[ée]rios?\s+de\s+aceita|критери\w+\s+(?:при[её]мки|готовности)|(?:abnahme|akzeptanz)kriterien",
        ),
        (
            "about",
            r"glossary|references?$|changelog|change\s+log|revision\s+history|table\s+of\s+contents|^contents$|open\s+questions|risks?\b|background"
            r"|用語|参考|术语|修订|용어|참고|gloss[áa]rio|refer[êe]ncias|глоссарий|ссылки",
        ),
        (
            "requirements",
            r"requirements?\b|\bfeatures?\b|functional|user\s+stor(?:y|ies)|use\s+cases?|must[\s-]haves?|constraints?$|要件|需求|功能|요구\s*사항|기능|requisitos|funcionalidades|требовани|функци|anforderung|^funktionen$|^funktionalität",
        ),
        (
            "tasks",
            r"\btasks?\b|\bto[\s-]?dos?\b|action\s+items|work\s+(?:items|packages|breakdown)|\bplan\b|\bsteps?\b|roadmap|milestones?|\bphases?\b|\bsprint\b|backlog|check\s?-?list|deliverables"
            r"|タスク|やること|作業|手順|実装計画|任务|任務|待办|待辦|计划|計畫|步骤|작업|할\s*일|계획|tarefas|plano|passos|\baufgaben\b|задач|план|шаги",
        ),
    )
)
#: Work, even where a heading names criteria too.
_WORK = re.compile(r"\bphases?\b|\btasks?\b|\bplan\b|roadmap|milestones?", re.IGNORECASE)
#: What promises nothing but things to do.
_TO_DO = re.compile(
    r"\bto[\s-]?dos?\b|\btasks\b|\bbacklog\b|action\s+items|やること|タスク|待办|待辦|任务|할\s*일|작업|tarefas|задачи",
    re.IGNORECASE,
)
_LONG_TITLE = 3
_NONE: Section = ""


class Sections:
    """The sections of one page.

    Attributes:
        called_to_do: whether the page has no title, and its file is called like things to do.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._title = next(
            (at for at, block in enumerate(page.blocks) if block.kind == "heading" and not block.quoted), None
        )
        if self._title is not None and page.blocks[self._title].level != 1:
            self._title = None
        self.called_to_do = self._title is None and bool(_TO_DO.search(page.name.rpartition(".")[0]))
        self._kinds = {at: kind_of(block.flat) for at, block in enumerate(page.blocks) if block.kind == "heading"}

    def of(self, index: int) -> Section:
        """What the innermost heading above a block that says something calls its section; ``""`` when none does. The page's title does not count."""
        return next((kind for at in self._above(index) if (kind := self._kinds[at])), _NONE)

    def subject(self, index: int) -> int | None:
        """The innermost heading above a block that is about a subject of its own (not *Tasks*, not the page's title); ``None`` without one."""
        return next((at for at in self._above(index) if not self._kinds[at]), None)

    def to_do(self, index: int) -> bool:
        """Whether a heading above a block promises things to do, or the file's name where the page has no title; of longer titles of pages only *to do*
        does (*Tasks for teams* is a product)."""
        if self.called_to_do:
            return True
        for at in self._page.above(index):
            found = _TO_DO.search(self._page.blocks[at].flat)
            short = at != self._title or len(self._page.blocks[at].flat.split()) < _LONG_TITLE
            if found and (short or found[0].lower().startswith("to")):
                return True
        return False

    def _above(self, index: int) -> Iterator[int]:
        return (at for at in self._page.above(index) if at != self._title)


def kind_of(title: str) -> Section:
    """What one heading says; *Phases and acceptance criteria* are phases."""
    found = next((section for section, words in _WORDS if words.search(title)), _NONE)
    return "tasks" if found == "criteria" and _WORK.search(title) else found
