"""What sort of work a task is, and what a test task tests, as far as its words say so clearly."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from ..decomposers.prose import classify

__all__ = ["is_test_file", "stem", "task_type", "tested_stem"]

_RUN = re.compile(
    r"^(?:run|execute|verify|confirm|ensure|validate|check|実行|検証|运行|验证|확인|검증|проверить|запустить|executar|verificar|validar)\b"
    r"|(?:実行|検証|を?確認)(?:する)?$",
    re.IGNORECASE,
)
_TEST_FILE = re.compile(
    r"(?:^|/)(?:tests?|__tests__|specs?|spec|e2e|XUnitTests|androidTest|unit|integration|contract)/.*\.\w+$"
    r"|(?:^|/)test_[\w.-]+$|[\w-]+(?:_test|\.test|\.spec|_spec|Tests?|IT|Spec)\.\w+$"
)
_SPEC_FOLDER = re.compile(r"(?:^|/)specs/\d{3}-")
_DOCUMENT = re.compile(r"\.(?:md|rst|adoc|mdx)$", re.IGNORECASE)
_AFFIX = re.compile(
    r"^(?:test|tests)[_.-]?(?=.)|(?<=.)(?:[_.-](?:unit|integration|contract|e2e|api))?[_.-]?(?:tests?|specs?|unittests?)$",
    re.IGNORECASE,
)
_OTHER = {
    "research": r"research|investigate|spike|explore|evaluate|調査|研究|调研|조사|исследовать|pesquisar",
    "documentation": r"document|add\s+(?:javadoc|kdoc|docstrings?|tsdoc|jsdoc|godoc|rustdoc|xml\s+doc\w*)|ドキュメント|文档|編寫文檔|编写文档|문서|документ|документировать|documentar",
    "refactoring": r"refactor|rename|restructure|extract(?=[^\n]{0,80}\s(?:into|out\s+of|to\s+(?:an?|its|the|shared|common|separate))\s)|clean\s?-?\s?up|code\s+cleanup|simplify|リファクタ|重构|重構|리팩(?:토링|터)|рефактор|refatorar",
    "debugging": r"fix|debug|bugfix|修正|修复|수정|исправить|corrigir",
    "review": r"review|audit|security\s+(?:review|audit)|レビュー|审查|검토|проверка\s+кода|revisar",
    "analysis": r"analy[sz]e|profile|benchmark|measure|分析|분석|анализ\w*|analisar",
    "deployment": r"deploy|release|publish|ship|デプロイ|部署|배포|развернуть|опубликовать|implantar|publicar",
}
_STARTS = {kind: re.compile(rf"^(?:{words})(?![a-z])", re.IGNORECASE) for kind, words in _OTHER.items()}

#: A task that begins so, or names such a thing, makes tests.
_TEST_WORK = re.compile(
    r"^(?:(?:write|create|add|implement|extend|generate|build|update|set\s+up)\s+(?:an?\s+|the\s+|more\s+|all\s+)?)?(?:[\w/-]+\s+){0,3}?"
    r"tests?\b(?!\s+(?:package|director|folder|framework|infrastructure|environment|database|data\b|fixture|util|helper|config|project|set))"
    r"|(?:単体|結合|統合|ユニット|E2E|回帰)テスト|テスト[をの]?(?:作成|実装|追加|更新|拡充)|(?:单元|集成|契约|端到端|回归)测试|(?:單元|整合|端對端)測試|编写.{0,20}测试|테스트\s*(?:작성|추가|구현)"
    r"|^(?:написать|создать|добавить)\s+(?:\w+\s+){0,2}тест|^(?:escrever|criar|adicionar)\s+(?:\w+\s+){0,3}testes?",
    re.IGNORECASE,
)


def task_type(text: str, written: Sequence[str]) -> str:
    """The task type: what it writes says most, then how its text begins.

    Args:
        text: without marker, id and labels.
        written: files the task writes.
    """
    plain = text.strip().lstrip("*_`~ ")
    if written and all(is_test_file(name) for name in written):
        return "testing"
    for kind, pattern in _STARTS.items():
        if pattern.search(plain):
            return kind
    if written and all(_DOCUMENT.search(name) for name in written):
        return "documentation"
    if _RUN.search(plain):
        return "testing"
    if written and not any(is_test_file(name) for name in written):
        return "code_writing"
    if _TEST_WORK.search(plain):
        return "testing"
    return classify(plain)


def is_test_file(name: str) -> bool:
    """Whether a path looks like one of a test. The folder ``specs/001-...`` holds specifications."""
    return bool(_TEST_FILE.search(name)) and not _SPEC_FOLDER.search(name)


def stem(name: str) -> str:
    """The name of a file for comparison: no folder, no ending, no case, no separators."""
    base = posixpath.basename(name)
    base = base.rpartition(".")[0] or base
    return re.sub(r"[^\w]|_", "", base).lower()


def tested_stem(name: str) -> str | None:
    """What a test file is called after (``test_user_service.py`` -> ``userservice``); ``None`` for one that is named after nothing."""
    base = posixpath.basename(name)
    base = base.rpartition(".")[0] or base
    bare = _AFFIX.sub("", base)
    return re.sub(r"[^\w]|_", "", bare).lower() if bare and bare != base else None
