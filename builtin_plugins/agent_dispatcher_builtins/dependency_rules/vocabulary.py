"""How early in a project work of a sort is done, told by general words of software.

Two small tables of word stems, for titles and for the beginnings of descriptions. A word below zero belongs to early work (*initialize the schema*), one above
zero to late work (*test*, *deploy*, *optimize*). One step is worth 3 % of the way from the first task of a list to its last. The numbers were fitted to
public task lists whose order is known (``docs/dependency-rules.md``); which words are in the tables was chosen by hand: words of the craft, none of a product, a
domain or a vendor. Words of other languages weigh nothing, and of a task that has none of these words nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .wording import Wording

__all__ = ["stage", "telling"]

_STEP = 0.03

_TITLE: Mapping[int, str] = {
    -10: "design",
    -7: "initializ",
    -6: "core",
    -5: "architectur bootstrap defin scaffold set setup",
    -4: "api authenticat component",
    -3: "class foundation infrastructur install project schema servic skeleton",
    -2: """
        algorithm base creat impl layout library migrat model navigat policy refactor requir server shar
        structur tabl
    """,
    -1: """
        configur configurat connection dependency detection directory environ filter manager method middlewar
        parameter parser provider repository role stack
    """,
    1: """
        action advanc case ci comprehensiv custom develop end establish event form frontend header job key load mechanism
        notificat real report unit verificat version workflow
    """,
    2: """
        access add alert analytic build cach cd cleanup css dashboard edge enforc enhanc feedback file finaliz handler logg
        mobil mock monitor option quality queu responsiv secur sett statu suit system updat usag verify
    """,
    3: "complianc docu endpoint guid launch production publish readm releas export handl manag recovery templat validat",
    4: "documentat error functionality integrat optimiz performanc security",
    5: "respons",
    7: "deploy test",
}
_OPENING: Mapping[int, str] = {
    -4: "class core creat defin install structur",
    -3: "authenticat directory exist identify initializ method requir schema set",
    -2: """
        already base basic communicat databas entity essential extract field file foundational header invalid key lib
        middlewar modul output pars parser primary project property provider purpos scal servic sql type variabl
    """,
    -1: """
        algorithm analyz api assess backend background behavior column configur configurat connection control custom default
        definition detail diagram docu establish framework function handl infrastructur init library list main manager messag
        model object packag page persist placeholder platform retriev review root seed select sourc stat system utility
    """,
    1: """
        access accessibility activ admin alert auth automat awar backup benchmark cach calculat chart cleanup command common
        cover end enforc enhanc export fallback format import indicator interaction interactiv metric mobil modal path
        performanc pipelin prepar procedur product production provid regression report script send session start submission
        track transaction usag user ux view wrapper
    """,
    2: """
        audit branch build case comprehensiv concurrent dashboard degradat deploy encryption execut execution featur feedback
        final functionality graceful guidelin historical impact instruction integrat layout log maintain mechanism metadata
        notificat optimiz pass perform process protect rate recommendat replac respons result schedul strategy throughout util
    """,
    3: "add apply complianc develop documentat edge impl monitor suit test updat workflow",
    4: "scenario",
}

_IN_TITLE = {word: steps * _STEP for steps, line in _TITLE.items() for word in line.split()}
_IN_OPENING = {word: steps * _STEP for steps, line in _OPENING.items() for word in line.split()}


def stage(wording: Wording) -> float:
    """Where in a project the sort of work belongs: below 0 early, above 0 late, mostly between -0.6 and 0.6."""
    return sum(weight for _, weight in _weights(wording))


def telling(wording: Wording, *, late: bool) -> str:
    """The stem that speaks most for early (or ``late``) work, those of the title first; ``""`` when none does."""
    sign = 1.0 if late else -1.0
    for words, weights in ((wording.title, _IN_TITLE), (wording.opening, _IN_OPENING)):
        said = {word: sign * weights[word] for word in words if sign * weights.get(word, 0.0) > 0}
        if said:
            return max(sorted(said), key=lambda word: said[word])
    return ""


def _weights(wording: Wording) -> Iterator[tuple[str, float]]:
    for word in sorted(set(wording.title)):
        if word in _IN_TITLE:
            yield word, _IN_TITLE[word]
    for word in sorted(wording.opening):
        if word in _IN_OPENING:
            yield word, _IN_OPENING[word]
