"""Clones, boards unknown or revoked, clocks that are wrong."""

from collections.abc import Callable

from nameplate.token import mint
from nameplate.token.model import EPOCH, Manufacturer, ModelUnit
from vectors.parts import Step, bound, case, on, unit_first


@case
def clone_after_a_copy_of_the_flash(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """The original goes on; the copy boots and goes on too. The second to speak is found out."""
    steps = [bound(maker, unit), on(unit, unit.heartbeat(), "genuine", "first-seen")]
    clone = unit.copy()
    clone.boot()
    steps += [on(unit, unit.heartbeat(), "genuine", "in-order")]
    steps += [on(unit, clone.heartbeat(), "clone", "forked-prev")]
    return [*steps, on(unit, clone.heartbeat(), "clone", "clone-branch")]


@case
def clone_that_speaks_first(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """The tokens cannot say which of the two is the original: the one heard second is called clone."""
    steps = [bound(maker, unit), on(unit, unit.heartbeat(), "genuine", "first-seen")]
    clone = unit.copy()
    clone.boot()
    steps += [on(unit, clone.heartbeat(), "genuine", "in-order")]
    return [*steps, on(unit, unit.heartbeat(), "clone", "forked-prev")]


@case
def clone_with_the_same_number(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """Both boot once after the copy: one number, two tokens."""
    steps = [bound(maker, unit), on(unit, unit.heartbeat(), "genuine", "first-seen")]
    clone = unit.copy()
    for board in (unit, clone):
        board.boot()
    steps += [on(unit, unit.heartbeat(), "genuine", "in-order")]
    return [*steps, on(unit, clone.heartbeat(lag=13), "clone", "same-number")]


@case
def clone_found_without_the_common_token(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """The token both continue from never arrived: two tokens that name the same one are proof enough."""
    steps = [bound(maker, unit), on(unit, unit.heartbeat(), "genuine", "first-seen")]
    unit.heartbeat()
    clone = unit.copy()
    clone.boot()
    steps += [on(unit, clone.heartbeat(), "gap", "gap-open")]
    return [*steps, on(unit, unit.heartbeat(), "clone", "forked-prev")]


@case
def clone_of_a_birth(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """One connection number, two births."""
    steps = [bound(maker, unit), on(unit, unit.birth(), "genuine", "first-seen", "status")]
    return [*steps, on(unit, unit.status("online", uptime=99), "clone", "same-number", "status")]


@case
def one_key_bound_to_two_boards(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """A board was copied before it was provisioned anew."""
    other = ModelUnit()
    other.key = unit.key
    return [bound(maker, unit), on(other, maker.binding(other), "clone", "same-key", "identity")]


@case
def unknown_until_its_binding_comes(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """Without a binding nothing can be said; the same token is genuine once the binding is there."""
    token = unit_first(unit)
    first = on(unit, token, "unknown device", "no-binding")
    return [first, bound(maker, unit, boot=False), on(unit, token, "genuine", "first-seen")]


@case
def bindings_renewed(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """The newest binding of a board rules; an older one that comes again changes nothing."""
    first = bound(maker, unit)
    again = on(unit, first["token"], "genuine", "binding-known", "identity")
    old_token = unit.heartbeat()
    unit.key = mint.new_key()
    newer = on(unit, maker.binding(unit, iat=EPOCH + 10), "genuine", "binding-new", "identity")
    replayed = on(unit, first["token"], "late", "superseded", "identity")
    return [first, again, newer, replayed, on(unit, old_token, "forged", "other-key")]


@case
def bad_clocks(maker: Manufacturer, unit: ModelUnit) -> list[Step]:
    """From the future, from before the board was made, and against the order."""
    steps = [bound(maker, unit)]
    dates = [(-7200, "before-made"), (3600, None), (1800, "backwards"), (9000, "future")]
    for offset, code in dates:
        token = unit.heartbeat(clock="set", iat=EPOCH + offset)
        steps += [on(unit, token, "bad clock" if code else "genuine", code or "in-order")]
    return steps


REVOKED: dict[str, Callable[[Manufacturer, ModelUnit], dict[str, str]]] = {
    "revoked board": lambda maker, unit: {"ueid": unit.ueid, "reason": "stolen from the line"},
    "revoked key": lambda maker, unit: {"kid": mint.thumbprint(unit.key)},
    "revoked manufacturer key": lambda maker, unit: {"kid": mint.thumbprint(maker.keys["identity"])},
}
REVOKED_CODES = {
    "revoked board": ("revoked-board", "revoked-board"),
    "revoked key": ("revoked-key", "revoked-key"),
    "revoked manufacturer key": ("revoked-key", "revoked-binding"),
}
