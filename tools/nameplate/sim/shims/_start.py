# Takes the host's names away, puts the chip's in their place, mounts the flash and runs boot.py and main.py.
import _core
import _flash
import _gc
import _micropython
import _real_os
import _real_sys
import _real_vfs
import _sys
import _tasks
import _tls
import _vfs
import builtins
import esp32

_sys_path = _real_sys.path
_modules = _real_sys.modules

# What the chip's build has and this interpreter has alike; everything else that is built in is refused.
_SAME = [
    "__main__",
    "array",
    "asyncio",
    "binascii",
    "builtins",
    "cmath",
    "collections",
    "cryptolib",
    "deflate",
    "framebuf",
    "hashlib",
    "heapq",
    "io",
    "json",
    "math",
    "random",
    "re",
    "requests",
    "ssl",
    "struct",
    "uasyncio",
    "uctypes",
    "websocket",
]
_SHIMS = [
    "_onewire",
    "onewire",
    "ds18x20",
    "errno",
    "esp",
    "esp32",
    "flashbdev",
    "machine",
    "network",
    "os",
    "platform",
    "select",
    "socket",
    "time",
]
_RENAMED = {"gc": _gc, "micropython": _micropython, "sys": _sys, "tls": _tls, "vfs": _vfs, "_asyncio": _tasks}
_FROZEN = ("asyncio", "requests", "ssl", "uasyncio", "umqtt")

_import = builtins.__import__
_real_open = open
_umqtt = {}


def _guarded(name, *args):
    # The import statement, on a chip: from the chip's own modules, from the flash, or not at all.
    if _sys.path is not _sys_path:  # the program put another list in its place
        _sys_path[:] = _sys.path
        _sys.path = _sys_path
    root = name.split(".")[0]
    if not (args and len(args) > 3 and args[3]) and root:
        plain = root[1:]
        if root[0] == "u" and root not in _SAME and (plain in _SHIMS or plain in _RENAMED or plain in _SAME):
            name, root = plain + name[len(root) :], plain
        # Frozen modules are found through the path, and are loaded once for all.
        if root in _FROZEN and ".frozen" not in _sys_path and not _on_flash(root):
            raise ImportError("no module named '%s'" % name)
        if root == "umqtt":
            _modules.update(_umqtt)
        if root not in _modules and root not in _SAME and not _on_flash(root):
            raise ImportError("no module named '%s'" % name)
    return _import(name, *args)


def _open(name, mode="r", **kwargs):
    # A number would be one of the host's descriptors.
    if isinstance(name, int):
        raise TypeError("can't convert int to str implicitly")
    return _real_open(name, mode, **kwargs)


def _on_flash(root):
    for place in _sys_path:
        if place != ".frozen":
            start = place + "/" + root if place else root
            for end in ("", ".py", ".mpy"):
                try:
                    _real_os.stat(start + end)
                    return True
                except OSError:
                    pass
    return False


def _load():
    for name in _SHIMS:
        _import(name)
    _modules.update(_RENAMED)
    _import("asyncio.core")
    _import("asyncio.stream")
    if _core.hello["umqtt"]:
        _sys_path.insert(0, _core.hello["umqtt"])
        for name in ("usocket", "ustruct", "ubinascii"):
            _modules[name] = _import(name[1:])
        _import("umqtt.simple")
        for name in ("usocket", "ustruct", "ubinascii"):
            del _modules[name]
        for name in ("umqtt", "umqtt.simple"):
            _umqtt[name] = _modules[name]


def _mount():
    _real_vfs.umount("/")
    found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="vfs")
    if not found:
        return
    try:
        _real_vfs.mount(found[0], "/")
    except OSError:
        _set_up(found[0])


def _set_up(partition):
    # As the port does it: an empty partition is made into a file system, a damaged one stops the start for good.
    first = bytearray(4096)
    partition.readblocks(0, first)
    if first != b"\xff" * 4096:
        _listen(3)  # the one place before boot.py where the port does
    while first != b"\xff" * 4096:
        _sys._print("The filesystem appears to be corrupted.")
        _modules["time"].sleep(3)
    _sys._print("Performing initial setup")
    _vfs.VfsLfs2.mkfs(partition)
    _real_vfs.mount(_vfs.VfsLfs2(partition), "/")
    with open("boot.py", "w") as file:
        file.write("# This file is executed on every boot (including wake-boot from deepsleep)\n")


def _listen(character):
    # Listen for it, or for nothing. A Ctrl-C that comes just now is for the program: its next call raises it.
    try:
        _core.call("kbd_intr", character)
    except KeyboardInterrupt:
        _core.interrupted = True


def _failed(error):
    _listen(-1)
    _core.interrupted = False
    _sys.print_exception(error)


def _run_file(name, namespace):
    # As main.c does it: a missing file is nothing, an error is printed, an exit is a soft reset. Says whether all is well.
    try:
        with open(name) as file:
            source = file.read()
    except OSError:
        return True
    # The port listens for Ctrl-C while a file runs, whatever the file before it asked for. What came and was not raised
    # by then is raised as the file ends.
    try:
        code = compile(source, name, "exec")
        _listen(3)
        exec(code, namespace)
        _core.call("kbd_intr", -1)
        return True
    except SystemExit:
        _core.call("soft_reset")
        while True:
            _core.rest(None)
    except BaseException as error:
        _failed(error)
        return False


def run(namespace):
    _load()
    try:
        _mount()
    except KeyboardInterrupt as error:
        _failed(error)
    _sys_path[:] = ["", ".frozen", "/lib"]
    for name in list(_modules):
        if name.startswith("_") and name not in ("__main__", "_asyncio", "_onewire"):
            del _modules[name]
    for name in list(namespace):
        if not name.startswith("__"):
            del namespace[name]
    builtins.__import__ = _guarded
    builtins.print = _sys._print
    builtins.open = _open
    _gc.collect()
    _core.call("started", _gc.mem_free(), _gc.mem_alloc())
    if _run_file("boot.py", namespace) and not _core.hello["raw_prompt"]:
        _run_file("main.py", namespace)
    try:
        _core.call("repl")
    except KeyboardInterrupt:
        pass  # one that came as the program ended
