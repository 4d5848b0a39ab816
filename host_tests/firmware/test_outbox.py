"""The outbox: nothing stored is lost unsaid, order, marks that outlive a reset, room, damage, and bounded memory."""

import hashlib
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.acked import acked
from firmware.losses import Losses
from firmware.outbox import EVENT, HEARTBEAT, Outbox
from host_tests.firmware.failing_files import Late

ROOM = {"capacity_bytes": 8 * 512, "segment_bytes": 512, "token_bytes": 300}


@pytest.fixture
def directory(tmp_path):
    return str(tmp_path / "data")


def token(bootcount, seq, size=120):
    text = b"%d.%d." % (bootcount, seq)
    return text + b"x" * (size - len(text))


def digest(text):
    return hashlib.sha256(text).digest()[:12]


def fill(outbox, kinds, bootcount=1):
    for seq, kind in enumerate(kinds):
        outbox.put(HEARTBEAT if kind == "h" else EVENT, bootcount, seq, token(bootcount, seq))


def drain(outbox):
    sent = []
    while True:
        found = outbox.next()
        if not found:
            return sent
        ticket, kind, text = found
        assert outbox.next() == found  # the same until it is done
        sent.append((kind, text))
        outbox.done(ticket)


def order(sent):
    """The (bootcount, seq) of tokens, read back from their text."""
    return [tuple(int(part) for part in text.split(b".")[:2]) for _, text in sent]


def covers(ranges, bootcount, seq):
    return any(boot == bootcount and first <= seq <= last for boot, first, last, _ in ranges)


def segments(directory, kind):
    return sorted(
        path for path in Path(directory).iterdir() if len(path.name) == 9 and path.name[0] == kind[0]
    )


def test_events_overtake_heartbeats_and_each_kind_goes_oldest_first(directory):
    outbox = Outbox(directory, **ROOM)
    fill(outbox, "hhehe")
    assert outbox.waiting == 5
    assert order(drain(outbox)) == [(1, 2), (1, 4), (1, 0), (1, 1), (1, 3)]
    assert outbox.waiting == 0
    assert outbox.next() is None


def test_an_event_overtakes_in_the_midst_of_sending(directory):
    outbox = Outbox(directory, **ROOM)
    fill(outbox, "hh")
    ticket = outbox.next()[0]
    outbox.put(EVENT, 1, 2, token(1, 2))
    outbox.done(ticket)
    assert order(drain(outbox)) == [(1, 2), (1, 1)]


def test_what_put_returned_for_is_on_flash(directory):
    for seq in range(10):
        Outbox(directory, **ROOM).put(HEARTBEAT, 1, seq, token(1, seq))
    assert order(drain(Outbox(directory, **ROOM))) == [(1, seq) for seq in range(10)]


def test_marks_survive_a_reset_with_the_next_token_and_cost_no_write_of_their_own(directory):
    outbox = Outbox(directory, **ROOM)
    fill(outbox, "hheh")
    before = {path.name: path.stat().st_mtime_ns for path in Path(directory).iterdir()}
    drain(outbox)
    after = {path.name: path.stat().st_mtime_ns for path in Path(directory).iterdir()}
    assert after.items() <= before.items()
    outbox.put(HEARTBEAT, 1, 4, token(1, 4))
    assert order(drain(Outbox(directory, **ROOM))) == [(1, 4)]


def test_after_a_reset_at_most_what_was_sent_since_the_last_token_goes_twice(directory):
    outbox = Outbox(directory, **ROOM)
    fill(outbox, "hhhhhh")
    sent = order(drain(outbox))
    again = order(drain(Outbox(directory, **ROOM)))
    assert again == sent[-len(again) :]
    assert len(again) <= 3  # those in the newest segment


def test_done_in_another_order(directory):
    outbox = Outbox(directory, **ROOM)
    fill(outbox, "hhhh")
    outbox.done((HEARTBEAT, 2))
    outbox.done((HEARTBEAT, 0))
    assert outbox.waiting == 2
    assert order(drain(outbox)) == [(1, 1), (1, 3)]


def test_done_twice_or_of_nothing_is_no_harm(directory):
    outbox = Outbox(directory, **ROOM)
    fill(outbox, "hh")
    ticket = outbox.next()[0]
    outbox.done(ticket)
    outbox.done(ticket)
    outbox.done((EVENT, 7))
    outbox.done((HEARTBEAT, 99))
    assert outbox.waiting == 1


@pytest.mark.parametrize(
    ("mark", "left"), [((1, 2), [(1, 4), (1, 3)]), ((0, 9), None), ((1, 99), []), ((2, 0), [])]
)
def test_a_cumulative_acknowledgement(directory, mark, left):
    outbox = Outbox(directory, **ROOM)
    fill(outbox, "hehhe")
    acked(outbox, *mark)
    assert order(drain(outbox)) == ([(1, 1), (1, 4), (1, 0), (1, 2), (1, 3)] if left is None else left)


def test_an_acknowledgement_frees_segments_across_boots(directory):
    outbox = Outbox(directory, **ROOM | {"capacity_bytes": 64 * 512})
    for bootcount in range(1, 5):
        fill(outbox, "hhhehhhhee", bootcount)
    acked(outbox, 3, 4)
    assert len(segments(directory, HEARTBEAT)) < 8
    expected = [(b, s) for b in (3, 4) for s in range(10) if (b, s) > (3, 4)]
    assert sorted(order(drain(outbox))) == expected
    outbox.put(HEARTBEAT, 5, 0, token(5, 0))
    assert order(drain(Outbox(directory, **ROOM))) == [(5, 0)]


def test_the_hash_of_the_last_token_outlives_sending_resets_and_trimming(directory):
    outbox = Outbox(directory, **ROOM)
    assert outbox.last_hash() is None
    for seq in range(30):
        kind = EVENT if seq % 7 == 0 else HEARTBEAT
        outbox.put(kind, 1, seq, token(1, seq))
        assert outbox.last_hash() == digest(token(1, seq))
        drain(outbox)
        outbox = Outbox(directory, **ROOM)
        assert outbox.last_hash() == digest(token(1, seq))


def test_when_full_the_oldest_heartbeats_go_and_are_declared_and_events_stay(directory):
    outbox = Outbox(directory, **ROOM)
    kinds = "hhhhe" * 16
    fill(outbox, kinds)
    ranges = outbox.lost()
    sent = order(drain(outbox))
    events = [(1, seq) for seq, kind in enumerate(kinds) if kind == "e"]
    assert sent[: len(events)] == events
    lost = [(1, seq) for seq, kind in enumerate(kinds) if kind == "h" and (1, seq) not in sent]
    assert lost
    assert outbox.dropped == len(lost)
    assert lost[-1] < min(place for place in sent if place not in events)  # the oldest
    assert all(reason == "full" for _, _, _, reason in ranges)
    declared = [(b, s) for b, first, last, _ in all_ranges(outbox, ranges) for s in range(first, last + 1)]
    assert declared == lost  # no more, no less
    assert sum(len(segments(directory, kind)) for kind in (EVENT, HEARTBEAT)) <= 8


def all_ranges(outbox, ranges):
    """Everything there is to declare, eight at a time."""
    found = []
    while ranges:
        assert len(ranges) <= 8
        found += ranges
        outbox.declared(ranges)
        ranges = outbox.lost()
    return found


def test_events_go_last_but_not_never(directory):
    outbox = Outbox(directory, **ROOM)
    fill(outbox, "h" * 10 + "e" * 60)
    sent = drain(outbox)
    assert len([text for kind, text in sent if kind == EVENT]) >= 18
    assert order(sent)[-4:] != []
    missing = {(1, seq) for seq in range(70)} - set(order(sent))
    assert missing == {
        (b, s) for b, first, last, _ in all_ranges(outbox, outbox.lost()) for s in range(first, last + 1)
    }


def test_losses_outlive_a_reset_until_a_stored_token_declares_them(directory):
    outbox = Outbox(directory, **ROOM)
    fill(outbox, "h" * 40)
    ranges = outbox.lost()
    assert ranges
    outbox = Outbox(directory, **ROOM)
    assert outbox.lost() == ranges
    outbox.put(HEARTBEAT, 2, 0, token(2, 0), ranges)
    kept = outbox.lost()
    assert not any(covers(kept, b, s) for b, first, last, _ in ranges for s in range(first, last + 1))
    assert Outbox(directory, **ROOM).lost() == kept


def test_a_dropped_token_gives_back_the_losses_that_it_was_to_declare(directory):
    outbox = Outbox(directory, **ROOM)
    outbox.put(HEARTBEAT, 9, 0, token(9, 0), [(3, 4, 6, "full"), (5, 0, 1, "storage")])
    assert outbox.lost() == []
    for seq in range(1, 40):
        outbox.put(HEARTBEAT, 9, seq, token(9, seq))
    ranges = outbox.lost()
    assert (3, 4, 6, "full") in ranges
    assert (5, 0, 1, "storage") in ranges
    assert covers(ranges, 9, 0)


def damage(path, needle, shift=0):
    content = bytearray(path.read_bytes())
    at = content.index(needle) + shift
    content[at] ^= 0x10
    path.write_bytes(content)


@pytest.mark.parametrize("seq", [0, 2, 5])
def test_a_damaged_token_is_declared_as_lost_in_storage(directory, seq):
    outbox = Outbox(directory, **ROOM)
    fill(outbox, "hhhhhh")
    path = next(p for p in segments(directory, HEARTBEAT) if token(1, seq)[:10] in p.read_bytes())
    damage(path, token(1, seq)[:10], 20)
    outbox = Outbox(directory, **ROOM)
    assert outbox.last_hash() == digest(token(1, 5))  # even when it is the damaged one
    assert order(drain(outbox)) == [(1, s) for s in range(6) if s != seq]
    assert outbox.lost() == [(1, seq, seq, "storage")]
    assert outbox.waiting == 0


@pytest.mark.parametrize("seq", [1, 2, 4])
def test_a_record_with_a_damaged_header_is_declared_too(directory, seq):
    outbox = Outbox(directory, **ROOM)
    fill(outbox, "hhhhhh")
    path = next(p for p in segments(directory, HEARTBEAT) if token(1, seq)[:10] in p.read_bytes())
    damage(path, token(1, seq)[:10], -3)
    outbox = Outbox(directory, **ROOM)
    assert order(drain(outbox)) == [(1, s) for s in range(6) if s != seq]
    assert outbox.lost() == [(1, seq, seq, "storage")]


def test_when_the_newest_record_cannot_be_told_no_hash_is_claimed(directory):
    # Naming the token before it would look like a fork of the chain, that is like a clone.
    outbox = Outbox(directory, **ROOM)
    fill(outbox, "hhhh")
    damage(segments(directory, HEARTBEAT)[-1], token(1, 3)[:10], -3)
    outbox = Outbox(directory, **ROOM)
    assert outbox.last_hash() is None
    assert order(drain(outbox)) == [(1, 0), (1, 1), (1, 2)]
    assert covers(outbox.lost(), 1, 3)
    outbox.put(HEARTBEAT, 2, 0, token(2, 0))
    assert Outbox(directory, **ROOM).last_hash() == digest(token(2, 0))


def test_marks_of_vanished_files_do_not_hide_new_tokens(directory):
    outbox = Outbox(directory, **ROOM)
    fill(outbox, "hhhhhhhhhe")
    drain(outbox)
    outbox.put(EVENT, 1, 10, token(1, 10))
    for path in segments(directory, HEARTBEAT):
        path.unlink()
    for boot in range(2, 5):
        outbox = Outbox(directory, **ROOM)
        outbox.put(HEARTBEAT, boot, 0, token(boot, 0))
    assert {(2, 0), (3, 0), (4, 0)} <= set(order(drain(Outbox(directory, **ROOM))))


def test_the_note_of_losses_may_be_damaged(directory):
    outbox = Outbox(directory, **ROOM)
    fill(outbox, "h" * 40)
    for content in (b"", b"N", b"NPL1", b"NPL1junkjunkjunk", bytes(500)):
        (Path(directory) / "lost").write_bytes(content)
        assert Outbox(directory, **ROOM).lost() == []


def test_without_a_file_system_tokens_go_through_bounded_ram(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    outbox = Outbox(str(tmp_path / "file" / "x"), **ROOM, ram_bytes=1024)
    assert not outbox.persistent
    assert outbox.last_hash() is None
    fill(outbox, "hhhhhhhhehhhhhhhhe")
    assert outbox.last_hash() == digest(token(1, 17))
    ranges = outbox.lost()
    sent = order(drain(outbox))
    assert {(1, 8), (1, 17)} <= set(sent)
    assert all(covers(ranges, 1, seq) != ((1, seq) in sent) for seq in range(18))


def test_a_token_that_cannot_be_stored_changes_nothing(directory, monkeypatch):
    outbox = Outbox(directory, **ROOM)
    fill(outbox, "hh")
    with pytest.raises(ValueError, match="record"):
        outbox.put(HEARTBEAT, 1, 2, token(1, 2, 1000))

    def refuse(path, mode):
        raise OSError(5, "simulated")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(OSError, match="simulated"):
        outbox.put(HEARTBEAT, 1, 2, token(1, 2))
    monkeypatch.undo()
    assert outbox.last_hash() == digest(token(1, 1))
    assert order(drain(outbox)) == [(1, 0), (1, 1)]


@pytest.mark.parametrize("again", [HEARTBEAT, EVENT])
@pytest.mark.parametrize("failures", [1, 2, 3, 4])
def test_a_token_whose_storing_failed_after_all_was_written_never_comes_back(
    directory, monkeypatch, again, failures
):
    outbox = Outbox(directory, **ROOM)
    fill(outbox, "heh")
    monkeypatch.setattr("builtins.open", Late(failures))
    tries = [b"1.3.try%d" % n for n in range(6)]
    for text in tries:
        try:
            outbox.put(again if text != tries[0] else HEARTBEAT, 1, 3, text)
            break
        except OSError:
            assert outbox.last_hash() == digest(token(1, 2))
    assert outbox.last_hash() == digest(text)
    for box in (outbox, Outbox(directory, **ROOM)):
        assert box.last_hash() == digest(text)
    sent = [found for _, found in drain(Outbox(directory, **ROOM))]
    assert [found for found in sent if found in tries] == [text]


def test_a_boot_that_stored_nothing_leaves_no_token_to_name(directory):
    outbox = Outbox(directory, **ROOM)
    fill(outbox, "hh", 4)
    outbox.unchain(3)
    assert outbox.last_hash() == digest(token(4, 1))
    outbox.unchain(5)
    assert outbox.last_hash() is None


def test_ranges_of_one_boot_are_merged_only_when_there_are_too_many(tmp_path):
    losses = Losses(str(tmp_path / "lost"))
    for first in range(0, 64, 2):
        losses.add(1, first, first, "full")
    assert len(Losses(None).ranges()) == 0
    assert losses.ranges() == [(1, first, first, "full") for first in range(0, 16, 2)]
    losses.add(1, 100, 100, "full")
    assert losses.ranges()[0] == (1, 0, 2, "full")
    assert losses.save()
    again = Losses(str(tmp_path / "lost"))
    assert again.ranges() == losses.ranges()
    assert losses.forgotten == 0


def test_losses_of_more_boots_than_can_be_kept_are_counted(tmp_path):
    losses = Losses(str(tmp_path / "lost"))
    for bootcount in range(40):
        losses.add(bootcount, 0, 3, "full")
    assert losses.forgotten == 8
    assert losses.ranges()[0] == (8, 0, 3, "full")


def test_a_range_that_grew_meanwhile_keeps_what_was_not_declared(tmp_path):
    losses = Losses(None)
    losses.add(1, 0, 9, "full")
    declared = losses.ranges()
    losses.add(1, 10, 14, "full")
    losses.add(1, 20, 20, "storage")
    losses.remove(declared)
    assert losses.ranges() == [(1, 10, 14, "full"), (1, 20, 20, "storage")]
    losses.remove([(1, 12, 12, "full")])
    assert losses.ranges() == [(1, 10, 11, "full"), (1, 13, 14, "full"), (1, 20, 20, "storage")]


STEPS = ["put", "put", "put", "event", "send", "send", "reset", "ack", "damage", "refuse"]


@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_model(data):
    directory = tempfile.mkdtemp()
    try:
        outbox = Outbox(directory, **ROOM)
        bootcount, seq = 1, 0
        stored = {}  # (bootcount, seq) -> token
        arrived = set()
        declared = []
        damaged = set()
        excused = []  # declared by a token that was damaged before it was sent: the receiver sees that gap undeclared
        carried = {}
        for _ in range(data.draw(st.integers(1, 80))):
            step = data.draw(st.sampled_from(STEPS))
            if step in ("put", "event"):
                text = token(bootcount, seq, data.draw(st.integers(20, 300)))
                lost = outbox.lost()
                outbox.put(EVENT if step == "event" else HEARTBEAT, bootcount, seq, text, lost)
                stored[bootcount, seq] = text
                declared += lost
                carried[bootcount, seq] = lost
                seq += 1
                assert outbox.last_hash() == digest(text)
            elif step == "send":
                found = outbox.next()
                if found:
                    place = order([found[1:]])[0]
                    assert found[2] == stored[place]
                    arrived.add(place)
                    outbox.done(found[0])
            elif step == "reset":
                last = outbox.last_hash()
                outbox = Outbox(directory, **ROOM)
                assert outbox.last_hash() == last
                bootcount, seq = bootcount + 1, 0
            elif step == "ack" and arrived:
                mark = data.draw(st.sampled_from(sorted(arrived)))
                if all(place in arrived or covers(declared, *place) for place in stored if place <= mark):
                    acked(outbox, *mark)
            elif step == "damage" and stored:
                place = data.draw(st.sampled_from(sorted(stored)))
                for path in Path(directory).iterdir():
                    if stored[place] in path.read_bytes():
                        damage(path, stored[place], len(stored[place]) - 1)
                        damaged.add(place)
                        excused += carried[place] if place not in arrived else []
        rest = order(drain(outbox))
        assert not set(rest) & damaged
        arrived |= set(rest)
        final = all_ranges(outbox, outbox.lost())
        declared += final
        for place in stored:
            assert place in arrived or covers(declared, *place)
        delivered = [lost for place in arrived for lost in carried[place]] + final + excused
        for place in stored:
            assert place in arrived or covers(delivered, *place)
        assert all((b, s) in stored for b, first, last, _ in declared for s in range(first, last + 1))
        assert outbox.waiting == 0
    finally:
        shutil.rmtree(directory)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_damage_loses_nothing_but_what_it_hit_and_never_breaks_the_chain(data):
    directory = tempfile.mkdtemp()
    try:
        outbox = Outbox(directory, **ROOM | {"capacity_bytes": 64 * 512})
        stored = {}
        arrived = set()
        hit = set()
        last = None
        for bootcount in range(1, data.draw(st.integers(2, 5))):
            for seq in range(data.draw(st.integers(1, 12))):
                last = stored[bootcount, seq] = token(bootcount, seq, data.draw(st.integers(20, 200)))
                outbox.put(EVENT if data.draw(st.booleans()) else HEARTBEAT, bootcount, seq, last)
                if data.draw(st.booleans()):
                    found = outbox.next()
                    arrived.add(order([found[1:]])[0])
                    assert found[2] == stored[order([found[1:]])[0]]
                    outbox.done(found[0])
            for _ in range(data.draw(st.integers(0, 3))):
                place = data.draw(st.sampled_from(sorted(stored)))
                path = next((p for p in Path(directory).iterdir() if stored[place] in p.read_bytes()), None)
                if path:
                    damage(path, stored[place], data.draw(st.integers(-45, len(stored[place]) - 1)))
                    hit.add(place)
            outbox = Outbox(directory, **ROOM | {"capacity_bytes": 64 * 512})
            assert outbox.last_hash() in (None, digest(last))
            assert hit or outbox.last_hash() == digest(last)
        sent = drain(outbox)
        assert all(text in stored.values() for _, text in sent)
        assert set(stored) - arrived - set(order(sent)) <= hit
    finally:
        shutil.rmtree(directory)


def test_ten_thousand_tokens_leave_the_same_heap(micropython, tmp_path):
    script = """
import gc
from firmware.outbox import Outbox
from firmware.journal import Journal
journal = Journal(sys.argv[1] + "/log")
outbox = Outbox(sys.argv[1] + "/box", capacity_bytes=65536)
token = bytearray(b"x" * 640)
def run(count, boot):
    for seq in range(count):
        token[:6] = b"%06d" % seq
        outbox.put("event" if seq % 50 == 0 else "heartbeat", boot, seq, bytes(token), outbox.lost())
        if seq % 3:
            found = outbox.next()
            outbox.done(found[0])
        journal.append(b"%06d something happened" % seq)
    journal.flush()
    gc.collect()
    return gc.mem_alloc()
first = run(1000, 1)
print(first, run(9000, 2), outbox.dropped, outbox.waiting, len(outbox.lost()))
"""
    first, last, dropped, waiting, _ = (int(word) for word in micropython(script, str(tmp_path)).split())
    assert dropped > 1000
    assert 50 < waiting < 100
    assert abs(last - first) < 512
