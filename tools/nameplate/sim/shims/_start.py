# Takes the host's names away, puts the chip's in their place, mounts the flash and runs boot.py and main.py.
import builtins
import gc
import sys

import _tasks
import _core
import _flash
import vfs as _vfs

_SHIMS = ("time", "select", "os", "machine")


def _load():
    for name in _SHIMS:
        __import__(name)
    sys.modules["_asyncio"] = _tasks
    __import__("asyncio.core")


def _mount():
    _vfs.umount("/")
    at = _core.hello["vfs"]
    if at is None:
        return
    try:
        _vfs.mount(_flash.Blocks(at[0], at[1]), "/")
    except OSError as error:
        print("file system corrupted:", error)


def _run_file(name, namespace):
    # What main.c does with boot.py and main.py: a missing file is nothing, an error is printed, an exit is a soft reset.
    try:
        with open(name) as file:
            source = file.read()
    except OSError:
        return
    try:
        exec(compile(source, name, "exec"), namespace)
    except SystemExit:
        _core.call("soft_reset")
        _core.rest(None)
    except BaseException as error:
        sys.print_exception(error)


def run(namespace):
    _load()
    _mount()
    sys.path[:] = ["", ".frozen", "/lib"]
    for name in ("_start", "_core", "_flash", "_tasks", "_real_os", "_real_select", "_real_time"):
        sys.modules.pop(name, None)
    for name in [name for name in namespace if not name.startswith("__")]:
        del namespace[name]
    gc.collect()
    _core.call("started", gc.mem_free(), gc.mem_alloc())
    _run_file("boot.py", namespace)
    _run_file("main.py", namespace)
    _core.call("repl")
