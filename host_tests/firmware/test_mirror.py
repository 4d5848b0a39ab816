"""Identity kept twice, on real NVS pages and real littlefs: whichever is lost or damaged, the unit is who it was."""

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from firmware import blob, mirror
from firmware.settings import Settings
from host_tests.firmware.whole_flash import Chip, Cut
from host_tests.firmware.whole_unit import UNIT, boot, in_files, in_nvs, provision, records, write_file
from nameplate.factory.mirror_image import mirror_files

OTHER = records(board=2, key=8)
NEW_KEY = records(board=1, key=8)


@pytest.fixture
def chip(tmp_path):
    made = Chip(tmp_path / "flash.bin")
    provision(made)
    return made


def files_of(unit, dev=False):
    return {path.rpartition("/")[2]: data for path, data in mirror_files(unit, dev=dev).items()}


def assert_is(found, unit=UNIT):
    assert found.unit.provisioned, found.unit.damage
    assert (found.binding, found.identity) == (unit["binding"], unit["identity"])
    assert found.unit.ueid.encode() in unit["unit"]
    assert found.unit.broker_secret.encode() in unit["unit"]


def assert_whole(chip, unit=UNIT):
    assert in_nvs(chip) == unit
    kept = in_files(chip)
    kept.pop("boots")
    wanted = files_of(unit)
    wanted.pop("boots")
    assert kept == wanted


def test_the_factory_writes_what_the_device_would(tmp_path):
    chip = Chip(tmp_path / "flash.bin")
    provision(chip, mirrored=False, dev=True)
    found = boot(chip)
    assert found.told == ["mirror of unit mended", "mirror of settings mended"]
    kept, wanted = in_files(chip), files_of(UNIT, dev=True)
    assert {**kept, "boots": b""} == {**wanted, "boots": b""}
    provision(chip, dev=True)
    assert boot(chip).told == []


def test_a_start_with_both_whole_writes_nothing_but_the_count(chip):
    boot(chip)
    files = in_files(chip)
    found = boot(chip)
    assert_is(found)
    assert (found.told, found.bootcount) == ([], 2)
    assert chip.operations == 3  # one NVS entry: its bytes, its state, its older self
    assert in_files(chip) == files


def test_nvs_erased_at_the_very_first_start(chip):
    chip.erase_nvs()
    found = boot(chip)
    assert_is(found)
    assert found.settings.wifi_ssid == "Kitchen"
    assert found.settings.damage is None
    assert found.told[0].startswith(
        "mended from the mirror: unit (missing), binding (missing), identity (missing)"
    )
    assert "boot count lost: goes on at 64" in found.told
    assert_whole(chip)
    assert boot(chip).told == []


def test_a_development_board_stays_one(chip):
    provision(chip, dev=True)
    chip.erase_nvs()
    boot(chip)
    assert chip.nvs_contents()["dev"] == 1
    provision(chip)
    chip.erase_nvs()
    boot(chip)
    assert "dev" not in chip.nvs_contents()


@pytest.mark.parametrize("key", UNIT)
def test_one_record_of_nvs(chip, key):
    for record in (b"", b"NP1\0\0\0\0{}", blob.pack(UNIT[key])[:-1]):
        with chip.powered() as nvs:
            nvs.set_blob(key, record)
        found = boot(chip)
        assert_is(found)
        assert found.settings.consent == "full"
        assert found.told[0].startswith(f"mended from the mirror: {key} (")
        assert_whole(chip)


@pytest.mark.parametrize("seed", range(12))
def test_a_page_of_nvs_gone_wrong(chip, seed):
    boot(chip)
    chip.damage_nvs(0, random.Random(seed))
    # Damage to the page's own list of what is free shows only at the next start: what was mended over it is lost again.
    for _ in range(4):
        found = boot(chip)
        assert_is(found)
    assert found.told == []
    assert_whole(chip)


def test_what_is_mended_over_a_bad_spot_is_seen_and_written_again(chip):
    with chip.powered() as nvs:
        nvs.set_blob("unit", b"torn")
    chip.spoil_free_nvs(160)
    assert boot(chip).told == ["mended from the mirror: unit (bad mark)"]
    assert boot(chip).told == []
    assert_whole(chip)


@pytest.mark.parametrize("lost", [("unit",), ("settings",), ("boots",), ("unit", "settings", "boots")])
def test_files_gone(chip, lost):
    chip.change_files(lambda files: [files.remove(f"/data/mirror/{name}") for name in lost])
    found = boot(chip)
    assert_is(found)
    assert found.told == [f"mirror of {name} mended" for name in lost if name != "boots"]
    assert_whole(chip)
    chip.erase_nvs()
    assert_is(boot(chip))


def test_the_folder_gone(chip):
    def remove(files):
        for name in files.listdir("/data/mirror"):
            files.remove(f"/data/mirror/{name}")
        files.remove("/data/mirror")

    chip.change_files(remove)
    boot(chip)
    assert_whole(chip)


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.sampled_from(["unit", "settings", "boots"]), st.data())
def test_any_damage_to_a_file_is_found_and_mended(tmp_path_factory, name, data):
    chip = Chip(tmp_path_factory.mktemp("flash") / "flash.bin")
    provision(chip)
    record = bytearray(files_of(UNIT)[name])
    if data.draw(st.booleans()):
        record[data.draw(st.integers(0, len(record) - 1))] ^= data.draw(st.integers(1, 255))
    else:
        del record[data.draw(st.integers(0, len(record) - 1)) :]

    write_file(chip, name, bytes(record))
    if data.draw(st.booleans()):
        assert_is(boot(chip))
        assert_whole(chip)
        chip.erase_nvs()
        assert_is(boot(chip))
    else:  # both gone: nobody, rather than somebody else
        chip.erase_nvs()
        found = boot(chip)
        assert found.unit.provisioned == (name != "unit")
        assert found.unit.provisioned or found.unit.key is None
        assert (found.settings.consent == "off") == (name != "boots")
        assert found.speaks == (name == "settings")


def test_a_set_that_somebody_made_up_is_not_read(chip):
    chip.erase_nvs()
    good = files_of(UNIT)["unit"]
    for body in (b"", b"\xff\xff", good[8:-4] + b"\0\0", good[8:-4][:-2]):
        head = good[:8] + body
        write_file(chip, "unit", head + zlib.crc32(head).to_bytes(4, "little"))
        assert not boot(chip).unit.provisioned


# Two units


def test_a_board_that_is_provisioned_anew_is_the_new_unit_and_sends_nothing_of_the_old(chip):
    class Kept:
        made, ram_boots = {}, 0

        def take(self, token):
            raise AssertionError("sent")

    # Three tokens wait: nobody takes them.
    with pytest.raises(AssertionError, match="sent"):
        boot(chip, Kept())
    provision(chip, OTHER, mirrored=False)
    found = boot(chip)
    assert_is(found, OTHER)
    assert found.told[0] == "mirror was another unit's: replaced, its tokens given up"
    assert_whole(chip, OTHER)
    with chip.powered():
        assert mirror.os.listdir("/data/outbox") == []


def test_nothing_secret_of_the_old_unit_stays(chip):
    write_file(chip, "broker", b"a key")
    provision(chip, OTHER, mirrored=False)
    boot(chip)
    assert set(in_files(chip)) == {"unit", "settings", "boots"}
    assert_whole(chip, OTHER)


def test_a_new_key_under_the_old_name_goes_on_counting(chip):
    for _ in range(40):
        count = boot(chip).bootcount
    provision(chip, NEW_KEY, mirrored=False)
    found = boot(chip)
    assert_is(found, NEW_KEY)
    assert found.told[0].startswith("mirror was another unit's")
    assert found.bootcount > count
    assert_whole(chip, NEW_KEY)


@pytest.mark.parametrize("other", [OTHER, NEW_KEY])
@pytest.mark.parametrize("lost", ["unit", "binding", "identity", "settings"])
def test_a_unit_that_is_half_there_is_never_completed_with_anothers(chip, other, lost):
    provision(chip, other, mirrored=False)
    with chip.powered() as nvs:
        nvs.set_blob(lost, b"torn")
    found = boot(chip)
    if lost == "settings":
        assert_is(found, other)
        assert (found.settings.consent, found.settings.wifi_ssid) == ("off", "")
    else:
        assert not found.unit.provisioned
        assert found.unit.damage == f"{lost}: bad mark"
        assert {**files_of(UNIT), "boots": b""} == {**in_files(chip), "boots": b""}  # not overwritten either


def test_a_stray_file_of_another_unit_is_not_taken(chip):
    theirs = {**OTHER, "settings": records(wifi_ssid="Theirs")["settings"]}
    write_file(chip, "settings", files_of(theirs)["settings"])
    with chip.powered() as nvs:
        nvs.set_blob("settings", b"torn")
    found = boot(chip)
    assert_is(found)
    assert found.settings.wifi_ssid == ""


# Power cuts


def sweep(chip, tmp_path, change, check):
    """`change(chip, cut)` with power cut at each operation that it does; `check(chip)` after each."""
    for cut in range(1, 400):
        one = chip.copy(tmp_path / "cut.bin")
        one.random = random.Random(cut)
        try:
            change(one, cut)
        except Cut:
            check(one)
            continue
        check(one)
        return cut
    raise AssertionError("no end")


def settled(unit=UNIT):
    def check(chip):
        assert_is(boot(chip), unit)
        assert_whole(chip, unit)

    return check


def test_a_cut_at_every_operation_of_mending_nvs(chip, tmp_path):
    chip.erase_nvs()
    assert sweep(chip, tmp_path, lambda one, cut: boot(one, cut=cut), settled()) > 30


def test_a_cut_at_every_operation_of_mending_the_mirror(chip, tmp_path):
    chip.change_files(lambda files: [files.remove(f"/data/mirror/{name}") for name in ("unit", "settings")])
    assert sweep(chip, tmp_path, lambda one, cut: boot(one, cut=cut), settled()) > 20


def test_a_cut_at_every_operation_of_replacing_anothers_and_then_nvs_lost_too(chip, tmp_path):
    provision(chip, OTHER, mirrored=False)

    def check(one):
        lost = one.copy(tmp_path / "lost.bin")
        settled(OTHER)(one)
        lost.erase_nvs()
        found = boot(lost)
        if found.unit.provisioned:  # of one unit, whichever
            assert_is(found, OTHER if found.binding == OTHER["binding"] else UNIT)

    assert sweep(chip, tmp_path, lambda one, cut: boot(one, cut=cut), check) > 20


def test_a_cut_at_every_operation_of_a_change_between_the_two_writes_too(chip, tmp_path):
    boot(chip)

    def change(one, cut):
        with one.powered(cut) as nvs:
            Settings(nvs).set("consent", "off")
            one.confirmed = True

    def check(one):
        lost = one.copy(tmp_path / "lost.bin")
        first = boot(one)
        assert_is(first)
        seen = {first.settings.consent, boot(one).settings.consent}
        assert len(seen) == 1
        if getattr(one, "confirmed", False):
            assert seen == {"off"}
        lost.erase_nvs()  # by the port, at the start after the very same cut
        found = boot(lost)
        assert_is(found)
        assert found.settings.consent == "off" or not getattr(one, "confirmed", False)
        assert found.settings.consent in ("off", "full")

    assert sweep(chip, tmp_path, change, check) > 15


def test_a_change_that_only_nvs_took_does_not_leave_the_old_one_in_the_mirror(chip):
    chip.change_files(lambda files: files.fill())
    with chip.powered() as nvs:
        assert Settings(nvs).set("consent", "off")
    chip.erase_nvs()
    found = boot(chip)
    assert_is(found)
    assert found.settings.consent == "off"


# One of the two cannot be written


def test_nvs_that_cannot_be_written_is_replaced_by_the_mirror(chip):
    boot(chip)
    chip.erase_nvs()
    with chip.powered():
        pass  # IDF makes its first page
    chip.nvs_fails = True
    counts = []
    for _ in range(3):
        found = boot(chip)
        assert_is(found)
        assert found.settings.wifi_ssid == "Kitchen"
        assert found.speaks
        counts.append(found.bootcount)
    assert counts == [64, 65, 66]
    assert any("not kept" in line for line in found.told)
    chip.nvs_fails = False
    assert boot(chip).bootcount == 67
    assert_whole(chip)


def test_files_that_cannot_be_written(chip):
    chip.change_files(lambda files: files.remove("/data/mirror/settings"))
    chip.files_fail = True
    found = boot(chip)
    assert_is(found)
    assert found.told[0].startswith("mirror of settings not written")
    assert found.speaks


def test_neither_can_be_written(chip):
    chip.nvs_fails = chip.files_fail = True
    found = boot(chip)
    assert_is(found)  # it can answer
    assert (found.bootcount, found.speaks) == (None, False)
    assert found.told[-1] == "boot not counted"


def test_an_unexpected_failure_costs_the_mirror_and_not_the_start(chip, monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(mirror, "_load", fail)
    with chip.powered() as nvs:
        assert mirror.mend(nvs) == ["mirror not looked after: MemoryError()"]
