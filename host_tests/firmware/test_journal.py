"""The journal against a plain list: any order of appends, flushes, crashes and reads, and any damage to its files."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.journal import Journal
from host_tests.firmware.failing_files import Failing, Late
from lib import records

SMALL = {"segment_bytes": 256, "segments": 4, "limit": 64, "buffer_bytes": 160}


@pytest.fixture
def directory(tmp_path):
    return str(tmp_path / "data" / "log")


def contents(journal, first=0):
    return [(number, bytes(payload)) for number, payload in journal.read(first)]


def files(directory):
    return sorted(path for path in Path(directory).iterdir() if path.name.startswith("log"))


def filled(directory, count=20):
    journal = Journal(directory, **SMALL | {"segments": 8})
    kept = [(journal.append(b"record %d " % n * 3, True), b"record %d " % n * 3) for n in range(count)]
    return kept


def test_numbers_rise_from_zero_and_records_come_back(directory):
    journal = Journal(directory)
    assert [journal.append(b"a"), journal.append(b"", True), journal.append(b"c")] == [0, 1, 2]
    assert contents(journal) == [(0, b"a"), (1, b""), (2, b"c")]
    assert contents(journal, 2) == [(2, b"c")]
    assert contents(journal, 3) == []
    assert journal.persistent


def test_a_durable_record_takes_along_what_waited_before_it_in_one_write(directory, monkeypatch):
    journal = Journal(directory)
    for n in range(5):
        journal.append(b"%d" % n)
    assert files(directory) == []
    opened = []
    plain = open
    monkeypatch.setattr("builtins.open", lambda *how: opened.append(how) or plain(*how))
    journal.append(b"durable", True)
    monkeypatch.undo()
    assert [mode for _, mode in opened] == ["wb"]
    assert [payload for _, payload in contents(Journal(directory))] == [
        b"0",
        b"1",
        b"2",
        b"3",
        b"4",
        b"durable",
    ]


def test_what_waits_in_ram_is_lost_by_a_crash_and_kept_by_a_flush(directory):
    journal = Journal(directory)
    journal.append(b"kept")
    assert journal.flush()
    journal.append(b"lost")
    assert contents(Journal(directory)) == [(0, b"kept")]


def test_a_full_buffer_is_written_by_itself(directory):
    journal = Journal(directory, **SMALL)
    for n in range(10):
        journal.append(b"%d" % n * 40)
    assert len(contents(Journal(directory, **SMALL))) >= 7


def test_size_is_bounded_and_the_oldest_go_first(directory):
    journal = Journal(directory, **SMALL)
    for n in range(200):
        journal.append(b"%03d" % n * 10, True)
        assert len(files(directory)) <= 4
        assert sum(path.stat().st_size for path in files(directory)) <= 4 * 256
    numbers = [number for number, _ in contents(journal)]
    assert numbers == list(range(numbers[0], 200))
    assert journal.dropped == numbers[0]


def test_reading_goes_on_while_records_come_and_go(directory):
    journal = Journal(directory, **SMALL)
    for n in range(12):
        journal.append(b"%03d" % n * 10, True)
    seen = []
    for number, payload in journal.read(0):
        seen.append((number, bytes(payload)[:3]))
        if len(seen) < 40:
            journal.append(b"%03d" % journal.next_number * 10, len(seen) % 2 == 0)
    assert all(payload == b"%03d" % number for number, payload in seen)
    assert [number for number, _ in seen] == sorted({number for number, _ in seen})
    assert seen[-1][0] == journal.next_number - 1


def test_too_large_a_record_is_refused_and_takes_no_number(directory):
    journal = Journal(directory, **SMALL)
    with pytest.raises(ValueError, match="record"):
        journal.append(bytes(65), True)
    assert journal.append(bytes(64), True) == 0


def test_boot_reads_only_the_newest_segment(directory, monkeypatch):
    filled(directory, 30)
    opened = []
    real = open

    def counting(path, *rest):
        opened.append(Path(path).name)
        return real(path, *rest)

    monkeypatch.setattr("builtins.open", counting)
    journal = Journal(directory, **SMALL)
    assert journal.next_number == 30
    assert opened == [files(directory)[-1].name]


def test_strangers_in_the_directory_are_left_alone(directory):
    os.makedirs(directory)
    for name in ("log", "logfile!!", "lost", "log0000000", "other0000"):
        (Path(directory) / name).write_bytes(b"not ours")
    journal = Journal(directory)
    journal.append(b"x", True)
    assert contents(Journal(directory)) == [(0, b"x")]
    assert (Path(directory) / "lost").read_bytes() == b"not ours"


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_model(data):
    directory = tempfile.mkdtemp()
    try:
        journal = Journal(directory, **SMALL)
        kept = []  # every record of the journal's past that may still be there
        durable = 0  # all numbers below are promised
        tears = 0  # each ends a segment early
        for _ in range(data.draw(st.integers(1, 40))):
            step = data.draw(
                st.sampled_from(["append", "append", "durable", "flush", "crash", "torn", "read"])
            )
            if step in ("append", "durable"):
                payload = data.draw(st.binary(max_size=64))
                number = journal.append(payload, step == "durable")
                assert number == len(kept)
                kept.append(payload)
                if step == "durable":
                    durable = len(kept)
            elif step == "flush":
                assert journal.flush()
                durable = len(kept)
            elif step == "read":
                first = data.draw(st.integers(0, len(kept)))
                check(journal, kept, first, tears)
            else:
                if step == "torn":
                    tear(data, directory)
                    tears += 1
                    durable = 0
                journal = Journal(directory, **SMALL)
                assert durable <= journal.next_number <= len(kept)
                del kept[journal.next_number :]
            assert journal.damaged == 0
        check(journal, kept, 0, tears)
    finally:
        shutil.rmtree(directory)


def tear(data, directory):
    """What a file system may do that keeps half of a write: the newest file ends somewhere in its last record."""
    found = files(directory)
    content = found[-1].read_bytes() if found else b""
    starts = []
    at = 0
    while at + records.header_size(0) <= len(content):
        starts.append(at)
        at += records.header_size(0) + records.parse(memoryview(content)[at:], 0)[1]
    if starts:
        found[-1].write_bytes(content[: data.draw(st.integers(starts[-1], len(content)))])


def check(journal, kept, first, tears):
    got = contents(journal, first)
    numbers = [number for number, _ in got]
    assert numbers == list(range(len(kept) - len(got), len(kept)))
    assert [payload for _, payload in got] == kept[len(kept) - len(got) :]
    whole = max(0, SMALL["segments"] - 1 - tears)
    held = whole * SMALL["segment_bytes"] // (64 + records.header_size(0) + 80)
    assert len(got) >= min(len(kept) - first, held)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_byte_costs_one_record_and_no_exception(data):
    directory = tempfile.mkdtemp()
    try:
        kept = filled(directory)
        path = data.draw(st.sampled_from(files(directory)))
        content = bytearray(path.read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        journal = Journal(directory, **SMALL | {"segments": 8})
        got = contents(journal)
        assert len(got) == len(kept) - 1
        assert set(got) < set(kept)
        contents(journal)
        assert journal.damaged == 1
        assert journal.next_number == len(kept)
        assert journal.append(b"after", True) == len(kept)
        assert contents(Journal(directory, **SMALL | {"segments": 8}))[-1] == (len(kept), b"after")
    finally:
        shutil.rmtree(directory)


@given(junk=st.binary(max_size=300), where=st.integers(0, 7))
@settings(max_examples=40, deadline=None)
def test_a_segment_of_junk_is_survived(junk, where):
    directory = tempfile.mkdtemp()
    try:
        kept = filled(directory)
        found = files(directory)
        found[where % len(found)].write_bytes(junk)
        journal = Journal(directory, **SMALL | {"segments": 8})
        assert set(contents(journal)) < set(kept)
        number = journal.append(b"after", True)
        assert contents(Journal(directory, **SMALL | {"segments": 8}), number) == [(number, b"after")]
    finally:
        shutil.rmtree(directory)


def test_an_empty_newest_file_hides_nothing(directory):
    kept = filled(directory)
    (Path(directory) / "log00000014").write_bytes(b"")
    journal = Journal(directory, **SMALL | {"segments": 8})
    assert contents(journal) == kept
    assert journal.append(b"after", True) == 20
    assert contents(Journal(directory, **SMALL | {"segments": 8})) == [*kept, (20, b"after")]


def test_a_vanished_segment_is_counted_not_raised(directory):
    kept = filled(directory)
    journal = Journal(directory, **SMALL | {"segments": 8})
    files(directory)[1].unlink()
    got = contents(journal)
    assert set(got) < set(kept)
    assert journal.damaged == len(kept) - len(got)


@pytest.mark.parametrize("landed", [0, 5, 17])
def test_a_failed_durable_append_uses_no_number_and_leaves_nothing(directory, monkeypatch, landed):
    journal = Journal(directory)
    journal.append(b"first", True)
    monkeypatch.setattr("builtins.open", Failing(5, 2, landed))
    with pytest.raises(OSError, match="simulated"):
        journal.append(b"never stored", True)
    assert journal.error == "write failed (5)"
    assert journal.append(b"second", True) == 1
    monkeypatch.undo()
    assert contents(journal) == contents(Journal(directory)) == [(0, b"first"), (1, b"second")]


def test_one_failure_is_got_round_in_a_new_segment(directory, monkeypatch):
    journal = Journal(directory)
    journal.append(b"first", True)
    monkeypatch.setattr("builtins.open", Failing(5, 1, 9))
    assert journal.append(b"second", True) == 1
    assert contents(Journal(directory)) == [(0, b"first"), (1, b"second")]


def test_a_failed_record_that_arrived_stays_ended_though_the_one_before_is_damaged(directory, monkeypatch):
    journal = Journal(directory)
    journal.append(b"first", True)
    journal.append(b"second", True)
    monkeypatch.setattr("builtins.open", Late(2))
    with pytest.raises(OSError, match="simulated"):
        journal.append(b"withdrawn", True)
    assert journal.append(b"third", True) == 2
    path = files(directory)[0]
    path.write_bytes(path.read_bytes().replace(b"second", b"SECOND").replace(b"\x01\0\0\0", b"\x07\0\0\0"))
    assert contents(journal) == contents(Journal(directory)) == [(0, b"first"), (2, b"third")]


def test_records_wait_in_bounded_ram_while_flash_fails(directory, monkeypatch):
    journal = Journal(directory, **SMALL)
    journal.append(b"first", True)
    monkeypatch.setattr("builtins.open", Failing(5, 1000))
    for n in range(1, 20):
        assert journal.append(b"%02d" % n * 10) == n
    assert not journal.flush()
    assert journal.dropped > 0
    monkeypatch.undo()
    assert journal.flush()
    journal.append(b"last", True)
    got = contents(Journal(directory, **SMALL))
    assert got[0] == (0, b"first")
    assert [number for number, _ in got[1:]] == list(range(1 + journal.dropped, 21))
    assert journal.damaged == 0


def test_a_full_disk_gives_up_the_oldest_segment(directory, monkeypatch):
    filled(directory)
    journal = Journal(directory, **SMALL | {"segments": 8})
    oldest = files(directory)[0]
    monkeypatch.setattr("builtins.open", Failing(28, 1))
    assert journal.append(b"after", True) == 20
    assert not oldest.exists()
    assert journal.dropped > 0
    assert contents(journal)[-1] == (20, b"after")


def test_a_disk_that_stays_full_is_told_and_the_newest_segment_stays(directory, monkeypatch):
    filled(directory)
    journal = Journal(directory, **SMALL | {"segments": 8})
    monkeypatch.setattr("builtins.open", Failing(28, 1000))
    with pytest.raises(OSError, match="simulated"):
        journal.append(b"after", True)
    assert contents(journal)[-1][0] == 19


def test_without_a_file_system_it_lives_in_ram_and_says_so(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    journal = Journal(str(tmp_path / "file" / "log"), **SMALL)
    assert not journal.persistent
    for n in range(50):
        assert journal.append(b"%03d" % n * 10, n % 2 == 0) == n
    got = contents(journal)
    assert [number for number, _ in got] == list(range(journal.dropped, 50))
    assert 0 < journal.dropped < 50
    assert not journal.flush()
    journal.trim(49)
    assert contents(journal) == [(49, b"049" * 10)]


def test_trim_removes_whole_segments_and_never_the_newest(directory):
    kept = filled(directory)
    journal = Journal(directory, **SMALL | {"segments": 8})
    journal.trim(20)
    assert len(files(directory)) == 1
    got = contents(Journal(directory, **SMALL))
    assert got == kept[-len(got) :]
    assert got


def test_a_tag_outlives_its_payload(directory):
    journal = Journal(directory, tag_bytes=4)
    for n in range(3):
        journal.append(b"payload %d" % n, True, b"tag%d" % n)
    path = files(directory)[0]
    path.write_bytes(path.read_bytes().replace(b"payload 1", b"pAyload 1"))
    journal = Journal(directory, tag_bytes=4)
    got = [(n, bytes(tag), payload and bytes(payload)) for n, tag, payload in journal.records()]
    assert got == [(0, b"tag0", b"payload 0"), (1, b"tag1", None), (2, b"tag2", b"payload 2")]
    assert journal.files.last_tag == b"tag2"


def test_the_real_interpreter_keeps_the_same_files(directory, micropython):
    script = """
from firmware.journal import Journal
journal = Journal(sys.argv[1], segment_bytes=256, segments=4, limit=64, buffer_bytes=160)
for n in range(40):
    journal.append(b"%d " % n * 3, n % 3 == 0)
journal.flush()
print(journal.next_number, journal.dropped, [bytes(p) for _, p in Journal(sys.argv[1], limit=64).read(38)])
"""
    assert micropython(script, directory).split(None, 2)[0] == "40"
    journal = Journal(directory, **SMALL)
    assert contents(journal, 37) == [(n, b"%d " % n * 3) for n in range(37, 40)]
    assert journal.append(b"from here", True) == 40
    assert "from here" in micropython(script.replace("range(40)", "range(0)"), directory)
