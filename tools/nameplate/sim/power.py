"""The supply of a virtual board, its resets and starts, and its watchdog: what each of them takes, and what it leaves.

Flash survives everything, the RTC's memory and clock all but a loss of the supply and the EN button, and radio, watchdog
and pins only a soft reset.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from nameplate.sim import damage
from nameplate.sim.chips import ROM_REASONS
from nameplate.sim.clock import Timer
from nameplate.sim.flash import PowerCut
from nameplate.sim.nvs_pages import Storage

if TYPE_CHECKING:
    from nameplate.sim.engine import Engine


class Power:
    """Of one board. A cause is `power`, `hard`, `watchdog`, `deepsleep`, or `soft`."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self._engine = engine
        self._damage = random.Random(f"{seed} damage")
        self.cause = "power"
        self.boot_us = 0  # when the chip, not only the program, last started
        self.rtc_memory = b""
        self.rtc_at_zero_us = 0
        self.watchdog_ms = 0  # 0: not armed
        self._watchdog: Timer | None = None
        self._wake_timer: Timer | None = None

    # Starts

    def boot(self) -> None:
        """Start the interpreter, after what the ROM prints and what the port does to NVS."""
        engine = self._engine
        engine.event("boot", self.cause)
        if self.cause == "soft":
            engine.say(b"MPY: soft reboot\r\n")
        else:
            self.boot_us = engine.clock.now_us()
            engine.say(b"\r\n" + engine.chip.rom_text(*ROM_REASONS[self.cause]).encode())
            nvs = engine.partition("nvs")
            damage.befall(engine.world, engine.flash, nvs, engine.partition("vfs"), self._damage)
            try:
                engine.calls.nvs = Storage.at_boot(engine.flash, nvs.offset, nvs.size) if nvs else None
            except PowerCut:
                self.failed()
                return
        engine.start_interpreter()

    def restart(self, cause: str) -> None:
        """Start again; a soft reset leaves radio, watchdog and clock alone."""
        if cause == "soft":
            self._engine.stop_interpreter()
            self._engine.hardware.soft_reset()
        else:
            self.off(cause)
        self.cause = cause
        self.boot()

    def deepsleep(self, time_ms: int) -> None:
        """Stop, and start again after that time; 0: never."""
        self.off("deepsleep")
        if time_ms:
            self._wake_timer = self._engine.clock.after(time_ms * 1000, lambda: self.restart("deepsleep"))

    def reset_button(self) -> None:
        """EN is pulled: the RTC's domain is reset with the rest, so to the program it is the same as power-on."""
        self.rtc_memory = b""
        self.rtc_at_zero_us = -self._engine.clock.now_us()
        self.restart("power")

    # The supply

    def switch(self, on: bool) -> None:
        """Take the supply away, or give it."""
        engine = self._engine
        if not on:
            self.off("power")
            engine.uart.power_off()
            engine.hardware.supply_lost()
            self.rtc_memory = b""
        elif engine.interpreter is None:
            self.rtc_at_zero_us = -engine.clock.now_us()
            self.cause = "power"
            self.boot()

    def off(self, why: str) -> None:
        """The chip stops: everything but the flash and the memory of the RTC is lost."""
        engine = self._engine
        if engine.interpreter is not None:
            engine.event("off", why)
        engine.stop_interpreter()
        engine.radio.power_off()
        engine.hardware.power_off()
        self.watchdog_ms = 0
        for timer in (self._watchdog, self._wake_timer):
            if timer is not None:
                timer.cancel()
        self._watchdog = self._wake_timer = None

    def failed(self) -> None:
        """The power cut that was asked for has come, in a flash operation."""
        engine = self._engine
        engine.event("power cut", f"in flash operation {engine.flash.programs + engine.flash.erases}")
        engine.world.set("power_cut_at", "never")
        engine.world.set("power", "off")
        engine.world_changed("power")

    # The watchdog

    def arm_watchdog(self, timeout_ms: int) -> None:
        """It bites when nobody feeds it for that long."""
        self.watchdog_ms = timeout_ms
        self.feed_watchdog()

    def feed_watchdog(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._watchdog = self._engine.clock.after(self.watchdog_ms * 1000, self.bite)

    def bite(self) -> None:
        self._engine.event("watchdog")
        self.restart("watchdog")
