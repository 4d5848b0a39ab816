"""What honest units do, and what the world does to their tokens on the way."""

from nameplate.token import mint
from nameplate.token.model import EPOCH, Manufacturer, ModelUnit
from vectors.parts import (
    NONCE,
    NOW,
    Step,
    bound,
    case,
    handover_claims,
    on,
    pass_claims,
    proof_claims,
    step,
    unit_first,
    update_claims,
)


@case
def heartbeats_in_order(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """The usual day: a birth, heartbeats, an event, all in order over a reboot."""
    steps = [bound(maker, unit), on(unit, unit.birth(), "genuine", "first-seen", "status")]
    steps += [on(unit, unit.heartbeat(), "genuine", "first-seen")]
    steps += [on(unit, unit.heartbeat(), "genuine", "in-order")]
    steps += [on(unit, unit.event(), "genuine", "in-order", "event")]
    unit.boot()
    steps += [on(unit, unit.birth(), "genuine", "in-order", "status")]
    return [*steps, on(unit, unit.heartbeat(), "genuine", "in-order")]


@case
def event_overtakes(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """An event is sent before the heartbeats that wait in the outbox: an open gap, filled by late ones."""
    steps = [bound(maker, unit), on(unit, unit.heartbeat(), "genuine", "first-seen")]
    waiting = [unit.heartbeat(), unit.heartbeat()]
    steps += [on(unit, unit.event(), "gap", "gap-open", "event")]
    return steps + [on(unit, token, "late", "fills-gap") for token in waiting]


@case
def sent_twice(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """QoS 1 delivers again what was not acknowledged; a replay looks the same and does as little."""
    token = unit_first(unit)
    return [
        bound(maker, unit, boot=False),
        on(unit, token, "genuine", "first-seen"),
        on(unit, token, "duplicate", "same-bytes"),
    ]


@case
def declared_loss(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """The outbox was full: a token is gone, and the next one says so."""
    steps = [bound(maker, unit), on(unit, unit.heartbeat(), "genuine", "first-seen")]
    unit.heartbeat()
    after = unit.heartbeat(lost=[[1, 1, 1, "full"]])
    return [*steps, on(unit, after, "gap", "gap-declared"), on(unit, unit.heartbeat(), "genuine", "in-order")]


@case
def lost_across_a_reboot(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """The last token of a boot never came: the first of the next names a digest that nobody has seen."""
    steps = [bound(maker, unit), on(unit, unit.heartbeat(), "genuine", "first-seen")]
    last = unit.heartbeat()
    unit.boot()
    return [*steps, on(unit, unit.heartbeat(), "gap", "gap-open"), on(unit, last, "late", "fills-gap")]


@case
def outbox_damaged(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """A unit that no longer knows its last token names none: a gap, and no clone."""
    steps = [bound(maker, unit), on(unit, unit.heartbeat(), "genuine", "first-seen")]
    unit.boot()
    unit.prev = None
    return [*steps, on(unit, unit.heartbeat(), "gap", "chain-restarted")]


@case
def receiver_joins_late(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """The first token seen need not be the first; older ones that follow are late."""
    steps = [bound(maker, unit)]
    older = [unit.heartbeat() for _ in range(3)]
    steps += [on(unit, unit.heartbeat(), "genuine", "first-seen")]
    return [*steps, on(unit, older[2], "late", "before-first-seen")]


@case
def statuses(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """Births and wills have their own order, by connection; numbers that were never used are no gap."""
    steps = [bound(maker, unit), on(unit, unit.birth(), "genuine", "first-seen", "status")]
    will = unit.status("offline")
    unit.conn += 3
    steps += [on(unit, unit.birth(), "genuine", "in-order", "status")]
    return [*steps, on(unit, will, "late", "fills-gap", "status")]


@case
def reply_to_a_nonce(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """A reply answers one nonce; over another it is worth nothing."""
    steps, reply = [bound(maker, unit)], unit.reply(NONCE)
    steps += [step(reply, "genuine", "signed", kind="reply", nonce=NONCE)]
    steps += [step(reply, "duplicate", "same-bytes", kind="reply", nonce=NONCE)]
    return [*steps, step(unit.reply(NONCE), "forged", "wrong-nonce", kind="reply", nonce=NONCE[::-1])]


@case
def identity_on_request(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """The identity is a standing statement: as good the second time."""
    token = maker.identity(unit)
    return [bound(maker, unit), *(step(token, "genuine", "signed", kind="identity") for _ in range(2))]


@case
def command_and_acknowledgement(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """The backend speaks on cmd; a command counts once and not after its time."""
    asked = {"aud": unit.ueid, "method": "identity", "eat_nonce": NONCE, "iat": NOW, "exp": NOW + 60}
    token = maker.sign("command", asked)
    ack = maker.sign("ack", {"aud": unit.ueid, "upto": [1, 7], "iat": EPOCH})
    old = maker.sign("command", asked | {"iat": EPOCH - 9000, "exp": EPOCH - 8000})
    return [
        on(unit, token, "genuine", "signed", "cmd"),
        on(unit, token, "duplicate", "same-bytes", "cmd"),
        on(unit, ack, "genuine", "signed", "cmd"),
        on(unit, old, "bad clock", "expired", "cmd"),
    ]


@case
def pass_and_proof(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """A technician's key proves itself under a pass, over the unit's nonce."""
    person = mint.new_key()
    given = maker.sign("pass", pass_claims(person))
    proof = mint.sign("proof", proof_claims(unit, given), person)
    return [
        step(proof, "unknown device", "no-pass", kind="proof"),
        step(given, "genuine", "signed", kind="pass"),
        step(proof, "genuine", "signed", kind="proof", nonce=NONCE),
    ]


@case
def update_and_handover(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """A release by the key of role update; a visit's end by the unit itself."""
    return [
        bound(maker, unit),
        step(maker.sign("update", update_claims()), "genuine", "signed", kind="update"),
        step(unit.sign("handover", handover_claims(unit)), "genuine", "signed", kind="handover"),
    ]
