"""What differs between the chips a virtual board can be, and which of them an image is for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nameplate.errors import USAGE, NameplateError
from nameplate.factory import layout


@dataclass(frozen=True)
class Chip:
    """`version` is the MicroPython release it says it runs; `free_heap` what that has free when boot.py starts."""

    name: str
    machine: str
    version: tuple[int, int, int]
    free_heap: int
    mpy: int
    timers: int
    frequencies: tuple[int, ...]
    pins: frozenset[int]
    inputs_only: frozenset[int]
    adc_pins: frozenset[int]
    usb_console: bool
    rom: str

    def rom_text(self, old_code: str, old_word: str, code: str, word: str) -> str:
        """What the boot ROM prints; the first ESP32 has reasons of its own."""
        first = self.name == "esp32"
        return self.rom.format(code=old_code if first else code, word=old_word if first else word)

    def description(self) -> dict[str, object]:
        """What the shims are told of the chip."""
        return {
            "freq": 160_000_000,
            "freqs": self.frequencies,
            "timers": self.timers,
            "usb": self.usb_console,
            "version": self.version,
            "mpy": self.mpy,
            "sys_version": f"3.4.0; MicroPython v{self.release}",
            "platform": f"MicroPython-{self.release}-{self.name}-with-newlib4.3.0",
            "uname": ["esp32", "esp32", self.release, f"v{self.release}", self.machine],
        }

    @property
    def release(self) -> str:
        return ".".join(map(str, self.version))


_MPY = 6 | 3 << 8  # version 6.3; the architecture goes above

CHIPS = {
    chip.name: chip
    for chip in (
        Chip(
            "esp32",
            "Generic ESP32 module with ESP32",
            (1, 23, 0),
            164_656,
            _MPY | 10 << 10,
            4,
            (20_000_000, 40_000_000, 80_000_000, 160_000_000, 240_000_000),
            frozenset({*range(6), *range(12, 24), *range(25, 28), *range(32, 40)}),
            frozenset(range(34, 40)),
            frozenset({*range(32, 40), 0, 2, 4, 12, 13, 14, 15, 25, 26, 27}),
            False,
            "ets Jul 29 2019 12:21:46\r\n\r\nrst:{code} ({word}),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
            "configsip: 0, SPIWP:0xee\r\nclk_drv:0x00,q_drv:0x00,d_drv:0x00,cs0_drv:0x00,hd_drv:0x00,wp_drv:0x00\r\n"
            "mode:DIO, clock div:2\r\nload:0x3fff0030,len:4892\r\nho 0 tail 12 room 4\r\nload:0x40078000,len:14896\r\n"
            "load:0x40080400,len:4\r\nload:0x40080404,len:3372\r\nentry 0x400805b0\r\n",
        ),
        Chip(
            "esp32c3",
            "ESP32C3 module with ESP32C3",
            (1, 27, 0),
            176_704,
            _MPY | 11 << 10,
            2,
            (20_000_000, 40_000_000, 80_000_000, 160_000_000),
            frozenset({*range(11), *range(18, 22)}),
            frozenset(),
            frozenset(range(6)),
            True,
            "ESP-ROM:esp32c3-api1-20210207\r\nBuild:Feb  7 2021\r\nrst:{code} ({word}),boot:0xd (SPI_FAST_FLASH_BOOT)\r\n"
            "SPIWP:0xee\r\nmode:DIO, clock div:1\r\nload:0x3fcd5820,len:0x15a8\r\nload:0x403cc710,len:0xc84\r\n"
            "load:0x403ce710,len:0x2fd4\r\nentry 0x403cc71a\r\n",
        ),
    )
}

# What the boot ROM prints as the reason, by our word: (ESP32, later chips).
ROM_REASONS = {
    "power": ("0x1", "POWERON_RESET", "0x1", "POWERON"),
    "hard": ("0xc", "SW_CPU_RESET", "0x3", "RTC_SW_SYS_RST"),
    "watchdog": ("0x8", "TG1WDT_SYS_RESET", "0x7", "TG0WDT_SYS_RST"),
    "deepsleep": ("0x5", "DEEPSLEEP_RESET", "0x5", "DSLEEP"),
}
RESET_CAUSES = {"power": 1, "hard": 2, "watchdog": 3, "deepsleep": 4, "soft": 5}


def of_image(flash: Path, wanted: str | None) -> tuple[Chip, int]:
    """The chip to be, and the flash address of the file's first byte: the program of a base says both.

    Without a base it is the `wanted` chip, else an ESP32. Raises NameplateError.
    """
    try:
        with flash.open("rb") as file:
            base, start = layout.start(file.read(64))
    except OSError as error:
        raise NameplateError(f"{flash}: {error.strerror}", "name a flash image", USAGE) from error
    except ValueError as error:
        hint = "make an image with: nameplate factory image"
        raise NameplateError(f"{flash}: {error}", hint, USAGE) from error
    name = wanted or base or "esp32"
    if name not in CHIPS:
        raise NameplateError(f"there is no virtual {name!r}", f"chips are: {', '.join(CHIPS)}", USAGE)
    if base and base != name:
        hint = "leave out --chip, or name that one"
        raise NameplateError(f"{flash} is made for the {base}, not the {name}", hint, USAGE)
    return CHIPS[name], start
