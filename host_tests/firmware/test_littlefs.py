"""On the real interpreter and the real littlefs: power cuts at every flash operation, a full disk, no disk."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
DEVICE = HERE.parents[1] / "tools" / "nameplate" / "bench" / "device"
WITH_FLASH = f"sys.path.insert(0, {str(DEVICE)!r})\n"


@pytest.fixture
def on_flash(micropython):
    def run(script, *args, **options):
        return micropython(WITH_FLASH + script, *args, **options)

    return run


def test_power_cut_at_every_flash_operation(on_flash):
    script = (HERE / "scripts" / "power_cut.py").read_text()
    operations, boots, tokens, declaring = map(int, on_flash(script, heap="16m").split())
    assert operations > 1000
    assert boots == 2 * operations + 1
    assert tokens > 10 * boots
    assert declaring >= 4  # the script overflows the outbox


FULL_DISK = """
import json, os, vfs
from ram_flash import BLOCK, RamFlash
from firmware.journal import Journal
from firmware.outbox import Outbox
flash = RamFlash(24)
flash.mount("/flash", True)
free = os.statvfs("/flash")[3]
with open("/flash/filler", "wb") as file:
    for _ in range(free - 14):
        file.write(bytes(BLOCK))
journal = Journal("/flash/log", segments=2)
outbox = Outbox("/flash/data", capacity_bytes=64 * BLOCK)
failed = 0
declared = []
for seq in range(80):
    token = b"%d." % seq + bytes(700)
    lost = outbox.lost()
    try:
        outbox.put("event" if seq % 10 == 0 else "heartbeat", 1, seq, token, lost)
        declared += lost
    except OSError:
        failed += 1
    journal.append(b"entry %d" % seq, seq % 4 == 0)
vfs.umount("/flash")
flash.mount("/flash")
outbox = Outbox("/flash/data", capacity_bytes=64 * BLOCK)
declared += outbox.lost()
sent = []
while outbox.next():
    ticket, kind, token = outbox.next()
    sent.append(int(token.split(b".")[0]))
    outbox.done(ticket)
print(json.dumps([failed, sent, declared, journal.dropped, journal.error, outbox.waiting]))
"""


def test_a_full_disk_costs_the_oldest_heartbeats_and_says_so(on_flash):
    import json

    failed, sent, declared, _, _, _ = json.loads(on_flash(FULL_DISK, heap="2m"))
    assert failed == 0
    assert sent[:8] == list(range(0, 80, 10))  # every event is there
    lost = {seq for _, first, last, _ in declared for seq in range(first, last + 1)}
    assert lost == set(range(80)) - set(sent)
    assert {reason for *_, reason in declared} == {"full"}
    assert sent[-1] == 79
    assert len(sent) > 8 + 10  # a failed write does not cost a segment of its own


NO_DISK = """
from firmware.journal import Journal
from firmware.outbox import Outbox
journal = Journal("/dev/null/log")
outbox = Outbox("/dev/null/box")
for seq in range(100):
    journal.append(b"entry %d" % seq * 8, True)
    outbox.put("heartbeat", 1, seq, b"%d." % seq + bytes(600), outbox.lost())
kept = [number for number, _ in journal.read()]
print(journal.persistent, outbox.persistent, kept[-1], kept[0] == journal.dropped, outbox.waiting, outbox.dropped)
"""


def test_without_a_disk_it_all_runs_in_bounded_ram(on_flash):
    assert on_flash(NO_DISK).split() == ["False", "False", "99", "True", "5", "95"]
