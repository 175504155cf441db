"""What spec-kit documents say in the languages people write them in: the words that matter for structure, and no others."""

from __future__ import annotations

import re

__all__ = [
    "ADVICE",
    "AFTER",
    "BEFORE",
    "BLOCKS",
    "COMMON",
    "DEPENDENCIES",
    "FOUNDATION",
    "GUIDANCE",
    "HEDGES",
    "NEEDS",
    "PHASE_NAME",
    "POLISH",
    "SET_UP",
    "STORY",
]


def _any(*words: str) -> str:
    return "(?:" + "|".join(words) + ")"


#: A heading that begins a phase.
PHASE_NAME = re.compile(
    r"^[\W_]*(?:"
    + _any("phase", "fase", "этап", "фаза", "フェーズ", "段階", "阶段", "階段", "단계", "stage")
    + r"[\s:#-]*(?P<number>\d+(?:\.\d+)*|[A-Z]\b|[IVX]+\b|N\b)|第\s*(?P<counted>[\d一二三四五六七八九十]+)\s*"
    + _any("阶段", "階段", "段階", "フェーズ")
    + r"|(?P<before>\d+(?:\.\d+)*)\s*단계)",
    re.IGNORECASE,
)
#: The title of a phase that holds one user story.
STORY = re.compile(
    r"\bUS[\s-]?\d+|user\s+story\b|user\s+stories\s+\d|ユーザーストーリー|用户故事|使用者故事|사용자\s*스토리"
    r"|hist[óo]rias?\s+(?:de|do)\s+usu[áa]rio|пользовательск\w+\s+истори\w+|\bstory\s+\d",
    re.IGNORECASE,
)
#: Phases that are there for all stories.
SET_UP = re.compile(
    r"set-?up|初期|セットアップ|设置|設置|初始|준비|설정|configura[çc][ãa]o|настройк|подготовк", re.IGNORECASE
)
FOUNDATION = re.compile(r"foundation|基盤|基礎|基础|기반|fundament|funda[çc]|основ|базов", re.IGNORECASE)
POLISH = re.compile(
    r"polish|cross[\s-]cutting|convergence|仕上げ|横断|完善|打磨|마무리|polimento|acabamento|доработк|полировк",
    re.IGNORECASE,
)
#: A title with one of these is such a phase even where it names a story behind it or in front of it.
COMMON = re.compile(r"foundation|set-?up|polish", re.IGNORECASE)

#: A heading whose section says what waits for what.
DEPENDENCIES = re.compile(
    r"dependenc|dependên|dependenci|execution\s+order|依存|依赖|依賴|実行順|执行顺序|执行次序|의존|실행\s*순서|зависимост",
    re.IGNORECASE,
)

#: ``A depends on B``: what follows comes first.
NEEDS = _any(
    r"depends?\s+(?:up)?on",
    r"depending\s+on",
    r"dependenc(?:y|ies)\s*:",
    r"depends?\s*:",
    r"deps?\s*:",
    r"requires?",
    r"blocked\s+by",
    r"depende\s+d[eao]s?",
    r"requer",
    r"зависит\s+от",
    r"зависят\s+от",
    r"требу(?:ет|ют)",
    r"依赖于?[:：]?",
    r"依賴於?[:：]?",
    r"依存(?:先)?[:：]",
    r"의존(?:성)?\s*[:：]",
)
AFTER = _any(r"after", r"após", r"depois\s+d[eao]s?", r"после")
#: ``A blocks B``: what follows comes later.
BLOCKS = _any(r"blocks?", r"bloqueia[m]?", r"блокиру(?:ет|ют)", r"阻塞", r"阻止")
BEFORE = _any(
    r"(?:must\s+)?(?:be\s+)?(?:completed?|finish(?:ed)?|come|run)?\s*\bbefore",
    r"precedes?",
    r"antes\s+d[eao]s?",
    r"перед",
    r"до",
)
#: A statement with one of these orders nothing, or not for sure.
HEDGES = re.compile(
    r"\b(?:no|not|none|never|nothing|independent(?:ly)?|without|may|might|optional(?:ly)?|parallel|if|ideally|could|n't"
    r"|doesn['’]t|don['’]t|sem|não|нет|не|без|независим\w*|nenhum\w*)\b|無し|なし|无依赖|無依賴|不依赖|없음|独立|獨立|并行|並行|並列|병렬",
    re.IGNORECASE,
)

#: An order that somebody may keep to and need not: the other way to do it ("Or sequentially in priority order: US1 → US2"), or advice ("Recommended order: ...").
ADVICE = re.compile(
    r"^\W*(?:or|alternatively)\b|\b(?:recommended|suggested|preferred)\b[\w\s]{0,30}\b(?:order|sequence|path)\b|\bin\s+(?:order\s+of\s+priority|priority\s+order)\b"
    r"|^\W*(?:または|あるいは|或者?|또는|ou)(?!\w)|(?:推奨|推荐|推薦|建议|建議|권장)\s*(?:される)?\s*(?:実行|执行|실행)?\s*(?:順|顺|순서)|ordem\s+recomendada|рекомендуем\w+\s+порядок",
    re.IGNORECASE,
)

#: Sections of templates that tell people (or models) how to write; what they say is about no feature.
GUIDANCE = re.compile(
    r"quick\s+guidelines|for\s+ai\s+generation|section\s+requirements|execution\s+flow|execution\s+status"
    r"|acceptance\s+checklist|validation\s+checklist|review\s+checklist|task\s+generation\s+rules|content\s+quality"
    r"|requirement\s+completeness|^clarifications|^session\s+\d|^format\b|^path\s+conventions",
    re.IGNORECASE,
)
