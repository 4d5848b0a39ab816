"""The one door to the hardware: what is missing is reported and stops nothing; the chip's words become plain ones."""

import pytest

# Modules of a chip that has hardly anything; a test changes what it needs.
CHIP = """
import sys
class Module:
    def __init__(self, **names):
        for name in names:
            setattr(self, name, names[name])
def refuse(*args, **kwargs):
    raise OSError(-4354, "ESP_ERR_NVS_NOT_FOUND")
class Nvs:
    def __init__(self, namespace):
        pass
    get_i32 = get_blob = set_i32 = set_blob = lambda self, *args: refuse()
class Rtc:
    kept = b""
    def memory(self, *data):
        if not data:
            return Rtc.kept
        Rtc.kept = bytes(data[0])
class Wlan:
    state = 1000
    calls = []
    def __init__(self, interface):
        pass
    def active(self, *on):
        self.calls.append(("active",) + on)
    def config(self, **what):
        self.calls.append(("config", what))
    def connect(self, *args):
        self.calls.append(("connect",) + args)
    def disconnect(self):
        raise OSError("not joined")
    server = "192.168.1.1"
    def status(self):
        return Wlan.state
    def ifconfig(self):
        return ("192.168.1.7", "255.255.255.0", "192.168.1.1", Wlan.server)
resets = []
machine = Module(
    PWRON_RESET=1, HARD_RESET=2, WDT_RESET=3, DEEPSLEEP_RESET=4, SOFT_RESET=5, reset_cause=lambda: 3,
    unique_id=lambda: b"123456", RTC=Rtc, reset=lambda: resets.append(1), Pin=refuse, ADC=refuse, I2C=refuse, WDT=refuse,
)
network = Module(
    STA_IF=0, STAT_IDLE=1000, STAT_CONNECTING=1001, STAT_GOT_IP=1010, STAT_NO_AP_FOUND=201, STAT_WRONG_PASSWORD=202,
    STAT_HANDSHAKE_TIMEOUT=204, WLAN=Wlan,
)
sys.modules["machine"] = machine
sys.modules["esp32"] = Module(NVS=Nvs, HEAP_DATA=4, idf_heap_info=lambda what: [])
sys.modules["network"] = network
"""


@pytest.fixture
def chip(micropython):
    return lambda before, script: micropython(
        CHIP + before + "\nfrom firmware.board import Board\nboard = Board()\n" + script
    ).split("\n")[:-1]


def test_nothing_there_is_no_reason_to_stop(chip):
    out = chip(
        "network.WLAN = refuse",
        """
print(board.nvs.get_i32("dev"), board.nvs.get_blob("unit", 4000), board.breadcrumb())
print(board.wifi.status())
try:
    board.wifi.up("Kitchen", "correct horse")
except OSError as error:
    print("OSError", error)
board.wifi.down()
print(board.wifi.status(), len(board.problems))
""",
    )
    assert out == ["None None (0, '')", "idle", "OSError no radio", "missing 1"]


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (1000, "idle"), (1001, "connecting"), (1010, "up"), (201, "no access point"), (202, "wrong password"),
        (204, "wrong password"), (15, "wrong password"), (203, "failed"), (200, "failed"), (8, "failed"), (999, "failed"),
    ],
)  # fmt: skip
def test_the_radios_numbers_become_words(chip, code, word):
    out = chip("", f'board.wifi.up("Kitchen", None)\nWlan.state = {code}\nprint(board.wifi.status())')
    assert out == [word]


def test_joining_leaves_the_retries_to_us(chip):
    out = chip(
        "",
        """
board.wifi.up("Kitchen", "correct horse")
print(Wlan.calls)
Wlan.calls.clear()
board.wifi.up("Guests", None)
print(Wlan.calls[-1])
print(board.wifi.dns())
Wlan.state = 1010
print(board.wifi.dns())
Wlan.server = "0.0.0.0"
print(board.wifi.dns())
""",
    )
    assert out == [
        "[('active', True), ('config', {'reconnects': 0}), ('connect', 'Kitchen', 'correct horse')]",
        "('connect', 'Guests')",
        "None",
        "192.168.1.1",
        "None",
    ]


def test_a_deliberate_reset_leaves_its_reason_and_the_count(chip):
    out = chip(
        "",
        r"""
Rtc.kept = b"\x03/a: ImportError"
print(board.breadcrumb())
board.reset("task watch: " + "x" * 500)
failed, text = board.breadcrumb()
print(failed, text[:12], len(text), resets)
Rtc.kept = b"\x00\xff\xfe\x80garbage\x00"
print(board.breadcrumb())
board.clear_breadcrumb()
print(board.breadcrumb())
""",
    )
    assert out == ["(3, '/a: ImportError')", "3 task watch:  120 [1]", "(0, 'garbage')", "(0, '')"]
