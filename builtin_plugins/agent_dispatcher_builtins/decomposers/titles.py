"""What tasks are called: one phrase that says what is to be done."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence

from agent_dispatcher.models import Requirement

from .clusters import Cluster
from .promising import Work
from .prose import headline
from .stating import local_names
from .wording import imperative, plain_text, shortened

__all__ = ["component_title", "group", "tested", "work_title"]

#: What begins with one of these says already what is to be done.
_ORDERS = """
    accept add allow analyze apply attach automate build calculate cancel capture change check choose clean clear collect
    configure connect convert create define delete deliver describe detect develop display do document expand explain explore edit enable enforce ensure
    expose export extend extract fetch filter find fix generate group handle hide implement import improve install
    integrate introduce invite limit list load log maintain make manage map match measure merge migrate model
    monitor move notify offer open parse pay persist play prevent print process protect provide publish read
    receive record refactor register remove rename render replace report request require reset restore restrict
    retrieve return reuse review run save schedule search secure select send serve set show sign simplify sort
    start stop store stream submit subscribe support switch sync synchronize test track transfer trigger update
    upgrade upload use validate verify view warn write
"""
#: With *Test:* before it a title has 80 characters.
_LONGEST = 74
_IN_FILE = re.compile(r"Write .+ in [^\s]+\.\w+(?: and \d+ more)?$")
_VERBS = frozenset(_ORDERS.split())


def work_title(found: Cluster, work: Work, serving: Mapping[str, int], siblings: int) -> str:
    """What the task does, in one phrase that no other task of the component has.

    Args:
        serving: how many tasks of the component serve a requirement, by its id.
        siblings: how many tasks the component has.
    """
    if found.path:
        return _written(work) if work.names else _about(found.path, work)
    base = component_title(found, work.requirements)
    first = work.requirements[0]
    if siblings == 1:
        return base
    if work.files and serving[first.id] > 1:
        return shortened(f"{base}: {', '.join(each.stem for each in work.files)}")
    detail = imperative(first.text)
    if serving[first.id] > 1:
        hanging = [*(each.title for each in first.scenarios), *first.edge_cases, *first.constraints]
        detail = next((imperative(each) for each in hanging if each), detail)
    return (
        shortened(f"{base}: {detail[:1].lower() + detail[1:] if detail[1:2].islower() else detail}", 100)
        if detail != base
        else base
    )


def _written(work: Work) -> str:
    """``Write Stock and low_stock in src/inv/stock.py``; of many names the first."""
    files = [*(each.path for each in work.files), *work.extends]
    where = files[0] + (f" and {len(files) - 1} more" if len(files) > 1 else "") if files else ""
    named = local_names(work.names)
    for count in range(len(named), 0, -1):
        some = [*named[:count], *([f"{len(named) - count} more"] if count < len(named) else [])]
        phrase = f"{', '.join(some[:-1])} and {some[-1]}" if len(some) > 1 else some[0]
        title = f"Write {phrase} in {where}" if where else f"Write {phrase}"
        if len(title) <= _LONGEST:
            return title
    return shortened(f"Write {named[0]} in {posixpath.basename(where)}", _LONGEST)


def _about(path: str, work: Work) -> str:
    """What the first requirement asks for, and how many there are; *Write src/cli.py: a command ...* where it begins with its file."""
    line = plain_text(work.requirements[0].text)
    rest = line[len(path) :].lstrip(" :—–-") if line.startswith(path) else ""
    phrase = f"Write {path}: {rest}" if rest and line[len(path) :].lstrip()[:1] in (":", "—", "–", "-") else ""
    count = len(work.requirements) - work.common - 1
    more = f" and {count} more" if count > 0 else ""
    return shortened(headline(phrase) if phrase else imperative(line), _LONGEST - len(more)) + more


def component_title(found: Cluster, requirements: Sequence[Requirement]) -> str:
    """What is done for a component: its name as work, or what its first requirement asks for."""
    title = found.title or next((each.title for each in found.units if each.title), "")
    if not title or (len(found.requirements) == 1 and not found.units[0].title and title.islower()):
        return imperative(requirements[0].text)
    if not title.isascii() or title.split()[0].lower() in _VERBS:
        return shortened(title)
    if title.islower() and " " not in title:  # a word that requirements share
        more = len(requirements) - 1
        phrase = imperative(requirements[0].text)
        return shortened(phrase, 70) + (f" and {more} more" if more else "")
    sentence = all(word[:1].islower() for word in title.split()[1:]) and " " in title and title[1:2].islower()
    return shortened(f"Implement {title[:1].lower() + title[1:] if sentence else title}")


def tested(title: str) -> str:
    """What is tested, of a title that says what is done."""
    if _IN_FILE.match(title):
        return title.removeprefix("Write ")
    thing = title.removeprefix("Implement ")
    return shortened(thing[:1].upper() + thing[1:] if thing != title else thing, 74)


def group(found: Cluster) -> str:
    """What the tasks of a component have in common for readers."""
    return found.title or found.path or next((each.title for each in found.units if each.title), "")
