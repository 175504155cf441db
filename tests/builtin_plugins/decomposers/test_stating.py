"""What requirements themselves say: in which file the code goes, and which names it has."""

from __future__ import annotations

import asyncio

import pytest

from agent_dispatcher.extension import Decomposition, PlanningContext
from agent_dispatcher.models import Requirement, Specification, Task
from agent_dispatcher_builtins.decomposers.pattern import PatternDecomposer
from agent_dispatcher_builtins.decomposers.stating import Stated, read_statements
from agent_dispatcher_builtins.languages.python.language import Python
from agent_dispatcher_builtins.languages.python.outline import module


def stated(*texts: str, known: tuple[str, ...] = ()) -> list[Stated | None]:
    """What each text promises."""
    some = [Requirement(id=f"R{number}", text=text) for number, text in enumerate(texts)]
    found = read_statements(some, known, module)
    return [found.get(each.id) for each in some]


def promised(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Files and symbols of one text that promises some."""
    [found] = stated(text)
    assert found is not None
    assert tuple(each.partition(":")[2] for each in found.symbols) == found.names
    return found.paths, found.symbols


def tasks(*texts: str) -> tuple[Task, ...]:
    """The plan of requirements R0, R1, ..."""
    some = tuple(Requirement(id=f"R{number}", text=text) for number, text in enumerate(texts))
    of = Specification(id="s", title="S", requirements=some)
    context = PlanningContext(specification=of, language=Python())
    result = asyncio.run(PatternDecomposer().decompose(of, context))
    assert isinstance(result, Decomposition), result
    return result.tasks


@pytest.mark.parametrize(
    ("text", "path", "names"),
    [
        ("`src/inv/text.py` gets a function `slugify(text)` that lowers it.", "src/inv/text.py", "inv.text:slugify"),
        (
            "The module `temps/convert.py` must provide `c_to_f(celsius)` and `f_to_c(fahrenheit)`.",
            "temps/convert.py",
            "temps.convert:c_to_f temps.convert:f_to_c",
        ),
        (
            "`a/stock.py` gets a class `Stock` with `add(sku, count)` and `remove(sku)`; removing raises `ValueError`.",
            "a/stock.py",
            "a.stock:Stock a.stock:Stock.add a.stock:Stock.remove",
        ),
        (
            "Die Klasse `Rechnung` in `r/rechnung.py` hat `position(text)` und `summe()`.",
            "r/rechnung.py",
            "r.rechnung:Rechnung r.rechnung:Rechnung.position r.rechnung:Rechnung.summe",
        ),
        (
            "A class `Series` in `t/series.py` collects readings: `Series.add(value)`, `Series.mean()`.",
            "t/series.py",
            "t.series:Series t.series:Series.add t.series:Series.mean",
        ),
        (
            "As a reader, I want to add one (`b/store.py` as `Store.add(title, url)`).",
            "b/store.py",
            "b.store:Store.add",
        ),
        ("Find them by a word (`b/search.py`, function `find(store, word)`).", "b/search.py", "b.search:find"),
        ("`top(counts, n)` in `src/w/rank.py` must return the first n.", "src/w/rank.py", "w.rank:top"),
        ("Notes are kept by the class `NoteStore` in `notes/store.py`.", "notes/store.py", "notes.store:NoteStore"),
        ("The command is defined in `todo/cli.py`, function `main(argv)`.", "todo/cli.py", "todo.cli:main"),
        ("`c/acc.py`: `Account`, `open_account(owner)` for all.", "c/acc.py", "c.acc:Account c.acc:open_account"),
        (
            "`a/s.py`: class `Links` that keeps links. Methods: `put(url) -> code`, `get(code) -> url`.",
            "a/s.py",
            "a.s:Links a.s:Links.put a.s:Links.get",
        ),
        ("`python -m w FILE` prints them. This belongs in `src/w/__main__.py`.", "src/w/__main__.py", ""),
    ],
)
def test_what_a_sentence_introduces_is_promised(text: str, path: str, names: str) -> None:
    """The file, and the functions, classes and methods, in the styles people write."""
    assert promised(text) == ((path,), tuple(names.split()))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('`a/b.py` gets a function `f(x)`. `g("Blue")` returns `"blue"`.', "a.b:f"),
        ("`a/b.py` gets a function `f(x)` that uses the function `g(x)` and calls `h(y)`.", "a.b:f"),
        ("`a/b.py` gets a class `Stock` and the method is called after `add(x)`.", "a.b:Stock"),
        ("`a/b.py` gets a class `Stock`, which must provide more than `add(x)`.", "a.b:Stock"),
        ("`a/b.py` must raise `ValueError` when `limit` is missing.", ""),
    ],
)
def test_what_is_mentioned_is_no_promise(text: str, names: str) -> None:
    """Examples, what is used, and what may as well be a method: a promise that is wrong would refuse honest work."""
    assert promised(text) == (("a/b.py",), tuple(names.split()))


@pytest.mark.parametrize(
    "text",
    [
        "The report must be like `a/old.py`.",
        "The report must use the class `Store` in `a/store.py`.",
        "The report must use `Store` of `a/store.py`.",
        "Work without `a/b.py` must go on.",
        "`a/b.py` must not be changed.",
        "`a/b.py` must stay as it is.",
        "It must remove `a/b.py`.",
        "It must read `data/items.json` and `README.md`.",
        "It must pass `tests/test_a.py`.",
        "The function `slugify(title)` must give words.",
    ],
)
def test_files_that_are_not_to_be_written_are_no_place(text: str) -> None:
    """What is read, stays, goes, is data or a test; and a name without a file promises nothing."""
    assert stated(text) == [None]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Remove the function `old(x)` in `a/b.py`.", ""),
        ("Remove the method `Cart.total()` in `a/b.py`.", ""),
        ("Drop `parse(x)` in `a/b.py`.", ""),
        ("Rename the function `sums` in `a/b.py` to `total`.", ""),
        ("The functions `old` and `older` in `a/b.py` must be renamed.", ""),
        ("In `a/b.py` the function `load` is replaced by `read`.", ""),
        ("The class `Cart` in `a/b.py` must no longer exist.", ""),
        ("`a/b.py` no longer has a function `old(x)`.", ""),
        ("`a/b.py` must not have a function `old(x)`.", "-"),
        ("`a/b.py` has a function `f(x)`; it must not have a function `g(x)`.", "a.b:f"),
        ("`a/b.py` gets `f(x)`; delete the function `g(x)`.", "a.b:f"),
        ("`a/b.py` gets a function `new(x)`, `old(x)` is removed.", "a.b:new"),
        ("`a/b.py` gets a function `bare(x)` that removes tags, and a function `words(x)`.", "a.b:bare a.b:words"),
        ("It must remove old ones (`a/b.py`, function `purge(now)`).", "a.b:purge"),
        ("As a reader, I want to remove one (`a/b.py` as `Store.remove(title)`).", "a.b:Store.remove"),
        ("Merge sort: `a/b.py` gets a function `merge(x, y)`.", "a.b:merge"),
        ("Replace the function `old` by the function `new(x)` in `a/b.py`.", "a.b:new"),
    ],
)
def test_names_that_go_are_no_promise(text: str, names: str) -> None:
    """A task that promised them could never be done; what comes instead, and what a product takes away, are promised."""
    assert stated(text) == [None] if names == "-" else promised(text) == (("a/b.py",), tuple(names.split()))


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("`a/old.py` must be removed.", ""),
        ("`a/old.py` and `a/older.py` must be deleted.", ""),
        ("`a/old.py` goes away.", ""),
        ("Delete the old module `a/old.py`.", ""),
        ("Move `a/old.py` to `a/new.py`.", "a/new.py"),
        ("`a/old.py` must be renamed to `a/new.py`.", "a/new.py"),
        ("Replace `a/old.py` by `a/new.py`.", "a/new.py"),
        ("Convert `a/old.js` to `a/new.ts`.", "a/new.ts"),
        ("Split `a/old.py` into `a/b.py` and `a/c.py`.", "a/b.py a/c.py"),
        ("Merge `a/old.py` and `a/older.py` into `a/b.py`.", "a/b.py"),
        ("`a/old.py` is moved; `a/b.py` gets a class `Cart`.", "a/b.py"),
    ],
)
def test_files_that_go_are_no_promise(text: str, paths: str) -> None:
    """What is removed, renamed, moved, split, merged or converted; where it goes to is promised."""
    [found] = stated(text)
    assert (found.paths if found else ()) == tuple(paths.split())


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("`a/b.py` gets a function `get(key)`, `KeyError` is raised for others.", "a.b:get"),
        ("`a/b.py` gets a function `get(key)` and `None` is returned for others.", "a.b:get"),
        ("`a/b.py` gets a function `f(x)`, `x` is a number.", "a.b:f"),
        ("`a/b.py` gets a function `f(x)`; the exception `ValueError` is raised.", "a.b:f"),
        ("`a/b.py` gets a function `f(x)` and the class `Fraction` of the standard library is used.", "a.b:f"),
        ("`a/b.py`: function `f(x)`; function `print` must not be used.", "a.b:f"),
        ("`a/b.py` gets a function `f(path)`. `open(path)` is used for reading.", "a.b:f"),
        (
            "`a/b.py` gets a class `Stock` with `add(name)`, `drop(name)` and `KeyError` for unknown names.",
            "a.b:Stock a.b:Stock.add a.b:Stock.drop",
        ),
        ("`a/b.py` gets a class `Point` with `x` and `y`.", "a.b:Point"),
        ("`a/b.py` gets a class `Point` with `x`, `y` and `move(by)`.", "a.b:Point a.b:Point.move"),
        ("`a/b.py` gets constants `LOW` and `HIGH`.", "a.b:LOW a.b:HIGH"),
        ("`a/b.py` gets classes `Stock` and `Item`.", "a.b:Stock a.b:Item"),
        ("`a/b.py` gets a function `open(path)`.", "a.b:open"),
    ],
)
def test_what_follows_a_name_is_promised_when_it_is_one_of_them(text: str, names: str) -> None:
    """No builtins, parameters, fields, and nothing that the sentence goes on to speak of."""
    assert promised(text) == (("a/b.py",), tuple(names.split()))


def test_what_is_about_a_promised_name_goes_with_its_file() -> None:
    """A method of a class, and a rule for a function, wherever they stand; what two files have is left open."""
    first, method, rule, unclear = stated(
        "`l/bucket.py` provides a class `Bucket`. `l/a.py` provides a function `parse(x)`.",
        "The method `Bucket.take(n)` must return whether there were n.",
        "`parse` must raise `ValueError` otherwise.",
        "`other` must be quick.",
    )
    assert first == Stated(("l/bucket.py", "l/a.py"), ("l.bucket:Bucket", "l.a:parse"), ("Bucket", "parse"))
    assert method == Stated(("l/bucket.py",), ("l.bucket:Bucket.take",), ("Bucket.take",))
    assert rule == Stated(("l/a.py",), ("l.a:parse",), ("parse",))
    assert unclear is None


def test_what_a_file_holds_is_no_attribute_of_a_function() -> None:
    """What stands behind the dot is promised of classes only."""
    _, cached = stated("`a/p.py` gets a function `parse(x)`.", "`parse.cache` must be small.")
    assert cached == Stated(("a/p.py",))


def test_short_names_are_completed() -> None:
    """From the design's files, the files others name, and the package of modules beside."""
    [words] = stated("`words.py` gets a function `slug(x)`.", known=("src/kit/words.py",))
    assert words == Stated(("src/kit/words.py",), ("kit.words:slug",), ("slug",))
    _, decorators = stated("`limiter/bucket.py` is there.", "A decorator named `limited` in the module `limiter.deco`.")
    assert decorators == Stated(("limiter/deco.py",), ("limiter.deco:limited",), ("limited",))


def test_each_file_is_a_task_with_its_test() -> None:
    """Requirements of one file are one task; titles name what is written, and where."""
    made = tasks(
        "`src/inv/text.py` gets a function `slugify(text)`.",
        "`src/inv/stock.py` gets a class `Stock` with `add(sku, count)`.",
        "`src/inv/stock.py` gets a function `low_stock(stock, limit)`.",
        "`src/inv/report.py` gets a function `report(stock)` that lists a `Stock`.",
    )
    assert [(each.type, each.title, each.requirements, len(each.verifies)) for each in made] == [
        ("code_writing", "Write slugify in src/inv/text.py", ("R0",), 0),
        ("testing", "Test: slugify in src/inv/text.py", ("R0",), 1),
        ("code_writing", "Write Stock and low_stock in src/inv/stock.py", ("R1", "R2"), 0),
        ("testing", "Test: Stock and low_stock in src/inv/stock.py", ("R1", "R2"), 1),
        ("code_writing", "Write report in src/inv/report.py", ("R3",), 0),
        ("testing", "Test: report in src/inv/report.py", ("R3",), 1),
    ]
    stock, report = made[2], made[4]
    assert [each.name for each in stock.produces] == [
        "src/inv/stock.py",
        "inv.stock:Stock",
        "inv.stock:Stock.add",
        "inv.stock:low_stock",
    ]
    assert [(each.type, each.name) for each in report.consumes] == [("symbol", "inv.stock:Stock")]


def test_a_file_with_too_much_for_one_task_is_gone_on_with() -> None:
    """The first task promises the file, the others need it: nobody writes it at the same time, and each promises its names."""
    made = tasks(*(f"`a/many.py` gets a function `f{number}(x)`." for number in range(20)))
    first, second = (each for each in made if each.type == "code_writing")
    assert [each.name for each in first.produces if each.type == "path"] == ["a/many.py"]
    assert [each.name for each in second.produces if each.type == "path"] == []
    assert [each.name for each in second.consumes if each.type == "path"] == ["a/many.py"]
    names = [each.name for task in (first, second) for each in task.produces if each.type == "symbol"]
    assert names == [f"a.many:f{number}" for number in range(20)]
    assert len(first.title) <= 80
    assert first.title != second.title


@pytest.mark.parametrize(
    "text",
    [
        "Each file that is uploaded is scanned.",
        "Every message sent to a buyer is stored.",
        "All dates of an invoice are shown.",
    ],
)
def test_what_a_product_does_to_each_thing_is_no_rule_for_all_code(text: str) -> None:
    """It is a feature, and a task of its own."""
    made = tasks("`a/x.py` gets a function `f(x)`.", text)
    assert [each.requirements for each in made if each.type == "code_writing"] == [("R0",), ("R1",)]


def test_a_rule_for_everything_is_met_by_every_piece_of_code() -> None:
    """It has nothing to write of its own; where no requirement says which files there are, it stays what it was."""
    made = tasks("`a/x.py` gets a function `f(x)`.", "`a/y.py` gets a function `g(x)`.", "Every answer must be JSON.")
    assert [each.requirements for each in made if each.type == "code_writing"] == [("R0", "R2"), ("R1", "R2")]
    feature = tasks("`a/x.py` gets a function `f(x)`.", "Every member must be able to borrow a book.")
    assert [each.requirements for each in feature if each.type == "code_writing"] == [("R0",), ("R1",)]
    alone = tasks("The shop must sell apples.", "Every answer must be JSON.")
    assert ("R1",) in [each.requirements for each in alone]


def test_titles_say_what_is_done() -> None:
    """Names where there are some, also of a language that is not active; else what the first requirement asks for, and how many there are."""
    made = tasks(
        "`src/cart.ts` exports a class `Cart`.",
        "`s/cli.py`: a command `shorten URL` that prints the code.",
        "`POST /notes` makes a note. Handler in `n/create.py`.",
        "`GET /notes` lists the notes, as told in the page about notes. Handler in `n/create.py`.",
        "No third-party packages.",
        "`m/a.py` gets a function `f(x)`, and `m/b.py` gets a function `g(x)`.",
    )
    assert [each.title for each in made if each.type == "code_writing"] == [
        "Write Cart in src/cart.ts",
        "Write s/cli.py: a command shorten URL that prints the code",
        "POST /notes makes a note and 1 more",
        "Write f and g in m/a.py and 1 more",
    ]
    assert made[0].produces[1:] == ()
