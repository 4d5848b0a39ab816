"""What the shims ask of the board: each call of the interpreter, answered from the hardware, NVS, radio or world."""

from __future__ import annotations

import json
import random
import struct
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nameplate.sim import interpreter
from nameplate.sim.chips import RESET_CAUSES
from nameplate.sim.lan import resolve
from nameplate.sim.nvs_pages import NvsError, Storage
from nameplate.sim.radio import UP, WifiError

if TYPE_CHECKING:
    from nameplate.sim.engine import Engine
    from nameplate.sim.interpreter import Interpreter

_ESP_ERR_NVS_NOT_INITIALIZED = 0x1101
_PROGRAM_US = 350  # of the few bytes that NVS writes at a time
_DNS_US = 40_000
_DNS_HANG_US = 15_000_000  # what a call to a dead name server holds the interpreter


class Calls:
    """Answers for one board. Raises PowerCut out of any call that touches the flash."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self._engine = engine
        self._random = random.Random(f"{seed} entropy")
        self.nvs: Storage | None = None
        self._hot = {
            interpreter.CALL: self._rare,
            interpreter.ADC: self._adc,
            interpreter.PROGRAM: self._program,
            interpreter.ERASE: self._erase,
            interpreter.FEED: self._feed,
            interpreter.PIN_READ: self._pin_read,
            interpreter.PIN_WRITE: self._pin_write,
            interpreter.I2C_WRITE: self._i2c_write,
            interpreter.ONEWIRE: self._onewire,
        }

    def answer(self, child: Interpreter, kind: int, body: bytes) -> None:
        try:
            self._hot[kind](child, body)
        except OSError as error:
            child.reply_error(error.errno)
        except NvsError as error:
            child.reply_error(-error.code, error.name)
        except ValueError as error:
            child.reply_error(None, str(error))

    # Calls too frequent for JSON

    def _adc(self, child: Interpreter, body: bytes) -> None:
        child.reply(struct.pack("<HI", *self._engine.hardware.sample(body[0], body[1])))

    def _program(self, child: Interpreter, body: bytes) -> None:
        self._engine.flash.program(int(struct.unpack_from("<I", body)[0]), body[4:])
        child.reply()

    def _erase(self, child: Interpreter, body: bytes) -> None:
        self._engine.flash.erase(*struct.unpack("<II", body))
        child.reply(struct.pack("<I", int(self._engine.world["flash_erase_ms"]) * 1000))

    def _feed(self, child: Interpreter, body: bytes) -> None:
        self._engine.power.feed_watchdog()
        child.reply()

    def _pin_read(self, child: Interpreter, body: bytes) -> None:
        child.reply(bytes((self._engine.hardware.read_pin(body[0]),)))

    def _pin_write(self, child: Interpreter, body: bytes) -> None:
        self._engine.hardware.write_pin(body[0], body[1])
        child.reply()

    def _i2c_write(self, child: Interpreter, body: bytes) -> None:
        self._engine.hardware.write_i2c(body[0], body[1], body[2:])
        child.reply()

    def _onewire(self, child: Interpreter, body: bytes) -> None:
        child.reply(bytes((self._engine.hardware.onewire(*body),)))

    # The others, by name

    def _rare(self, child: Interpreter, body: bytes) -> None:
        end = body.index(b"\0")
        name, arguments = json.loads(body[:end])
        method: Any = getattr(self, "call_" + name)
        answer = method(child, body[end + 1 :], *arguments)
        if answer is not _ANSWERED:
            child.reply_json(*answer if isinstance(answer, tuple) else (answer,))

    def call_hello(self, child: Interpreter, blob: bytes) -> Any:
        """What the shims need to know at their start."""
        engine = self._engine
        return {
            "now_us": engine.clock.now_us(),
            "boot_us": engine.power.boot_us,
            "speed_milli": engine.clock.speed_milli,
            "rtc_us": engine.power.rtc_at_zero_us,
            "flash": str(engine.flash_path.absolute()),
            "flash_start": engine.flash.start,
            "flash_size": engine.flash.size,
            "partitions": [
                [row.type, row.subtype, row.offset, row.size, row.name] for row in engine.partitions
            ],
            "reset_cause": RESET_CAUSES[engine.power.cause],
            "unique_id": list(engine.radio.mac),
            "network": engine.radio.state,
            "umqtt": str(engine.umqtt),
            "raw_prompt": engine.uart.raw_prompt,
            **engine.chip.description(),
        }

    def call_started(self, child: Interpreter, blob: bytes, free: int, used: int) -> Any:
        self._engine.event("started", f"{free} bytes free, {used} used before")

    def call_repl(self, child: Interpreter, blob: bytes) -> Any:
        self._engine.event("prompt")
        self._engine.loop.at_prompt()
        self._engine.uart.prompt()

    def call_kbd_intr(self, child: Interpreter, blob: bytes, character: int) -> Any:
        self._engine.uart.interruptible = character == 3

    def call_reset(self, child: Interpreter, blob: bytes) -> Any:
        self._engine.power.restart("hard")
        return _ANSWERED

    def call_soft_reset(self, child: Interpreter, blob: bytes) -> Any:
        self._engine.power.restart("soft")
        return _ANSWERED

    def call_deepsleep(self, child: Interpreter, blob: bytes, time_ms: int) -> Any:
        self._engine.power.deepsleep(time_ms)
        return _ANSWERED

    def call_wdt(self, child: Interpreter, blob: bytes, timeout_ms: int) -> Any:
        self._engine.power.arm_watchdog(timeout_ms)

    def call_rtc_memory(self, child: Interpreter, blob: bytes, write: bool) -> Any:
        if write:
            self._engine.power.rtc_memory = blob
        return None, self._engine.power.rtc_memory

    def call_rtc_set(self, child: Interpreter, blob: bytes, at_zero_us: int) -> Any:
        self._engine.power.rtc_at_zero_us = at_zero_us

    def call_urandom(self, child: Interpreter, blob: bytes, size: int) -> Any:
        return None, self._random.randbytes(size)

    def call_pin(self, child: Interpreter, blob: bytes, number: int) -> Any:
        self._engine.hardware.check_pin(number)

    def call_pin_init(
        self,
        child: Interpreter,
        blob: bytes,
        number: int,
        mode: int | None,
        pull: int | None,
        value: bool | None,
    ) -> Any:
        self._engine.hardware.init_pin(number, mode, pull, value)

    def call_pin_irq(self, child: Interpreter, blob: bytes, number: int, trigger: int) -> Any:
        self._engine.hardware.irq(number, trigger)

    def call_adc(self, child: Interpreter, blob: bytes, number: int, attenuation: int) -> Any:
        self._engine.hardware.check_adc(number, attenuation)

    def call_timer(self, child: Interpreter, blob: bytes, number: int, period_us: int, periodic: bool) -> Any:
        self._engine.hardware.timer(number, period_us, periodic)

    def call_i2c(self, child: Interpreter, blob: bytes, number: int, scl: int, sda: int) -> Any:
        return self._engine.hardware.bus(scl, sda)

    def call_i2c_scan(self, child: Interpreter, blob: bytes, bus: int) -> Any:
        return self._engine.hardware.scan(bus)

    def call_i2c_read(self, child: Interpreter, blob: bytes, bus: int, address: int, size: int) -> Any:
        return None, self._engine.hardware.read_i2c(bus, address, size)

    def _storage(self) -> Storage:
        if self.nvs is None:
            raise OSError(-_ESP_ERR_NVS_NOT_INITIALIZED, "ESP_ERR_NVS_NOT_INITIALIZED")
        return self.nvs

    def _written(self, change: Callable[[], object]) -> int:
        """Microseconds for which the change of NVS held the processor."""
        if self._engine.world["nvs"] == "full":
            raise NvsError("ESP_ERR_NVS_NOT_ENOUGH_SPACE")
        flash = self._engine.flash
        erases, programs = flash.erases, flash.programs
        change()
        erased = (flash.erases - erases) * int(self._engine.world["flash_erase_ms"]) * 1000
        return erased + (flash.programs - programs) * _PROGRAM_US

    def call_nvs_open(self, child: Interpreter, blob: bytes, namespace: str) -> Any:
        return self._storage().open(namespace)

    def call_nvs_get_i32(self, child: Interpreter, blob: bytes, namespace: int, key: str) -> Any:
        return self._storage().get_i32(namespace, key)

    def call_nvs_set_i32(self, child: Interpreter, blob: bytes, namespace: int, key: str, value: int) -> Any:
        return self._written(lambda: self._storage().set_i32(namespace, key, value))

    def call_nvs_get_blob(self, child: Interpreter, blob: bytes, namespace: int, key: str, room: int) -> Any:
        value = self._storage().get_blob(namespace, key)
        if len(value) > room:
            raise NvsError("ESP_ERR_NVS_INVALID_LENGTH")
        return None, value

    def call_nvs_set_blob(self, child: Interpreter, blob: bytes, namespace: int, key: str) -> Any:
        return self._written(lambda: self._storage().set_blob(namespace, key, blob))

    def call_nvs_erase_key(self, child: Interpreter, blob: bytes, namespace: int, key: str) -> Any:
        return self._written(lambda: self._storage().erase_key(namespace, key))

    def call_wlan(self, child: Interpreter, blob: bytes, name: str, arguments: list[Any]) -> Any:
        radio = self._engine.radio
        methods: dict[str, Any] = {"set": radio.set_option, "get": radio.get_option}
        method = methods.get(name) or getattr(radio, name)
        try:
            answer = method(*arguments)
        except WifiError as error:
            return {"error": str(error)}
        return list(answer) if isinstance(answer, tuple) else answer

    def call_tls_us(self, child: Interpreter, blob: bytes) -> Any:
        """How long the chip computes in a handshake, in microseconds."""
        return int(self._engine.world["tls_ms"]) * 1000

    def call_route(self, child: Interpreter, blob: bytes, kind: str, host: str, port: int) -> Any:
        """What becomes of something sent to an address: [word, the host's own address]."""
        if self._engine.radio.state != UP:
            return ["silent", None]
        if kind == "udp" and self._engine.lan.serves(host, port):
            return ["lan", None]
        word = {"refused": "refused", "black_hole": "silent"}.get(self._engine.world["broker"], "sent")
        if kind == "tcp" and word != "sent":
            return [word, None]
        return ["sent", list(self._engine.lan.route(host, port))]

    def call_datagram(self, child: Interpreter, blob: bytes, host: str, port: int) -> Any:
        """What the network's own servers answer: [[after how many microseconds, host, port, length]], and the bytes."""
        engine = self._engine
        engine.event("datagram", f"{host}:{port}")
        name = engine.lan.asks_host(host, port, blob)

        def reply(found: str | None = None) -> tuple[list[list[object]], bytes]:
            answers = engine.lan.answer(host, port, blob, found)
            heads: list[list[object]] = [[one.delay_us, one.host, one.port, len(one.data)] for one in answers]
            return heads, b"".join(one.data for one in answers)

        if name is None:
            return reply()

        def look_up() -> None:
            found = resolve(name)
            with engine.loop.lock:
                if engine.interpreter is child:
                    child.reply_json(*reply(found))

        threading.Thread(target=look_up, daemon=True).start()
        return _ANSWERED

    def call_resolve(self, child: Interpreter, blob: bytes, host: str) -> Any:
        """[address or None, how long it took in microseconds]."""
        engine = self._engine
        engine.event("lookup", host)
        if not engine.radio.linked:
            return [None, 0]
        if engine.world["dns"] != "ok" or engine.radio.state != UP:
            return [None, _DNS_US if engine.world["dns"] == "fail" else _DNS_HANG_US]

        def look_up() -> None:
            found = resolve(host)
            with engine.loop.lock:
                if engine.interpreter is child:
                    child.reply_json([found, _DNS_US])

        threading.Thread(target=look_up, daemon=True).start()
        return _ANSWERED


_ANSWERED = object()
