"""Names are exchanged for ones that cost nothing, and nothing that anybody else knows by name is."""

from __future__ import annotations

import ast
import keyword
import re
from pathlib import Path, PurePath

import pytest

from host_tests.stubs import stub_root
from nameplate.factory import names as names_module
from nameplate.factory.bundle import bundles
from nameplate.factory.code import Code
from nameplate.factory.names import ENTRY, Names, rom_names
from nameplate.factory.sources import device_modules

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def code() -> Code:
    return Code(ROOT)


def words(trees: list[ast.Module]) -> set[str]:
    """Every name in these trees, found by being a text that is no constant."""
    names: set[str] = set()
    for node in (node for tree in trees for node in ast.walk(tree) if not isinstance(node, ast.Constant)):
        for _, value in ast.iter_fields(node):
            names.update(
                item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)
            )
    return names


def small(source: str, entry: str = "") -> tuple[Names, str]:
    """The exchange for one small module, and the module after it."""
    tree = ast.parse(source)
    made = Names([(PurePath("firmware/thing.py"), tree)], [ast.parse(entry)])
    made.apply(tree)
    return made, ast.unparse(tree)


def test_the_list_is_sorted_as_it_is_given_out_and_says_nothing_twice():
    both, newer = rom_names()
    assert both == sorted(both, key=lambda name: (len(name), name))
    assert newer == sorted(newer, key=lambda name: (len(name), name))
    assert len({*both, *newer}) == len(both) + len(newer)
    assert all(name.isascii() and name.isidentifier() for name in both + newer)
    assert len(both) > 1000


def declared(stub: ast.AST) -> set[str]:
    """What a stub names, but for arguments, which a function from outside takes by its own rules."""
    found = set()
    for node in ast.walk(stub):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        elif isinstance(node, ast.Assign):
            found.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return found


@pytest.mark.parametrize(("release", "where"), [("1.23", "**/*.pyi"), ("1.29", "*.pyi")])
def test_nothing_that_a_stock_build_names_is_exchanged(release, where, code):
    """1.29's `stdlib` folder is CPython's, with names that no chip has: what it adds is read off 1.23."""
    stubs = [ast.parse(path.read_text()) for path in stub_root(release).glob(where)]
    known = set().union(*map(declared, stubs))
    assert {
        "readinto",
        "ioctl",
        "idf_heap_info",
        "ticks_diff",
        "ipoll",
        "MQTTClient",
    } <= known or release == "1.29"
    assert {"idf_heap_info", "ticks_diff", "WLAN"} <= known
    # `alarm` is RTC's, which no device code asks for one.
    assert {name for name in code.names.renamed if name in known} <= {"alarm"}


def test_nothing_that_the_language_or_a_protocol_names_is_exchanged(code):
    called = """__init__ __aenter__ __aexit__ __aiter__ __anext__ __await__ __call__ __contains__ __del__ __enter__ __eq__
    __exit__ __getattr__ __getitem__ __hash__ __iter__ __len__ __next__ __repr__ __setitem__ __str__ read readinto readline
    write ioctl seek flush close readblocks writeblocks send throw args value errno sock pid main add_done_callback get_extra_info
    drain wait_closed call_exception_handler set_exception_handler run_forever create_task get_event_loop""".split()
    assert not {*called} & {*code.names.renamed}
    assert not {name for name in code.names.renamed if name.startswith("__")}


def test_new_names_collide_with_nothing(code):
    """Nothing that is not exchanged has the name that something else got: no name, no part of a text, no file."""
    sources = {PurePath(path): (ROOT / path).read_bytes() for path in device_modules(ROOT)}
    found = bundles(sources)
    texts = {
        node.value
        for bundle in found
        for _, tree in bundle.parts
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    own = words([tree for bundle in found for _, tree in bundle.parts])
    renamed = code.names.renamed
    given = list(renamed.values())
    assert len(given) > len(set(given)) > 500
    for bundle in found:
        here = words([tree for _, tree in bundle.parts]) & {*renamed}
        assert len({renamed[name] for name in here}) == len(here), bundle.name
    assert not set(given) & (own - set(renamed))
    assert not set(given) & texts
    assert not set(given) & {part for bundle in found for part in bundle.path.with_suffix("").parts}
    assert not set(given) & words([ast.parse((ROOT / path).read_bytes()) for path in ENTRY])
    assert not [
        name for name in given if keyword.iskeyword(name) or name.startswith("__") or not name.isidentifier()
    ]


def test_two_files_call_a_global_of_their_own_alike_and_nothing_else():
    sources = {
        "firmware/one.py": "from firmware import two\ndef own_one(argument): return two.shared(argument).member\n",
        "firmware/two.py": "def own_two(argument): return argument\ndef shared(that): return own_two(that)\n",
    }
    trees = [(PurePath(path), ast.parse(source)) for path, source in sources.items()]
    made = Names(trees)
    renamed = made.renamed
    assert renamed["own_one"] == renamed["own_two"]
    assert len(set(renamed.values())) == len(renamed) - 1
    assert {"argument", "that", "shared", "member"} < set(renamed)
    assert renamed["argument"] != renamed["that"]
    one, two = (made.originals(path) for path, _ in trees)
    assert (one[renamed["own_one"]], two[renamed["own_one"]]) == ("own_one", "own_two")
    assert renamed["own_one"] not in made.originals(None) and renamed["shared"] in made.originals(None)


def test_a_name_is_the_same_everywhere_and_a_text_stays(code):
    made, text = small(
        "class Thing:\n    def grow_tall(self, by_much=1):\n        self.so_tall = by_much\n        return f'{self.so_tall!r:>{by_much}} so_tall by_much'\n"
        "def use(thing):\n    thing.grow_tall(by_much=3)\n    so_tall = 1\n    return so_tall, 'grow_tall'\n"
    )
    assert set(made.renamed) == {"Thing", "grow_tall", "by_much", "so_tall", "use"}  # `thing` is the file
    for name, new in made.renamed.items():
        assert new in rom_names()[0], name
    assert text.count(made.renamed["so_tall"] + "!r") == 1 and " so_tall by_much" in text
    assert "'grow_tall'" in text and "def grow_tall" not in text  # what a text looks up stands in LOOKED_UP
    assert f"({made.renamed['by_much']}=3)" in text


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("import machine\nmachine.Pin.not_in_any_list(1)\n", "not_in_any_list"),
        ("from machine import Pin as pin_kind\nx = pin_kind.not_in_any_list\n", "not_in_any_list"),
        ("from collections import namedtuple\nPair = namedtuple('Pair', 'left_one, right_one')\nPair(1, 2).left_one\n", "left_one"),
        ("def take(**rest):\n    print(rest)\ntake(not_in_any_list=1)\n", "not_in_any_list"),
        ("import io\nclass Mine(io.IOBase):\n    def not_in_any_list(self):\n        pass\n", "not_in_any_list"),
        ("import io\nclass Mine(io.IOBase):\n    pass\nclass More(Mine):\n    def go(self):\n        self.not_in_any_list = 1\n", "not_in_any_list"),
        ("def f(x):\n    return getattr(x, 'not_in_any_list')\ndef g(x):\n    x.not_in_any_list = 1\n", "not_in_any_list"),
        ("class Wrong(Exception):\n    def go(self):\n        return self.args, self.errno, self.value\n", "args"),
        ("class A:\n    def __not_ours__(self):\n        pass\n", "__not_ours__"),
    ],
)  # fmt: skip
def test_what_somebody_else_knows_by_its_name_keeps_it(source, kept):
    made, text = small(source)
    assert kept not in made.renamed
    assert re.search(rf"\b{kept}\b", text)


def test_what_the_entry_files_use_keeps_its_name():
    made, _ = small("def started():\n    pass\n", "from firmware import app\napp.started()\n")
    assert "started" not in made.renamed


def test_an_exception_of_ours_keeps_its_name_and_nothing_else_of_it_does():
    made, _ = small(
        "class Wrong(ValueError):\n    def of_ours(self):\n        self.why_so = 1\nclass Worse(Wrong):\n    pass\n"
    )
    assert {"of_ours", "why_so"} <= set(made.renamed)
    assert not {"Wrong", "Worse"} & set(made.renamed)


def test_without_names_of_the_rom_two_letters_are_given(monkeypatch):
    monkeypatch.setattr(names_module, "rom_names", lambda: (["D", "_x"], []))
    source = "from micropython import const\nLIMIT_A = const(1)\nLIMIT_B = const(2)\n" + "".join(
        f"def call_{n}(aa_{n}):\n    return aa, LIMIT_A, LIMIT_B\n" for n in range(9)
    )
    made, text = small(source)
    renamed = made.renamed
    assert len(set(renamed.values())) == len(renamed) == 20
    assert {"D", "_x"} < set(renamed.values())
    assert {len(name) for name in renamed.values()} == {1, 2} and "aa" not in renamed.values()
    # `_X = const(...)` is gone after compiling: other modules could not import it.
    assert "_x" not in (renamed["LIMIT_A"], renamed["LIMIT_B"])
    assert f"{renamed['LIMIT_A']} = const(1)" in text


def test_the_same_input_gives_the_same_names_whatever_was_made_before(code):
    again = Code(ROOT)
    assert again.names.renamed == code.names.renamed
    assert [again.source(name) for name in again.modules()] == [code.source(name) for name in code.modules()]


def test_parameters_that_come_by_name_from_outside_keep_theirs(code):
    """A call with `**` on a dictionary from the line: its keys are texts in the sources, or the call would fail."""
    tree = ast.parse((ROOT / "firmware/console/methods.py").read_bytes())
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and any(keyword.arg is None for keyword in node.keywords)
        and isinstance(node.func, ast.Name)
    }
    tables = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict) and all(isinstance(v, ast.Name) for v in node.values)
    ]
    called |= {value.id for table in tables for value in table.values if isinstance(value, ast.Name)}
    functions = {
        node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    arguments = [functions[name].args for name in called & set(functions)]
    by_name = {arg.arg for these in arguments for arg in these.args[len(these.args) - len(these.defaults) :]}
    assert {"value", "nonce"} <= by_name
    assert not by_name & set(code.names.renamed)
