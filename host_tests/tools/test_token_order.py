"""Order: no honest unit is ever called clone, and every copy that lives on beside its original is."""

import hashlib
import json
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nameplate.token import order as order_module
from nameplate.token.order import Order
from nameplate.token.verdict import CLONE, CODES, DUPLICATE, GAP, GENUINE, LATE


@dataclass(frozen=True)
class Chained:
    """A token as the order sees it."""

    number: tuple[int, int]
    digest: bytes
    prev: bytes | None
    lost: tuple = ()


@dataclass
class Flash:
    """An honest unit: all that a copy of its flash copies, and the tokens it made."""

    name: str = "original"
    boot: int = 1
    seq: int = 0
    last: bytes | None = None
    made: list[Chained] = field(default_factory=list)
    dropped: set = field(default_factory=set)
    undeclared: list = field(default_factory=list)

    def restart(self, by: int = 1) -> None:
        self.boot, self.seq = self.boot + by, 0

    def token(self) -> Chained:
        lost = tuple(self.undeclared[:8])
        del self.undeclared[:8]
        digest = hashlib.sha256(f"{self.name} {self.boot} {self.seq}".encode()).digest()
        made = Chained((self.boot, self.seq), digest, self.last and self.last[:12], lost)
        self.made.append(made)
        self.last, self.seq = digest, self.seq + 1
        return made

    def overflow(self, back: int) -> None:
        """The outbox was full: a token made earlier is dropped, and the next one says so."""
        if len(self.made) >= back:
            number = self.made[-back].number
            if number not in self.dropped:
                self.dropped.add(number)
                self.undeclared.append((number[0], number[1], number[1]))

    def act(self, action) -> None:
        word, amount = action
        if word == "tokens":
            for _ in range(amount):
                self.token()
        elif word == "restart":
            self.restart(amount)
        elif word == "overflow":
            self.overflow(amount)
        else:
            self.last = None  # at this boot the outbox was found damaged: the last token is not known
            self.restart()

    def copy(self, name: str) -> "Flash":
        return replace(self, name=name, made=[], dropped=set(), undeclared=list(self.undeclared))


LIVES = st.lists(
    st.one_of(
        st.tuples(st.just("tokens"), st.integers(1, 6)),
        st.tuples(st.just("restart"), st.integers(1, 3)),
        st.tuples(st.just("overflow"), st.integers(1, 5)),
        st.tuples(st.just("wipe"), st.just(0)),
    ),
    max_size=12,
)


def live(life) -> Flash:
    flash = Flash()
    for action in life:
        flash.act(action)
    flash.token()
    return flash


def shuffled(data, tokens):
    """Lose some, repeat some, and put them in any order."""
    copies = data.draw(st.lists(st.sampled_from([0, 1, 1, 1, 2]), min_size=len(tokens), max_size=len(tokens)))
    sent = [token for token, times in zip(tokens, copies, strict=True) for _ in range(times)]
    return data.draw(st.permutations(sent))


def verdict(outcome) -> str:
    return CODES[outcome.code][0]


def reloaded(order: Order) -> Order:
    return Order.from_state(json.loads(json.dumps(order.to_state())))


@settings(max_examples=300, deadline=None)
@given(st.data(), LIVES)
def test_an_honest_unit_is_never_a_clone_and_new_tokens_are_never_duplicates(data, life):
    flash = live(life)
    order, arrived = Order(), set()
    for token in shuffled(data, [token for token in flash.made if token.number not in flash.dropped]):
        if data.draw(st.booleans(), label="receiver restarts"):
            order = reloaded(order)
        before = order.highest
        outcome = order.judge(token.number, token.digest, token.prev, token.lost)
        if token.number in arrived:
            assert outcome.code == "same-bytes"
        elif before is None or token.number > before:
            assert verdict(outcome) in (GENUINE, GAP)
        else:
            assert verdict(outcome) == LATE
        arrived.add(token.number)
    assert not order.cloned
    if arrived:
        low = min(arrived)
        top = {boot: max(seq for count, seq in arrived if count == boot) for boot, _ in arrived}
        declared = {
            (boot, seq)
            for token in flash.made
            if token.number in arrived
            for boot, first, last in token.lost
            for seq in range(first, last + 1)
        }
        absent = {
            (boot, seq)
            for boot, last in top.items()
            for seq in range(last)
            if (boot, seq) > low and (boot, seq) not in arrived | declared
        }
        open_numbers = {
            (boot, seq)
            for boot, first, last in order.missing()
            if last is not None
            for seq in range(first, last + 1)
        }
        assert open_numbers == absent


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["tokens", "restart"]), st.integers(1, 4)), max_size=10))
def test_what_arrives_whole_and_in_order_is_all_genuine(life):
    order = Order()
    outcomes = [order.judge(token.number, token.digest, token.prev) for token in live(life).made]
    assert {verdict(outcome) for outcome in outcomes} == {GENUINE}
    assert order.missing() == []


@settings(max_examples=100, deadline=None)
@given(st.data(), LIVES)
def test_a_receiver_with_little_memory_still_never_accuses(data, life):
    flash = live([*life, *life, *life])
    order = Order(max_pages=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order_module, "MAX_BOOTS", 2)
        patch.setattr(order_module, "MAX_RANGES", 3)
        for token in shuffled(data, flash.made):
            assert verdict(order.judge(token.number, token.digest, token.prev, token.lost)) != CLONE
            assert len(order.counts) <= 2
            assert sum(len(boot.seen) for boot in order.boots.values()) <= 3
    assert not order.cloned


@settings(max_examples=300, deadline=None)
@given(st.data(), LIVES)
def test_a_copy_that_lives_beside_its_original_is_called_clone(data, life):
    """Stated and exact: one token of each since the copy is enough, in any order, whatever else was lost."""
    original = live(life)
    original.token()  # after a wipe nothing is left to fork from; see the test on unused units
    shared = list(original.made)
    clone = original.copy("clone")
    clone.restart()
    futures = st.lists(st.tuples(st.sampled_from(["tokens", "restart"]), st.integers(1, 3)), max_size=4)
    for unit in (original, clone):
        for action in data.draw(futures):
            unit.act(action)
        for _ in range(data.draw(st.integers(1, 2))):
            unit.token()
    since = original.made[len(shared) :] + clone.made
    sent = data.draw(st.permutations([*shuffled(data, shared), *since]))
    order, codes = Order(), {}
    for token in sent:
        if data.draw(st.booleans(), label="receiver restarts"):
            order = reloaded(order)
        codes[token.digest] = order.judge(token.number, token.digest, token.prev, token.lost).code
    assert order.cloned
    assert any(CODES[code][0] == CLONE for code in codes.values())


def fit_one_chain(tokens) -> bool:
    """The three rules of docs/wire.md over a whole set at once: can one unit have made all of these?"""
    known: dict[tuple[int, int], set[bytes]] = {}
    for token in tokens:
        known.setdefault(token.number, set()).add(token.digest[:8])
        if token.number[1]:
            known.setdefault((token.number[0], token.number[1] - 1), set()).add(token.prev[:8])
    if any(len(digests) > 1 for digests in known.values()):
        return False
    firsts = {token.number: token.prev[:8] for token in tokens if token.number[1] == 0 and token.prev}
    if len(set(firsts.values())) < len(firsts):
        return False
    for first, named in firsts.items():
        for number, digests in known.items():
            if named in digests and (number > first or any(number < other < first for other in known)):
                return False
    return True


@settings(max_examples=400, deadline=None)
@given(st.data(), LIVES)
def test_clone_is_said_exactly_when_no_one_chain_holds_what_arrived(data, life):
    """Any part of both lives, in any order: neither a proof is missed nor a suspicion taken for one."""
    original = live(life)
    shared = list(original.made)
    clone = original.copy("clone")
    clone.restart()
    futures = st.lists(st.tuples(st.sampled_from(["tokens", "restart"]), st.integers(1, 3)), max_size=5)
    for unit in (original, clone):
        for action in data.draw(futures):
            unit.act(action)
    made = shared + original.made[len(shared) :] + clone.made
    kept = data.draw(st.lists(st.sampled_from([0, 0, 1]), min_size=len(made), max_size=len(made)))
    arrived = data.draw(st.permutations([token for token, keep in zip(made, kept, strict=True) if keep]))
    order = Order()
    for token in arrived:
        if data.draw(st.booleans(), label="receiver restarts"):
            order = reloaded(order)
        order.judge(token.number, token.digest, token.prev, token.lost)
    assert order.cloned == (not fit_one_chain(arrived))


@settings(max_examples=200, deadline=None)
@given(st.data(), LIVES)
def test_until_the_second_unit_speaks_nobody_is_accused(data, life):
    original = live(life)
    clone = original.copy("clone")
    clone.restart()
    clone.token()
    order = Order()
    for token in shuffled(data, original.made):
        assert verdict(order.judge(token.number, token.digest, token.prev, token.lost)) != CLONE
    assert not order.cloned


def test_copies_of_an_unused_flash_are_found_by_their_numbers():
    original = Flash()
    clone = original.copy("clone")
    order = Order()
    first = original.token()
    assert order.judge(first.number, first.digest, first.prev).code == "first-seen"
    other = clone.token()
    assert order.judge(other.number, other.digest, other.prev).code == "same-number"


def judge_all(order, tokens):
    return [order.judge(t.number, t.digest, t.prev, t.lost) for t in tokens]


def test_an_event_overtakes_heartbeats():
    flash = Flash()
    tokens = [flash.token() for _ in range(5)]
    order = Order()
    outcomes = judge_all(order, [tokens[0], tokens[4], tokens[1], tokens[2], tokens[3]])
    assert [o.code for o in outcomes] == ["first-seen", "gap-open", "fills-gap", "fills-gap", "fills-gap"]
    assert outcomes[1].missing == ((1, 1, 3),)
    assert order.missing() == []


def test_the_end_of_a_boot_that_never_came_is_a_gap_without_an_end():
    flash = Flash()
    first, lost = flash.token(), flash.token()
    flash.restart()
    after = flash.token()
    order = Order()
    assert [o.code for o in judge_all(order, [first, after])] == ["first-seen", "gap-open"]
    assert order.missing() == [(1, 1, None)]
    assert judge_all(order, [lost])[0].code == "fills-gap"
    assert order.missing() == []


def test_a_declared_loss_explains_the_gap_and_may_come_after_all():
    flash = Flash()
    first, dropped = flash.token(), flash.token()
    flash.overflow(1)
    third = flash.token()
    order = Order()
    outcomes = judge_all(order, [first, third])
    assert (outcomes[1].code, outcomes[1].missing) == ("gap-declared", ((1, 1, 1),))
    assert order.missing() == []
    assert judge_all(order, [dropped])[0].code == "declared-but-came"


def test_the_lost_end_of_a_boot_may_be_declared_too():
    flash = Flash()
    first = flash.token()
    flash.token()
    flash.overflow(1)
    flash.restart()
    after = flash.token()
    order = Order()
    outcomes = judge_all(order, [first, after])
    assert (outcomes[1].code, outcomes[1].missing) == ("gap-declared", ((1, 1, None),))
    assert order.missing() == []


def test_a_loss_declared_for_what_is_not_missing_is_no_gap():
    flash = Flash()
    tokens = [flash.token(), flash.token()]
    flash.undeclared.append((1, 0, 0))
    tokens.append(flash.token())
    assert [o.code for o in judge_all(Order(), tokens)] == ["first-seen", "in-order", "in-order"]


def test_boots_that_said_nothing_are_no_gap():
    flash = Flash()
    tokens = [flash.token()]
    flash.restart(7)
    tokens.append(flash.token())
    assert [o.code for o in judge_all(Order(), tokens)] == ["first-seen", "in-order"]


def test_a_unit_that_forgot_its_last_token_is_a_gap_and_no_clone():
    flash = Flash()
    tokens = [flash.token(), flash.token()]
    flash.last = None
    flash.restart()
    tokens.append(flash.token())
    assert [o.code for o in judge_all(Order(), tokens)] == ["first-seen", "in-order", "chain-restarted"]


def test_the_branch_that_lost_stays_clone_and_the_unit_is_marked():
    original = Flash()
    tokens = [original.token(), original.token()]
    clone = original.copy("clone")
    clone.restart()
    order = Order()
    judge_all(order, [*tokens, original.token()])
    branch = [clone.token() for _ in range(3)]
    assert [o.code for o in judge_all(order, branch)] == ["forked-prev", "clone-branch", "clone-branch"]
    assert judge_all(order, [branch[1]])[0].code == "same-bytes"
    assert judge_all(order, [original.token()])[0].code == "in-order"
    assert order.cloned


def copied_at_two():
    """Two common tokens, then five of the original and, after a reboot, five of the copy."""
    original = Flash()
    common = [original.token(), original.token()]
    clone = original.copy("clone")
    clone.restart()
    return common, [original.token() for _ in range(5)], [clone.token() for _ in range(5)]


def test_a_predecessor_that_is_not_the_one_named_after_it():
    common, mine, _ = copied_at_two()
    other = replace(mine[0], digest=b"another token entirely, 32 bytes")
    assert [o.code for o in judge_all(Order(), [*common, mine[1], other])][-1] == "forked-prev"
    assert [o.code for o in judge_all(Order(), [*common, other, mine[1]])][-1] == "forked-prev"


def test_the_token_named_as_last_arrives_and_is_not_the_last():
    common, mine, copies = copied_at_two()
    # Neither the token both continue from nor its successor is there; then the first of them comes.
    codes = [o.code for o in judge_all(Order(), [common[0], mine[3], copies[0], common[1]])]
    assert codes == ["first-seen", "gap-open", "gap-open", "forked-prev"]


def test_a_token_between_a_first_and_the_one_it_names():
    common, mine, copies = copied_at_two()
    assert [o.code for o in judge_all(Order(), [*common, copies[0], mine[3]])][-1] == "forked-prev"


def test_a_first_that_names_a_token_of_its_own_future():
    order = Order()
    later = Chained((3, 4), bytes(range(32)), bytes(range(12, 24)))
    assert (
        judge_all(order, [later, Chained((2, 0), bytes(range(32, 64)), bytes(range(12)))])[-1].code
        == "forked-prev"
    )


def test_an_old_copy_is_found_within_the_memory_for_digests():
    original = Flash()
    order = Order()
    judge_all(order, [original.token() for _ in range(10)])
    clone = original.copy("clone")
    clone.restart()
    judge_all(order, [original.token() for _ in range(3000)])
    assert judge_all(order, [clone.token()])[0].code == "forked-prev"


def test_one_key_holder_cannot_make_the_memory_grow():
    order = Order(max_pages=4)
    for boot in range(400):
        for seq in range(0, 9000, 900):
            digest = hashlib.sha256(f"{boot} {seq}".encode()).digest()
            order.judge((boot, seq), digest, digest[::-1] if seq else None, [(boot, 1, 2), (boot, 5, 6)])
            order.judge((boot, seq), digest[::-1], digest)
    assert len(order.counts) <= order_module.MAX_BOOTS
    assert sum(len(boot.seen) for boot in order.boots.values()) <= order_module.MAX_RANGES
    assert sum(len(boot.digests) for boot in order.boots.values()) <= 4
    assert len(order.foreign) <= order_module.MAX_FOREIGN
    assert len(order.declared) <= order_module.MAX_BOOTS


def test_what_lies_below_the_memory_is_a_duplicate_not_news():
    flash = Flash()
    order = Order()
    tokens = []
    for _ in range(order_module.MAX_BOOTS + 5):
        tokens.append(flash.token())
        flash.restart()
    late = tokens.pop(1)
    judge_all(order, tokens)
    assert verdict(judge_all(order, [late])[0]) == DUPLICATE
    assert judge_all(order, [late])[0].code == "too-old"
