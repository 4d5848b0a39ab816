"""What is joined, renamed and compiled for a slot says what the plain sources say, on the real interpreter."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tests.conftest import micropython_command
from nameplate.factory.bundle_scopes import scope_of
from nameplate.factory.code import Code

RARE = (Path(__file__).resolve().parents[2] / "lib/rare.py").read_text()
APP = """
from lib import rare


def main():
    from firmware import build

    try:
        build.build()
    finally:
        rare.forget(("firmware.build",))
"""


def write_tree(root: Path, files: dict[str, str]) -> None:
    """A device whose firmware.agent.run() is what is looked at; `files`: path -> Python."""
    base = {
        "boot.py": "",
        "main.py": "from firmware import app\napp.main()\n",
        "lib/rare.py": RARE,
        "firmware/__init__.py": "",
        "lib/__init__.py": "",
        "firmware/app.py": APP,
        "firmware/build.py": "from firmware import agent\n\n\ndef build():\n    agent.run()\n",
    }
    for path, source in {**base, **files}.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(dedent(source))


def run(folder: Path) -> str:
    done = subprocess.run(
        [*micropython_command(), "-X", "heapsize=2m", "-c", "import sys\nsys.path[:]=['.', '.frozen']\nfrom firmware import app\napp.main()"],
        cwd=folder, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def image_of(root: Path, out: Path) -> Code:
    """What a slot holds of the device `root`, in the folder `out`."""
    code = Code(root)
    for path, content in code.files():
        place = out / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return code


Same = Callable[..., Code]


@pytest.fixture
def same(tmp_path: Path) -> Same:
    """Asserts that plain sources and image print the same, and that it is something; gives the image's code."""

    def check(files: dict[str, str], said: str | None = None) -> Code:
        write_tree(tmp_path / "plain", files)
        code = image_of(tmp_path / "plain", tmp_path / "slot")
        plain = run(tmp_path / "plain")
        assert plain
        if said is not None:
            assert plain.split() == said.split()
        assert run(tmp_path / "slot") == plain, "\n".join(code.source(name) for name in code.modules())
        return code

    return check


def test_the_same_names_in_several_modules(same):
    code = same({
        "firmware/agent.py": """
            from firmware import a, b
            from firmware.a import size, Thing
            from firmware.b import Thing as Other, size as b_size
            limit = 3
            def helper():
                return "agent"
            def run():
                print(size, b_size, limit, a.limit, b.limit, helper(), a.helper(), b.helper())
                print(Thing().size(), Other().size(), a.twice(4), b.twice(4))
                print(a.size, b.size)
        """,
        "firmware/a.py": """
            size = 1
            limit = "a"
            def helper():
                return "helper of a " + str(size)
            def twice(limit):
                return limit * 2
            class Thing:
                def size(self):
                    return helper()
        """,
        "firmware/b.py": """
            size = 2
            limit = "b"
            def helper():
                return "helper of b " + str(size)
            def twice(size):
                return size * 2 if limit == "b" else None
            class Thing:
                size_of = size
                def size(self):
                    return helper(), self.size_of
        """,
    })  # fmt: skip
    assert code.modules()["firmware.agent"] == ("firmware.a", "firmware.b", "firmware.agent")


def test_modules_whose_dotted_names_differ_only_in_where_the_dot_is(same):
    same({
        "firmware/agent.py": """
            from firmware import link_up
            from firmware.link import up
            def run():
                print(link_up.name(), up.name())
        """,
        "firmware/link_up.py": "word = 'one'\ndef name():\n    return word\n",
        "firmware/link/up.py": "word = 'other'\ndef name():\n    return word\n",
    }, "one other")  # fmt: skip


def test_imports_in_functions_and_under_other_names(same):
    same({
        "firmware/agent.py": """
            def run():
                from firmware import part as p
                from firmware.part import Value as V, show
                show(V(1)); p.show(p.Value(2))
                def inner(show):
                    return V(show).number
                print(inner(5))
                print(late())
            def late():
                return early_name()
            from firmware.part import early_name
        """,
        "firmware/part.py": """
            class Value:
                def __init__(self, number):
                    self.number = number
            def show(value):
                print("value", value.number)
            def early_name():
                return "late import, early use"
        """,
    })  # fmt: skip


RARE_PART = {
    "firmware/agent.py": """
        import sys
        from lib import rare
        from firmware.words import shout
        _RARE = ("firmware.losses", "lib.sums")
        kept = []
        def run():
            for number in range(3):
                print(count(number), "firmware.losses" in sys.modules)
            print(held(2), inner()(3))
            print(shout("end"), kept)
        def count(number):
            from firmware.losses import Losses, start
            try:
                return Losses(start + number).total()
            finally:
                rare.forget(_RARE)
        def held(number):
            from firmware import losses
            try:
                return losses.Losses(number).total() + losses.start
            finally:
                losses = None
                rare.forget(_RARE)
        def inner():
            from firmware import losses as part
            def later(number):
                return part.Losses(number).total()
            return later
    """,
    "firmware/words.py": "def shout(text):\n    return text.upper()\n",
    "firmware/losses.py": """
        from firmware.words import shout
        from lib import sums
        print("losses loaded")
        start = 5
        class Losses:
            def __init__(self, start):
                self.start = start
            def total(self):
                shout("sum")
                return sums.add(self.start, start)
    """,
    "lib/sums.py": "print('sums loaded')\ndef add(one, other):\n    return one + other\n",
}  # fmt: skip


def test_rare_parts_are_loaded_when_they_are_used_and_forgotten(same):
    code = same(RARE_PART)
    assert code.modules()["firmware.losses"] == ("lib.sums", "firmware.losses")
    assert "firmware.losses" not in code.modules()["firmware.agent"]


def test_a_rare_part_takes_names_out_of_what_stays_wherever_it_imports_them(same):
    code = same({
        "firmware/agent.py": """
            from lib import rare
            from firmware import words
            def run():
                from firmware import part
                print(part.early(), part.late("x"), part.Kind().name(), words.limit)
                part = None
                rare.forget(("firmware.part",))
                from firmware.part import late as again
                print(again("y"))
                rare.forget(("firmware.part",))
        """,
        "firmware/words.py": "limit = 3\ndef loud(text):\n    return text.upper()\ndef soft(text):\n    return text.lower()\n",
        "firmware/part.py": """
            def early():
                return words.loud("early")
            class Kind:
                from firmware import words as own
                limit = own.limit
                def name(self):
                    return words.soft("NAME"), self.limit
            from firmware import words
            def late(text):
                for _ in range(2):
                    if _:
                        found = other.soft("LATE")
                    from firmware import words as other
                return words.loud(text), found, [other.loud(letter) for letter in text]
        """,
    })  # fmt: skip
    assert code.modules()["firmware.part"] == ("firmware.part",)


def test_a_rare_part_that_shares_an_exception_with_one_it_loads_is_one_bundle_with_it(same):
    code = same({
        "firmware/agent.py": """
            from lib import rare
            def run():
                from firmware import outer
                print(outer.go("bad"), outer.go("good"))
                outer = None
                rare.forget(("firmware.outer", "firmware.inner", "lib.trouble"))
        """,
        "firmware/outer.py": """
            from lib.trouble import Trouble
            def go(what):
                from firmware import inner
                try:
                    return inner.go(what)
                except Trouble as error:
                    return "caught " + str(error)
                finally:
                    inner = None
        """,
        "firmware/inner.py": """
            from lib.trouble import Trouble
            def go(what):
                if what == "bad":
                    raise Trouble(what)
                return what
        """,
        "lib/trouble.py": "class Trouble(Exception):\n    pass\n",
    }, "caught bad good")  # fmt: skip
    assert {"firmware.outer", "firmware.inner", "lib.trouble"} == {*code.modules()["firmware.outer"]}


def test_exceptions_cross_modules(same):
    same({
        "firmware/agent.py": """
            from firmware import deep
            from firmware.deep import Deep as D, Deeper
            def run():
                for what in (D, Deeper, ValueError, KeyError):
                    try:
                        deep.fall(what)
                    except Deeper as error:
                        print("deeper", error.depth, isinstance(error, deep.Deep))
                    except (deep.Deep, ValueError) as error:
                        print("deep", error.args, isinstance(error, D))
                    except Exception as error:
                        print("else", error.args)
                    else:
                        print("nothing")
                    finally:
                        print("after")
                try:
                    deep.fall(OSError)
                except OSError as D2:
                    print(D2.errno)
        """,
        "firmware/deep.py": """
            class Deep(Exception):
                pass
            class Deeper(Deep):
                def __init__(self, *args):
                    super().__init__(*args)
                    self.depth = len(args)
            def fall(what):
                raise what(7)
        """,
    })  # fmt: skip


LANGUAGE = {
    "comprehensions": """
        item, rows, key = "global", [[1, 2], [3]], "k"
        class Table:
            rows = [7, 8]
            doubled = [2 * item for item in rows]
            more = {key: item for key, item in zip("ab", rows)}
        def run():
            print([item for row in rows for item in row if item > 1], item)
            print({item for item in (1, 1)}, {key: item for key, item in [("a", 1)]}, key)
            print([rows for rows in rows], list(item + 1 for item in range(2)))
            print(Table.doubled, sorted(Table.more.items()), [[key for _ in rows] for key in "xy"])
    """,
    "lambdas and defaults": """
        base, step = 10, 2
        add = lambda number, step=step: number + step + base
        def scale(base, by=base, *, more=step):
            return base * by + more
        def run():
            step = 5
            print(add(1), add(1, step=3), scale(2), scale(2, by=3, more=1), (lambda base: base + step)(1))
            print(sorted([3, 1, 2], key=lambda step: -step), (lambda *base, **step: (base, sorted(step)))(1, 2, x=3))
    """,
    "classes": """
        size, unit, kind = 4, "cm", "outer"
        class Box:
            size = size
            area = size * size
            kind = "inner"
            label = kind + unit
            def text(self, unit=unit):
                return kind, self.kind, size, unit, self.size
            class Lid:
                size = 1
                def text(self):
                    return size, self.size
        class Crate(Box):
            def text(self):
                return super().text() + (self.area, Box.size)
            @property
            def volume(self):
                return self.size ** 3
            @staticmethod
            def make(size):
                made = Crate()
                made.size = size
                return made
            @classmethod
            def named(cls):
                return cls.label
        def run():
            print(Box.size, Box.area, Box.label, Box().text(), Box().Lid().text())
            print(Crate().text(), Crate.make(3).volume, Crate.named(), hasattr(Crate, "volume"))
    """,
    "global and nonlocal": """
        count, total = 0, 0
        def bump(by=1):
            global count, made
            count += by
            made = "made"
        def counter():
            count = 100
            def inner():
                nonlocal count
                count += 1
                return count
            def outer_count():
                global count
                count += 10
                return count
            return inner, outer_count
        def shadow():
            total = 5
            def change():
                global total
                total = 7
            change()
            return total
        def run():
            bump(); bump(by=2)
            inner, outer_count = counter()
            print(count, made, inner(), inner(), outer_count(), count, shadow(), total)
    """,
    "closures": """
        name = "global"
        def outer(name):
            def middle():
                def inner():
                    return name
                return inner
            return middle()
        def loops():
            found = []
            for name in "ab":
                found.append(lambda name=name: name)
            return [one() for one in found], name
        def run():
            print(outer("local")(), name, loops())
    """,
    "f-strings": '''
        value, width, word, table = 3, 6, "it's", {"value": 7}
        class Thing:
            value = 12
            def __str__(self):
                return "thing"
            def __repr__(self):
                return "<thing>"
        def run():
            thing = Thing()
            print(f"{value}|{value:>{width}}|{word!r}|{thing!r}|{thing}|{thing.value:04d}|{table['value']}|{{value}}")
            print(f"{'value'}|{value + thing.value}|{[value for value in (1, 2)]}|{word}'s")
            print(f"a\\n{value}\\t\\x41", "{} {:>5}".format(value, word), "%s" % value, f"{value!s:>4}|{width=}")
            print(f"""{value}
        two {thing.value}""")
    ''',
    "arguments": """
        first, rest, options = 1, 2, 3
        def take(first, *rest, last=9, **options):
            return first, rest, last, options
        def call(**values):
            return take(0, **values)
        def run():
            print(take(1, 2, 3, last=4), take(*[1, 2], **{"extra": 5}), call(last=1), first, rest, options)
    """,
    "attributes and globals of one name": """
        state = "global"
        class Machine:
            state = "class"
            def __init__(self, state):
                self.state = state
            def run(self):
                return self.state, state, Machine.state
        def run():
            machine = Machine("own")
            machine.run2 = run
            print(machine.run(), getattr(machine, "state"), machine.run2 is run)
            setattr(machine, "extra", 1)
            print(machine.extra, hasattr(machine, "other"))
    """,
    "texts equal to names": """
        wifi_ssid, consent = "wifi_ssid", {"consent": "consent"}
        LOOKED_UP = ("wifi_ssid", "period_s")
        class Settings:
            def __init__(self):
                for number, name in enumerate(LOOKED_UP):
                    setattr(self, name, number)
        def run():
            settings = Settings()
            print(settings.wifi_ssid, settings.period_s, wifi_ssid, consent["consent"])
            print([getattr(settings, name) for name in LOOKED_UP])
    """,
    "const": """
        from micropython import const
        _HIDDEN = const(5)
        OPEN = const(6)
        LIMIT = const(_HIDDEN * 2)
        class Uses:
            limit = LIMIT
        def run():
            print(_HIDDEN, OPEN, LIMIT, Uses.limit, other(OPEN_=1))
        def other(OPEN_=2, **more):
            return OPEN_, sorted(more)
    """,
    "decorators": """
        calls = []
        def noted(word):
            def decorate(function):
                def wrapped(*args, **options):
                    calls.append(word)
                    return function(*args, **options)
                return wrapped
            return decorate
        word = "outer"
        @noted(word)
        @noted("inner")
        def greet(name, word="hello"):
            return word + " " + name
        class Holder:
            @noted(word + "!")
            def get(self):
                return "got"
        def run():
            print(greet("you"), greet("me", word="bye"), Holder().get(), calls)
    """,
    "generators and async": """
        import asyncio
        limit, seen = 3, []
        def numbers(limit=limit):
            for number in range(limit):
                got = yield number
                if got:
                    seen.append(got)
        def both():
            yield from numbers()
            return "done"
        class Door:
            async def __aenter__(self):
                seen.append("in")
                return self
            async def __aexit__(self, *error):
                seen.append("out")
            def __aiter__(self):
                self.left = 2
                return self
            async def __anext__(self):
                if not self.left:
                    raise StopAsyncIteration
                self.left -= 1
                return self.left
        async def work(limit):
            async with Door() as door:
                async for left in door:
                    seen.append(left)
                await asyncio.sleep_ms(0)
            return limit + 1
        async def all_work():
            print(await asyncio.gather(work(1), work(limit)))
        def run():
            source = numbers()
            print(next(source), source.send("sent"), list(both()), seen)
            asyncio.run(all_work())
            print(seen)
    """,
    "statements": """
        import sys
        try:
            import no_such_module as maybe
        except ImportError:
            maybe = None
        total = 0
        for index in range(4):
            total += index
        else:
            last = index
        while total > 5:
            total -= 1
        with open("note", "w") as note:
            note.write("x")
        if (big := total) > 2:
            label = "big"
        else:
            label = "small"
        one, (two, *many) = 1, (2, 3, 4)
        one, two = two, one
        try:
            raise KeyError("k")
        except KeyError as problem:
            text = problem.args[0]
        items = [1, 2, 3]
        items[0], items[-1] = items[-1], items[0]
        del items[1]
        gone = 1
        del gone
        def run():
            def gone_too():
                return gone
            try:
                gone_too()
            except NameError:
                print("NameError")
            print(maybe, total, index, last, big, label, one, two, many, text, items)
            print(sys.implementation.name, [big for big in (1,)], big)
    """,
}


@pytest.mark.parametrize("case", LANGUAGE)
def test_the_language(case, same):
    """Each case is a module beside one that has all its names, too, and means something else by them."""
    source = dedent(LANGUAGE[case])
    names = sorted(scope_of(ast.parse(source).body).names - {"run", "case", "other"})
    same({
        "firmware/agent.py": "\n".join(f"{name} = 'agent'" for name in names)
        + "\nfrom firmware import other, case\ndef run():\n    case.run()\n    other.run()\n"
        + "".join(f"    print({name})\n" for name in names),
        "firmware/case.py": source,
        "firmware/other.py": source.replace("def run():", "def run():\n    print('other')"),
    })  # fmt: skip


def test_what_modules_import_from_outside_under_one_name(same):
    same({
        "firmware/agent.py": """
            import time
            from firmware import a, b, c
            from time import ticks_diff as diff
            def run():
                print(a.get(), b.get(), c.get(), diff(5, 3), time.ticks_add(1, 1))
        """,
        "firmware/a.py": "import json as text\nfrom os import getcwd as diff\ndef get():\n    return text.dumps([1]), diff() != ''\n",
        "firmware/b.py": "import binascii as text\ndef get():\n    return text.hexlify(b'a')\n",
        "firmware/c.py": "import time\ntime = 'mine'\ndef diff(one):\n    return one\ndef get():\n    return time, diff(1)\n",
    })  # fmt: skip


def test_a_module_may_call_its_own_what_is_built_in_elsewhere(same):
    same({
        "firmware/agent.py": "from firmware import a\ndef run():\n    print(len([1, 2]), sum([1, 2]), a.len([1]), a.go())\n",
        "firmware/a.py": "def len(what):\n    return 'own'\ndef sum(what):\n    return len(what)\ndef go():\n    return sum([]), max(1, 2)\n",
    }, "2 3 own ('own', 2)")  # fmt: skip


def test_what_is_handed_on_and_what_changes(same):
    same({
        "firmware/agent.py": """
            from firmware import state, front
            from firmware.front import value, bump, origin
            from firmware.state import count as at_first
            from firmware.state import limit
            limit = limit + 1
            def run():
                print(value, at_first, state.count, front.value, limit)
                bump(); state.bump()
                print(at_first, state.count, state.read(), origin.limit)
                def local():
                    from firmware.state import limit, count
                    first = limit
                    limit = first * 2
                    return limit, count
                print(local(), limit)
        """,
        "firmware/front.py": "from firmware.state import limit as value, bump\nfrom firmware import state as origin\n",
        "firmware/state.py": """
            count, limit = 0, 20
            def bump():
                global count
                count += 1
            def read():
                return count
        """,
    }, "20 0 0 20 21 0 2 2 20 (40, 2) 21")  # fmt: skip


def test_numbers_and_short_words_stand_where_they_are_used(same):
    code = same({
        "firmware/agent.py": """
            from micropython import const
            from firmware.limits import HIGH, LOW, NAME, LONG, TWICE, Kind
            from lib import rare
            _HIDDEN = const(7)
            SHADOWED = 1
            def hide(SHADOWED):
                return SHADOWED
            def run():
                from firmware import spare
                print(f"{LOW}..{HIGH} {NAME!r} {NAME} {HIGH:>5} {_HIDDEN}", LOW < HIGH, -LOW, TWICE, LONG, Kind.HIGH)
                print(hide(3), SHADOWED, spare.told(), spare.WORD)
                rare.forget(("firmware.spare",))
        """,
        "firmware/limits.py": """
            LOW = -40
            HIGH = 85
            NAME = "it's"
            LONG = "a text of more than ten letters"
            TWICE = 1
            TWICE = 2
            class Kind:
                HIGH = 9
        """,
        "firmware/spare.py": """
            from firmware.limits import HIGH, NAME
            WORD = "word"
            def told():
                return [HIGH, NAME, WORD]
        """,
    })  # fmt: skip
    text = code.source("firmware.agent") + code.source("firmware.spare")
    assert "-40 < 85" not in text or "LOW" not in text
    assert "_HIDDEN" not in text and "LOW" not in text


def test_rare_parts_of_deeper_packages_lie_flat_unless_the_name_is_another_s(same):
    code = same({
        "firmware/agent.py": """
            import sys
            from lib import rare
            def run():
                from firmware.deep import part
                from firmware.deep.other import told as other_told
                from firmware.deep import clash as third
                print(part.told(), other_told(), third.told())
                rare.forget(("firmware.deep.part", "firmware.deep.other", "firmware.deep.clash"))
                print([name for name in sys.modules if "deep" in name and not name.endswith("deep")])
        """,
        "firmware/deep/part.py": "def told(): return 'part'\n",
        "firmware/deep/other.py": "def told(): return 'other'\n",
        "firmware/deep/clash.py": "def told(): return 'clash'\n",
        "firmware/deep_clash.py": "def told(): return 'somebody else'\n",
    })  # fmt: skip
    files = [path for path, _ in code.files()]
    assert "firmware/deep_part.mpy" in files and "firmware/deep_other.mpy" in files
    assert "firmware/deep/clash.mpy" in files


def test_a_name_looked_up_by_text_is_kept_and_others_of_the_same_letters_as_a_text_are_not(same):
    code = same({
        "firmware/agent.py": """
            LOOKED_UP = ("tall_one",)
            class Thing:
                def __init__(self):
                    self.tall_one = 1
                    self.small_one = 2
            def run():
                thing = Thing()
                for name in LOOKED_UP:
                    print(getattr(thing, name), "small_one", thing.small_one, getattr(thing, "absent", 3))
        """,
    })  # fmt: skip
    assert "tall_one" not in code.names.renamed
    assert "small_one" in code.names.renamed


def test_one_of_two_by_a_condition(same):
    same({
        "firmware/agent.py": """
            import sys
            if sys.platform == "esp32":
                from firmware.chip import name, kind
            else:
                from firmware.desk import name, kind as kind
            try:
                from no_such import thing
            except ImportError:
                thing = "none"
            def run():
                print(name, kind(), thing)
        """,
        "firmware/chip.py": "name = 'chip'\ndef kind():\n    return name\n",
        "firmware/desk.py": "name = 'desk'\ndef kind():\n    return name + '!'\n",
    }, "desk desk! none")  # fmt: skip


def test_what_needs_another_at_once_stands_after_it(same):
    """`part` needs `base` while it is loaded, `base` needs `part` later."""
    same({
        "firmware/agent.py": "from firmware import base\ndef run():\n    print(base.make().name())\n",
        "firmware/base.py": """
            class Base:
                def name(self):
                    return "base of " + self.own
            def make():
                from firmware.part import Part
                return Part()
        """,
        "firmware/part.py": "from firmware.base import Base\nclass Part(Base):\n    own = 'part'\n",
    }, "base of part")  # fmt: skip


def test_a_missing_part_of_the_build_is_found_where_it_is_imported(same):
    same({
        "firmware/agent.py": """
            from lib import rare
            from firmware.radio import Radio
            def run():
                print(Radio().state)
                try:
                    from firmware import chip
                except ImportError:
                    print("no chip")
                rare.forget(("firmware.chip",))
        """,
        "firmware/radio.py": """
            try:
                import no_radio
            except ImportError:
                no_radio = None
            class Radio:
                state = "off" if no_radio is None else "on"
        """,
        "firmware/chip.py": "import no_such_chip\n",
    }, "off no chip")  # fmt: skip


def test_classes_of_the_build_keep_their_own_attributes(same):
    """An exchanged name must not be one that a class from outside uses for itself."""
    methods = "\n".join(f"        self.own_{n} = {n}" for n in range(60))
    reads = " + ".join(f"self.own_{n}" for n in range(60))
    same({
        "firmware/agent.py": f"""
import asyncio
import io

class Memory(io.BytesIO):
    def __init__(self):
        super().__init__()
{methods}
    def total(self):
        return {reads}

class Writer(asyncio.StreamWriter):
    def __init__(self, stream):
        super().__init__(stream)
{methods}
    def total(self):
        return {reads}

class Said:
    def write(self, data):
        print("said", data)
        return len(data)

def run():
    memory = Memory()
    memory.write(b"abc")
    writer = Writer(Said())
    writer.write(b"abc")
    print(memory.getvalue(), memory.total(), writer.total())
        """,
    })  # fmt: skip


# Small programs at random: names, shadows and imports, in two modules that use the same five names.

NAME = st.sampled_from(["a", "b", "c", "size", "value"])


@st.composite
def expressions(draw: st.DrawFn, depth: int = 2) -> str:
    name = draw(NAME)
    if depth == 0:
        return draw(st.sampled_from([name, "1", f"'{name}'"]))
    inner = draw(expressions(depth - 1))
    return draw(
        st.sampled_from([
            f"str({inner})", f"[{name} for {name} in ({inner}, 2)]", f"(lambda {name}: ({name}, {inner}))(3)",
            f"({name}, {inner})", f"f'{{{name}!r:>3}}{{{name}}}'", f"[{inner} for _ in (1,)]", f"call({name}={name})",
            f"{{'{name}': {inner}}}['{name}']", f"[{name} for {name} in [{name}]]", f"Box({name}).value",
        ])
    )  # fmt: skip


@st.composite
def functions(draw: st.DrawFn) -> str:
    argument, local = draw(NAME), draw(NAME)
    body = []
    if draw(st.booleans()) and local != argument:
        body.append(f"    global {local}")
    body.append(f"    {local} = {draw(expressions())}")
    inner = draw(NAME)
    if draw(st.booleans()):
        body += [
            f"    def inner({inner}=1):",
            f"        return ({inner}, {local}, {draw(expressions(1))})",
            f"    {local} = inner()",
        ]
    body.append(f"    return {local}, {argument}, {draw(expressions(1))}")
    return f"def work({argument}={draw(expressions(1))}):\n" + "\n".join(body) + "\n"


HEAD = """
a, b, c, size, value = {values}
class Box:
    size = size
    def __init__(self, value=value):
        self.value = value
        self.size = Box.size
def call(a=1, b=2, c=3, size=4, value=5):
    return a, b, c, size, value
def safe(function):
    try:
        return function()
    except (NameError, TypeError, ValueError) as error:
        return type(error) is TypeError
"""


@settings(max_examples=12, deadline=None)
@given(one=functions(), other=functions(), use=st.sampled_from(["other.work", "other_work", "work"]))
def test_small_programs_at_random(
    one: str, other: str, use: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("random")
    agent = (
        HEAD.format(values="1, 2, 3, 4, 5")
        + "from firmware import other\nfrom firmware.other import work as other_work, value as far\n"
        + one
        + f"def run():\n    print(safe({use}), safe(work), far, other.size, a, b, c, size, value)\n"
        + "    print(other.a, safe(other.work), safe(other.call))\n"
    )
    # What another module changes by `global` is read through the module: see the rules.
    write_tree(
        folder / "plain",
        {"firmware/agent.py": agent, "firmware/other.py": HEAD.format(values="6, 7, 8, 9, 10") + other},
    )
    image_of(folder / "plain", folder / "slot")
    assert run(folder / "slot") == run(folder / "plain")
