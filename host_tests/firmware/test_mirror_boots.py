"""The boot count: whatever happens to NVS and to the mirror between boots and in them, (bootcount, seq) never repeats.

One exception, which nobody can tell from the truth: NVS *and* files put back to an old state. With tokens that were sent
from RAM, because the file system took none, an old NVS alone is such a state.
"""

import contextlib
import random
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from firmware import blob, boots
from host_tests.firmware import fakes
from host_tests.firmware.test_littlefs import WITH_FLASH
from host_tests.firmware.test_mirror import assert_is, sweep
from host_tests.firmware.whole_flash import Chip, Cut, Nvs
from host_tests.firmware.whole_unit import Receiver, boot, in_files, provision, write_file
from nameplate.factory import mirror_image

NAMES = st.sampled_from(["unit", "settings", "boots"])
STEPS = st.one_of(
    st.tuples(st.just("boot"), st.integers(0, 2), st.one_of(st.none(), st.integers(1, 70))),
    st.tuples(st.just("boot"), st.integers(0, 2), st.none()),
    st.tuples(st.sampled_from(["erase", "snapshot", "restore", "fill", "room"])),
    st.tuples(st.just("damage"), st.integers(0, 1), st.integers(0, 999)),
    st.tuples(st.just("remove"), NAMES),
    st.tuples(st.just("spoil"), NAMES, st.integers(0, 999)),
    st.tuples(st.sampled_from(["nvs_fails", "files_fail"]), st.booleans()),
)


class Life:
    """A unit, what happened to it, and the receiver of its tokens."""

    def __init__(self, chip):
        self.chip = chip
        self.receiver = Receiver()
        self.old = None
        provision(chip)

    def step(self, name, *args):
        if name in ("nvs_fails", "files_fail"):
            setattr(self.chip, name, *args)
        else:
            getattr(self, "_" + name)(*args)

    def _boot(self, tokens, cut):
        try:
            found = boot(self.chip, self.receiver, tokens, cut)
        except Cut:
            return
        if found.unit.provisioned:
            assert_is(found)
        else:
            assert not found.speaks

    def _erase(self):
        self.chip.erase_nvs()

    def _snapshot(self):
        self.old = self.chip.nvs_image()

    def _restore(self):
        if self.old and not self.receiver.ram_boots:
            self.chip.restore_nvs(self.old)

    def _damage(self, page, seed):
        if not self.receiver.ram_boots:  # it may bring an older entry back to life
            self.chip.damage_nvs(page, random.Random(seed))

    def _fill(self):
        self.chip.change_files(lambda files: files.fill())

    def _room(self):
        self.chip.change_files(lambda files: files.room())

    def _remove(self, name):
        def remove(files):
            if name in files.listdir("/data/mirror"):
                files.remove(f"/data/mirror/{name}")

        self.chip.change_files(remove)

    def _spoil(self, name, seed):
        data = bytearray(in_files(self.chip).get(name, b""))
        if data:
            data[seed % len(data)] ^= 1 + seed % 255
            with contextlib.suppress(OSError):  # on a full file system it stays as it is
                write_file(self.chip, name, bytes(data))


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(boots, "BLOCK", 4)
    monkeypatch.setattr(mirror_image, "BOOTS_AHEAD", 4)


@hypothesis_settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(STEPS, min_size=6, max_size=40))
def test_no_number_serves_twice_and_no_chain_forks(tmp_path_factory, small_blocks, steps):
    life = Life(Chip(tmp_path_factory.mktemp("life") / "flash.bin"))
    for step in steps:
        life.step(*step)


@pytest.fixture
def chip(tmp_path):
    made = Chip(tmp_path / "flash.bin")
    provision(made)
    return made


def test_the_file_is_written_once_in_half_a_block_of_starts(chip):
    def promise():
        return in_files(chip)["boots"]

    written = []
    for number in range(1, 200):
        before = promise()
        found = boot(chip)
        assert (found.bootcount, found.told) == (number, [])
        if promise() != before:
            written.append(number)
    assert written == [33, 66, 99, 132, 165, 198]


@pytest.mark.parametrize("starts", [1, 31, 32, 33, 34, 63, 64, 65, 66])
def test_after_a_lost_nvs_the_count_goes_on_above_all_that_was_used(chip, starts):
    receiver = Receiver()
    for _ in range(starts):
        boot(chip, receiver, 1)
    chip.erase_nvs()
    found = boot(chip, receiver)
    assert starts < found.bootcount <= starts + boots.BLOCK
    assert f"boot count lost: goes on at {found.bootcount}" in found.told
    assert boot(chip, receiver).bootcount == found.bootcount + 1


def test_a_cut_at_every_operation_of_a_start_that_raises_the_promise_and_then_nvs_lost(chip, tmp_path):
    for _ in range(32):
        last = boot(chip).bootcount

    def check(one):
        kept = boot(one).bootcount
        assert kept in (last + 1, last + 2)  # cut before or after it was counted
        one.erase_nvs()
        assert boot(one).bootcount > kept

    assert sweep(chip, tmp_path, lambda one, cut: boot(one, cut=cut), check) > 5


def test_an_old_nvs_is_not_believed(chip):
    receiver = Receiver()
    boot(chip, receiver)
    old = chip.nvs_image()
    for _ in range(5):
        boot(chip, receiver)
    chip.restore_nvs(old)  # within the block: the outbox knows better
    found = boot(chip, receiver)
    assert (found.bootcount, found.told) == (7, ["boot count lost: goes on at 7"])
    for _ in range(40):
        last = boot(chip).bootcount  # sends nothing, so the outbox knows nothing
    chip.restore_nvs(old)
    assert boot(chip, receiver).bootcount > last


def test_a_full_file_system_stops_the_unit_only_at_the_end_of_the_block(chip):
    receiver = Receiver()
    chip.files_fail = True
    spoken = [boot(chip).speaks for _ in range(66)]
    assert spoken == [True] * 63 + [False] * 3
    found = boot(chip)
    assert_is(found)  # it answers who asks
    assert found.told[-1] == "boot not counted"
    chip.files_fail = False
    assert boot(chip, receiver).bootcount == 64


def test_a_count_that_is_lost_in_both_is_not_begun_anew(chip):
    boot(chip)
    chip.erase_nvs()
    chip.change_files(lambda files: files.remove("/data/mirror/boots"))
    found = boot(chip)
    assert_is(found)
    assert (found.bootcount, found.speaks) == (None, False)
    assert found.told[-1] == "boot not counted: the count is lost"
    assert boot(chip).bootcount is None


def test_counted_by_the_mirror_alone_the_chain_goes_on_and_nvs_is_not_believed_when_it_is_back(chip):
    receiver = Receiver()
    boot(chip, receiver)
    chip.nvs_fails = True
    for number in (2, 3, 4):
        found = boot(chip, receiver)
        assert (found.bootcount, found.speaks) == (number, True)
        assert found.told[-1].startswith("NVS cannot be written")
    assert receiver.order.missing() == []
    assert receiver.order.boots[4].named  # its first token names the last of the boot before
    chip.nvs_fails = False
    assert boot(chip, receiver).bootcount == 5
    assert boot(chip, receiver).bootcount == 6


def test_a_count_that_nvs_took_and_did_not_keep_is_counted_by_the_mirror(chip, monkeypatch):
    receiver = Receiver()
    boot(chip, receiver)
    with monkeypatch.context() as patch:
        patch.setattr(Nvs, "set_i32", lambda *_: None)
        for number in (2, 3):
            found = boot(chip, receiver, tokens=0)
            assert found.bootcount == number
            assert found.told[-1] == "NVS cannot be written (OSError('damaged')): the mirror counts"
    assert boot(chip, receiver).bootcount == 4


def test_after_a_lost_count_the_first_token_names_nobody(chip):
    """For a boot that nobody remembers may have sent tokens from RAM, and then the last one stored was not the last."""
    receiver = Receiver()
    boot(chip, receiver)
    chip.erase_nvs()
    boot(chip, receiver)
    assert receiver.order.boots[64].named is None
    boot(chip, receiver)
    assert receiver.order.boots[65].named


def test_the_same_when_power_fails_before_that_token(chip):
    receiver = Receiver()
    boot(chip, receiver)
    chip.change_files(lambda files: files.rename("/data/outbox", "/data/away"))
    chip.files_fail = True
    assert not boot(chip, receiver).stored  # boot 2 sends from RAM, and NVS remembers it
    chip.files_fail = False
    chip.change_files(lambda files: files.rename("/data/away", "/data/outbox"))
    chip.erase_nvs()
    boot(chip, receiver, tokens=0)
    boot(chip, receiver)
    assert receiver.order.boots[65].named is None


def test_a_promise_of_the_wrong_size_is_none(chip):
    write_file(chip, "boots", blob.pack(b"1234"))
    assert boot(chip).bootcount == 1


ON_THE_DEVICE = """
import sys
from ram_flash import RamFlash
from firmware import boots, mirror, blob
from host_tests.firmware.fakes import Nvs
flash = RamFlash(24)
flash.mount("/flash", True)
mirror.DIRECTORY = "/flash/mirror"
mirror.OUTBOX = "/flash/outbox"
blobs = {key: blob.pack(key.encode() * 90) for key in ("unit", "binding", "identity", "anchors", "settings")}
class Outbox:
    last_boot = None
    def unchain(self, bootcount):
        print("unchained", bootcount)
nvs = Nvs(blobs, {"bootcount": 0})
print(mirror.mend(nvs), boots.count(nvs, Outbox()))
empty = Nvs()
print(mirror.read(empty, "settings") == b"settings" * 90, mirror.mend(empty), boots.count(empty, Outbox()))
print(empty.blobs == blobs, empty.numbers["bootcount"], mirror.keep(empty, "settings"), mirror.mend(empty))
try:
    mirror.read(Nvs({"unit": blob.pack(b"another")}), "identity")
except blob.Damaged as reason:
    print(reason)
"""


def test_on_the_device_interpreter(micropython):
    assert micropython(WITH_FLASH + ON_THE_DEVICE).splitlines() == [
        "['mirror of unit mended', 'mirror of settings mended'] (1, [])",
        "unchained 64",
        "True ['mended from the mirror: unit (missing), binding (missing), identity (missing), anchors (missing)', "
        "'mended from the mirror: settings (missing)'] (65, ['boot count lost: goes on at 65'])",
        "True 65 True []",
        "missing",
    ]


LOADED = """
import sys
from ram_flash import RamFlash
from firmware import blob, mirror
from firmware.settings import Settings
from host_tests.firmware.fakes import Nvs
RamFlash(24).mount("/data", True)
nvs = Nvs({key: blob.pack(b"{}") for key in ("unit", "settings")})
settings = Settings(nvs)
print(settings.set("consent", "full"))
print([name for name in sys.modules if name in ("firmware.mirror", "firmware.blob", "firmware.settings_records")])
print(mirror.read(Nvs({"unit": nvs.blobs["unit"]}), "settings") == blob.unpack(nvs.blobs["settings"]))
"""


def test_a_changed_setting_is_mirrored_and_what_did_it_is_not_kept(micropython):
    assert micropython(WITH_FLASH + LOADED).splitlines() == ["True", "[]", "True"]


def test_the_factory_sets_aside_as_much_as_the_device(chip):
    assert mirror_image.BOOTS_AHEAD == boots.BLOCK


def test_an_outbox_without_a_boot_is_no_witness():
    outbox = SimpleNamespace(last_boot=None)
    assert boots.count(fakes.Nvs(numbers={"bootcount": 4}), outbox)[0] == 5
