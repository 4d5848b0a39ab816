# One start as main.c of the ESP32 port makes it, on an interpreter that raises a Ctrl-C where a chip's does. What the
# entry files import is stood in for, without a jump, for on a chip it is C; `_ctrl_c()`, which the host puts between
# their statements, sends the byte.
import builtins
import json
import sys

import micropython
import port


class Namespace:
    pass


class Stop(BaseException):
    pass


state = Namespace()


def _module(name, **members):
    made = sys.modules[name] = Namespace()
    for member, value in members.items():
        setattr(made, member, value)
    return made


def _no_such_file(name):
    raise OSError(2)


def _reset():
    state.reset = True


class _Shipped:
    def __init__(self, namespace):
        pass

    def get_i32(self, key):
        raise OSError(-4354)


class _Dev(_Shipped):
    def get_i32(self, key):
        return 1


class _Memory:
    def memory(self, data=b""):
        state.memory = data.decode()
        return b""


def _agent():
    state.agent += 1
    raise state.ends


_module("esp", osdebug=lambda where, level: None, LOG_NONE=0)
_module("esp32", NVS=_Shipped)
_module("machine", RTC=_Memory, reset=_reset)
_module("time", sleep=lambda seconds: None)
_module("firmware", app=_module("firmware.app", main=_agent))
builtins.open = _no_such_file


class _Running:
    # What pyexec does around a file, with no jump of its own: listen, and when the file is over listen no more.
    def __enter__(self):
        self.error = None
        micropython.kbd_intr(3)

    def __exit__(self, kind, error, trace):
        self.error = error
        micropython.kbd_intr(-1)
        return True


def _file(source, scope):
    # 1: well, 0: failed, -1: an exit. A Ctrl-C that waits when the file ends well is a failure; else it is dropped.
    code = compile(source, "entry", "exec")
    running = _Running()
    waited = None
    try:
        with running:
            exec(code, scope)
        for _ in "x":  # a jump
            pass
    except KeyboardInterrupt as interrupt:
        waited = interrupt
    state.raised = repr(running.error or waited)
    return -1 if isinstance(running.error, SystemExit) else int(not (running.error or waited))


def start(case):
    # What became of it, as JSON.
    boot, main, dev = json.loads(case)
    sys.modules["esp32"].NVS = _Dev if dev else _Shipped
    state.ends = KeyboardInterrupt if dev else MemoryError
    state.agent = 0
    state.reset = False
    heard_before = port.heard()
    state.raised = state.memory = None
    sys.path[:] = ["", ".frozen", "/lib"]
    scope = {"__name__": "__main__", "_ctrl_c": port.ctrl_c}
    ended = _file(boot, scope)
    if ended == 1:
        ended = _file(main, scope)
    return json.dumps(
        {
            "heard": port.heard() - heard_before,
            "agent": state.agent,
            "end": "reset" if state.reset else "soft reset" if ended == -1 else "prompt",
            "raised": state.raised,
            "memory": state.memory,
            "path": list(sys.path),
        }
    )
