"""What joining or exchanging names would change is refused, with its place and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tests.tools.test_bundle import Same, image_of, write_tree
from host_tests.tools.test_bundle import same as same  # noqa: PLC0414 - the fixture
from nameplate.factory.code import Code
from nameplate.factory.refused import Refused

PART = "value = 1\nclass Wrong(Exception):\n    pass\ndef go():\n    return value\n"


def refusal(folder: Path, files: dict[str, str]) -> Refused:
    write_tree(folder, {"firmware/part.py": PART, **files})
    with pytest.raises(Refused) as caught:
        Code(folder)
    return caught.value


def in_run(*lines: str, above: str = "") -> str:
    return above + "def run():\n" + "".join(f"    {line}\n" for line in lines)


HAND = "from firmware import part\n"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (in_run("print(part)", above=HAND), "line 3: the module firmware.part is used as a value"),
        (in_run("return [part]", above=HAND), "line 3: the module firmware.part is used as a value"),
        (in_run("getattr(part, 'value')", above=HAND), "line 3: the module firmware.part is used as a value"),
        (in_run("from firmware import part", "if part is None: pass"), "line 3: the module firmware.part is used"),
        (in_run("part.value = 2", above=HAND), "line 3: a name of firmware.part is set from outside"),
        (in_run("part.value += 2", above=HAND), "line 3: a name of firmware.part is set from outside"),
        (in_run("part.other()", above=HAND), "line 3: firmware.part has no other"),
        (in_run("from firmware.part import other"), "line 2: firmware.part has no other"),
        (in_run("from firmware import missing"), "line 2: there is no firmware.missing"),
        (in_run("from firmware.missing import go"), "line 2: there is no firmware.missing"),
        ("import firmware.part\n" + in_run("pass"), "line 1: `import firmware.part`"),
        (in_run("import lib.rare as rare"), "line 2: `import lib.rare`"),
        (in_run("import firmware"), "line 2: `import firmware`"),
        ("from firmware.part import *\n" + in_run("pass"), "line 1: `from firmware.part import *`"),
        ("from os import *\n" + in_run("pass"), "line 1: `from os import *`"),
        ("from . import part\n" + in_run("pass"), "line 1: an import with dots"),
        (in_run("globals()['run']"), "line 2: globals tells of names"),
        (in_run("return locals()"), "line 2: locals tells of names"),
        (in_run("print(dir())"), "line 2: dir tells of names"),
        (in_run("exec('run()')"), "line 2: exec tells of names"),
        (in_run("__import__('firmware.part')"), "line 2: __import__ tells of names"),
        (in_run("print(run.__dict__)"), "line 2: __dict__ tells of names"),
        (in_run("print(__name__)"), "line 2: __name__ tells of names"),
        (in_run("getattr(run, 'do_' + 'it')"), "line 2: getattr of a name that is put together"),
        (in_run("setattr(run, f'{1}', 2)"), "line 2: setattr of a name that is put together"),
        (in_run("print('{run}'.format(run=1))"), "line 2: format() with names"),
        (in_run("name = 'run'", "getattr(run, name)"), "line 3: a name is looked up that does not stand here"),
        (in_run("given = {'run': 1}", "run(**given)"), "line 3: a name is looked up that does not stand here"),
        (
            in_run("from firmware import part", "part = part.go()", "print(part.size)"),
            "line 2: part is a module, and something else as well",
        ),
        (
            "try:\n    from firmware import part\nexcept ImportError:\n    part = None\n" + in_run("pass"),
            "line 2: an import of ours that may fail",
        ),
        (
            in_run("try:", "    from firmware.part import go", "except (OSError, ImportError):", "    pass"),
            "line 3: an import of ours that may fail",
        ),
    ],
)  # fmt: skip
def test_what_a_module_may_not_do(source, said, tmp_path):
    refused = refusal(tmp_path, {"firmware/agent.py": source})
    assert refused.message.startswith(f"firmware/agent.py, {said}")
    assert refused.hint and refused.exit_code == 2


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"firmware/agent.py": HAND + in_run("pass"), "firmware/part.py": "from firmware import agent\n"},
            "firmware.agent and firmware.part import each other",
        ),
        (
            {"firmware/agent.py": in_run("pass"), "firmware/__init__.py": "x = 1\n"},
            "firmware/__init__.py is not empty",
        ),
        (
            {
                "firmware/agent.py": "const = 1\nfrom firmware import part\n" + in_run("pass"),
                "firmware/part.py": "from micropython import const\n",
                "firmware/app.py": "from os import getcwd as const\nfrom firmware import agent\n"
                "def main():\n    from firmware import build\n    build.build()\n",
            },
            "const is not the same",
        ),
        # A rare part that is loaded anew keeps nothing; and what two of them hold exists twice.
        (
            {
                "firmware/agent.py": in_run(
                    "from firmware import part", "part.go()", "_FORGET = ('firmware.part',)"
                ),
                "firmware/part.py": "from lib.sums import bump\ndef go():\n    bump()\n",
                "lib/sums.py": "count = 0\ndef bump():\n    global count\n    count += 1\n",
            },
            "lib.sums keeps count, and is forgotten with firmware.part",
        ),
        (
            {
                "firmware/agent.py": in_run(
                    "from firmware import part",
                    "from firmware.user import use",
                    "try: use()",
                    "except part.Wrong: pass",
                    "_FORGET = ('firmware.part', 'firmware.user')",
                ),
                "firmware/user.py": "from firmware.part import Wrong\ndef use():\n    raise Wrong\n",
            },
            "firmware.agent imports firmware.part and firmware.user, which has a firmware.part of its own",
        ),
    ],
)
def test_what_modules_may_not_do_together(files, said, tmp_path):
    refused = refusal(tmp_path, files)
    assert said in refused.message
    assert refused.hint


def test_a_device_without_its_beginning_is_refused(tmp_path):
    write_tree(tmp_path, {"firmware/agent.py": "def run():\n    pass\n"})
    (tmp_path / "firmware/build.py").unlink()
    (tmp_path / "firmware/app.py").write_text("def main():\n    pass\n")
    with pytest.raises(Refused, match=r"there is no firmware\.build"):
        Code(tmp_path)


def test_what_changes_in_a_file_that_stays_is_asked_for(tmp_path):
    refused = refusal(
        tmp_path,
        {
            "firmware/agent.py": "from firmware.state import bump\n"
            + in_run("bump()", "from firmware.part import go", "go()", "_FORGET = ('firmware.part',)"),
            "firmware/state.py": "count = 0\ndef bump():\n    global count\n    count += 1\n",
            "firmware/part.py": "from firmware import state\ndef go():\n    return state.count\n",
        },
    )
    assert refused.message == "firmware/part.py, line 3: count of firmware.state changes"


def test_what_looks_alike_and_works_is_taken(same: Same):
    same(
        {
            "firmware/agent.py": """
                import sys
                from firmware import part
                LOOKED_UP = ("number", "one", "two")
                class Thing:
                    pass
                def run():
                    thing = Thing()
                    thing.number = 3
                    name = "number"
                    print(getattr(thing, "number"), getattr(thing, name), getattr(thing, "none", 4))
                    for key in ("one", "two"):
                        setattr(thing, key, key)
                    print(thing.one, thing.two, part.go(), type(thing.number).__name__)
                    from firmware.part import go
                    go = go()
                    print(go, "{} {}".format(1, 2))
                    from firmware import part as again
                    print(again.value)
                    del again
                    print(len(sys.modules) > 1, "%(number)d" % {"number": 5})
            """,
            "firmware/part.py": PART + "if __name__ == '__main__':\n    print('never')\n",
        }
    )


def test_a_refusal_leaves_the_place_of_a_syntax_error_to_the_compiler(tmp_path):
    refused = refusal(tmp_path, {"firmware/agent.py": "def run():\n    return 1 +\n"})
    assert "firmware/agent.py line 2 does not compile" in refused.message


def test_a_part_that_nothing_imports_is_in_no_file(tmp_path):
    write_tree(tmp_path, {"firmware/agent.py": "def run():\n    pass\n", "firmware/part.py": PART})
    code = image_of(tmp_path, tmp_path / "slot")
    assert "firmware.part" not in {name for names in code.modules().values() for name in names}
