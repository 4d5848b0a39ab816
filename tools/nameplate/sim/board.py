"""The virtual board as tests, the demo and `nameplate sim` use it: one chip with its flash, wires and appliance.

`Engine` is what makes it go; this is what may be asked and done from outside, from any thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from nameplate.sim.control import ControlServer
from nameplate.sim.engine import Engine, Event

__all__ = ["Event", "VirtualBoard"]


class VirtualBoard:
    """A board that boots `flash` (a file, changed in place). A context manager: leaving it stops everything.

    `chip` is that of the image's base unless it is named, and an ESP32 where there is neither. The base's own program
    is not run: the board has this host's interpreter, and the NVS and file system of the image.

    `speed` is simulated seconds for each real one; None runs as fast as possible. `stepped` (with speed None) lets time pass
    only inside `wait` and `run`, which makes a run repeat exactly. `world` is what is true at the start. `register` makes it
    findable by `nameplate find` and `nameplate sim`. Raises NameplateError for an image that is none, or a wrong option.
    """

    def __init__(
        self,
        flash: Path | str,
        *,
        name: str | None = None,
        chip: str | None = None,
        seed: int = 0,
        speed: float | None = 1.0,
        port: str = "pty",
        stepped: bool = False,
        world: dict[str, object] | None = None,
        register: bool = True,
    ) -> None:
        if stepped and speed is not None:
            raise ValueError("stepped time is free time: speed must be None")
        path = Path(flash)
        self.engine = Engine(path, chip, seed, speed, stepped, port, world or {})
        self.port = self.engine.port.address
        self.stop_requested = threading.Event()
        wanted = name or path.stem
        self._control = ControlServer(self, wanted, self.engine.loop.watch) if register else None
        self.name = self._control.name if self._control else wanted
        self._stopped = False
        self.engine.start()

    # What there is to see

    @property
    def flash_path(self) -> Path:
        return self.engine.flash_path

    @property
    def chip(self) -> str:
        return self.engine.chip.name

    @property
    def model(self) -> str:
        """The appliance's model, as the image names it."""
        return self.engine.hardware.wiring.model

    @property
    def now_ms(self) -> int:
        """Simulated milliseconds since the board was first switched on."""
        with self.engine.loop.lock:
            return self.engine.clock.now_us() // 1000

    @property
    def events(self) -> list[Event]:
        """What happened, oldest first: boots, resets, the alarm, power cuts, changes of the world."""
        return self.engine.events

    @property
    def powered(self) -> bool:
        """Whether the interpreter runs."""
        return self.engine.interpreter is not None

    @property
    def panel(self) -> list[str]:
        """The display: four strings of 20 characters."""
        with self.engine.loop.lock:
            return self.engine.hardware.panel.lines

    @property
    def alarm(self) -> bool:
        with self.engine.loop.lock:
            return self.engine.hardware.alarm

    @property
    def transcript(self) -> str:
        """The last 64 KiB that went out of the serial line, whether anybody read it or not."""
        with self.engine.loop.lock:
            return self.engine.transcript.decode(errors="replace")

    def flash_counts(self) -> dict[str, int]:
        """Reads, programs, erases and so on since this board object was made."""
        with self.engine.loop.lock:
            return self.engine.flash.counts()

    def get(self, key: str) -> str:
        """A value of the world, as text, or one of `shows`. Raises NameplateError."""
        with self.engine.loop.lock:
            shown = {} if self.engine.world.has(key) else self.shows()
            return shown[key] if key in shown else self.engine.world.get(key)

    def shows(self) -> dict[str, str]:
        """What there is to see of the appliance: `alarm`, `air_c` and so on, and how warm it truly is at each sensor."""
        with self.engine.loop.lock:
            return {"alarm": "on" if self.engine.hardware.alarm else "off", **self.engine.hardware.shows()}

    def keys(self) -> dict[str, dict[str, str]]:
        """What the world has, with `help`, `values` and `default`; other names for the same thing among them."""
        with self.engine.loop.lock:
            world = self.engine.world
            found = {
                name: {"help": key.help, "values": key.values, "default": key.default}
                for name, key in world.keys.items()
            }
            return found | {
                name: {**found[key], "help": f"the same as {key}"} for name, key in world.aliases.items()
            }

    def world(self) -> dict[str, str]:
        """All of the world."""
        with self.engine.loop.lock:
            return dict(self.engine.world.items())

    # What there is to do

    def set(self, key: str, value: object) -> None:
        """Change the world. Raises NameplateError for a key or value there is not."""
        with self.engine.loop.lock:
            self.engine.world.set(key, value)
            self.engine.event("world", f"{key}={self.engine.world.get(key)}")
            self.engine.world_changed(self.engine.world.canonical(key))
        self.engine.loop.wake()

    def check(self, key: str, value: object) -> None:
        """Raises NameplateError for what `set` would refuse."""
        self.engine.world.check(key, value)

    def at(self, moment_ms: int, key: str, value: object) -> None:
        """Change the world at a simulated moment."""
        self.check(key, value)
        with self.engine.loop.lock:
            self.engine.clock.at(moment_ms * 1000, lambda: self.set(key, value))
        self.engine.loop.wake()

    def send(self, data: bytes) -> None:
        """Send bytes to the serial line, as a client of the port would."""
        with self.engine.loop.lock:
            self.engine.receive(data)
        self.engine.loop.wake()

    def kill(self) -> None:
        """Cut the power, whatever the board is doing; `set("power", "on")` brings it back."""
        self.set("power", "off")

    def press_reset(self) -> None:
        """The EN button: to the program it looks like power-on, and so it does on a chip."""
        with self.engine.loop.lock:
            self.engine.power.reset_button()
        self.engine.loop.wake()

    def run(self, duration_ms: int) -> None:
        """Let that many simulated milliseconds pass."""
        self.wait(lambda board: False, duration_ms)

    def wait(self, predicate: Callable[[VirtualBoard], bool], timeout_ms: int) -> bool:
        """Until the predicate holds (True) or that many simulated milliseconds passed (False).

        In stepped time the predicate is looked at when the interpreter calls or a timer is due; time stands still after.
        """
        engine = self.engine
        with engine.loop.lock:
            until_us = engine.clock.now_us() + timeout_ms * 1000
            if predicate(self):
                return True
            stepped = engine.pace.horizon is not None
            if stepped:
                engine.pace.allow(until_us, lambda: predicate(self))
        engine.loop.wake()
        while True:
            with engine.loop.lock:
                if engine.loop.failure is not None:
                    raise RuntimeError("the virtual board failed") from engine.loop.failure
                over = engine.loop.stopped or engine.clock.now_us() >= until_us
                if stepped and ((over or engine.pace.satisfied) and engine.loop.at_rest()):
                    engine.pace.hold()
                    return engine.pace.satisfied
                if not stepped and (over or predicate(self)):
                    return predicate(self)
            time.sleep(0.001)

    def stop_soon(self) -> None:
        """Ask whoever runs the board to stop it: `stop_requested` is set."""
        self.stop_requested.set()

    def stop(self) -> None:
        """End it for good; the flash file stays as it is."""
        if self._stopped:
            return
        self._stopped = True
        self.engine.stop()
        if self._control:
            self._control.close()
        self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
