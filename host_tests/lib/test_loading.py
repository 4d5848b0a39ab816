"""Imports through a second mount: what is loaded, in how many reads, and that nothing but speed is lost when it fails."""

import pytest

PREPARE = """
import sys, os
sys.path.append(sys.path[0] + "/tools/nameplate/bench/device")
from lib.loading import Quick
for name in ("lib.loading", "lib"):
    del sys.modules[name]
import vfs
from ram_flash import RamFlash

class Counting(RamFlash):
    reads = 0
    def readblocks(self, block, buffer, offset=0):
        self.reads += 1
        super().readblocks(block, buffer, offset)

flash = Counting(64)
flash.mount("/flash", True)
class Build: pass
build = Build()
build.bdev = flash
sys.modules["flashbdev"] = build
for folder in ("/flash/a", "/flash/a/pkg", "/flash/a/pkg/deep"):
    os.mkdir(folder)
def write(name, text):
    with open("/flash/a/" + name, "w") as file:
        file.write(text)
write("pkg/__init__.py", "")
write("pkg/deep/__init__.py", "")
for number in range(12):
    write("pkg/deep/part%d.py" % number, "VALUE = %d" % number)
    write("pkg/part%d.py" % number, "VALUE = %d" % number)
vfs.umount("/flash")
vfs.mount(vfs.VfsLfs2(flash, readsize=32, progsize=32, lookahead=32), "/")
sys.path[:] = ["/a", ".frozen"]
flash.reads = 0
"""
LOAD = """
import pkg.part0
with Quick(20) as quick:
    print(quick.mounted, sys.path[0])
    flash.reads = 0
    for number in range(1, 12):
        __import__("pkg.part%d" % number)
        __import__("pkg.deep.part%d" % number)
    reads = flash.reads
print(quick.mounted, sys.path[0], pkg.__path__, pkg.deep.__path__, pkg.deep.part11.VALUE)
from pkg.deep import part0
print(part0.VALUE, "quick" in os.listdir("/"))
"""


def test_modules_come_from_the_second_mount_and_later_ones_from_the_first(micropython):
    out = micropython(PREPARE + LOAD, heap="2m").splitlines()
    assert out == ["True /quick/a", "False /a /a/pkg /a/pkg/deep 11", "0 False"]


def test_it_takes_a_tenth_of_the_reads(micropython):
    reads = {}
    for way in ("Quick(20)", "Plain(20)"):
        script = PREPARE + (
            "class Plain:\n"
            "    def __init__(self, lines): pass\n"
            "    mounted = None\n"
            "    def __enter__(self): return self\n"
            "    def __exit__(self, *_): pass\n"
        )
        out = micropython(script + LOAD.replace("Quick(20)", way) + "\nprint(reads)", heap="2m")
        reads[way] = int(out.split()[-1])
    assert reads["Quick(20)"] * 10 < reads["Plain(20)"]


BROKEN = {
    "another build": "del sys.modules['flashbdev']",
    "no partition": "build.bdev = None",
    "no mount": "hide('mount')",
    "no littlefs": "hide('VfsLfs2')",
    "the place is taken": "vfs.mount(vfs.VfsLfs2(flash), '/quick')",
    "no room": """
spare = bytearray(2000)  # for what is no line
try:
    while True:
        hog = (hog, bytearray(40))
except MemoryError:
    spare = None
""",
    "unreadable": "build.bdev = Unreadable()",
}
TOOLS = """
hog = None

class Unreadable:
    def readblocks(self, *_):
        raise OSError(5)

    def ioctl(self, request, argument):
        return flash.ioctl(request, argument)

def hide(name):
    class Vfs: pass
    other = Vfs()
    for each in ("mount", "umount", "VfsLfs2"):
        setattr(other, each, None if each == name else getattr(vfs, each))
    sys.modules["vfs"] = other
"""
TRY = """
quick = Quick()
quick.__enter__()
hog = None
print(quick.mounted, sys.path[0])
from pkg.deep import part3
print(part3.VALUE)
quick.__exit__(None, None, None)
print(sys.path[0], pkg.__path__)
"""


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_without_it_the_imports_go_the_plain_way(micropython, broken):
    script = f"{PREPARE}{TOOLS}import pkg.part0\n{broken}\n{TRY}"
    assert micropython(script, heap="2m").splitlines() == ["False /a", "3", "/a /a/pkg"]


def test_an_exception_in_the_block_is_passed_on_and_the_path_is_as_before(micropython):
    script = (
        PREPARE
        + """
try:
    with Quick():
        import pkg.nothing
except ImportError:
    print(sys.path[0], pkg.__path__ if "pkg" in globals() else sys.modules["pkg"].__path__, "quick" in os.listdir("/"))
"""
    )
    assert micropython(script, heap="2m").strip() == "/a /a/pkg False"


def test_nothing_can_be_written_through_it(micropython):
    script = (
        PREPARE
        + """
import pkg.part0
with Quick():
    try:
        open("/quick/a/new", "w")
    except OSError as error:
        print(error.args[0] == 30)
"""
    )
    assert micropython(script, heap="2m").strip() == "True"
