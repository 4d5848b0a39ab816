"""The console's commands for people, on a bare terminal: plain English, short lines, no colours, no prompt.

Each command gives its answer line by line, so that a long one is made while it is sent. An answer never begins with a
word that is a whole command by itself: a terminal that echoes must not start a conversation.
"""

from firmware import version, warranty
from firmware.console import facts
from firmware.reply import not_provisioned

HELP = (
    ("id", "who this appliance is"),
    ("warranty", "what the warranty covers, part by part"),
    ("sensors", "what is measured, how far to believe it; sensors live"),
    ("faults", "what is wrong, the evidence, what to do; faults --all"),
    ("explain", "what a code means: explain L01, explain L01 de; or all codes"),
    ("selftest", "test what can be tested from here"),
    ("log", "the newest log records; log 120: from number 120"),
    ("sent", "the last bytes that left this appliance"),
    ("consent", "what may leave it; consent minimum: change it"),
    ("version", "firmware, chip, time since start"),
    ("help", "this list"),
)
_TAKE = {"log": 1, "consent": 1, "sensors": 1, "faults": 1, "explain": 2}  # words beside the name, at most


def words(text):
    """The words of a typed line (bytes), its backspaces applied; None when it holds anything but plain letters."""
    typed = []
    for byte in text:
        if byte in (8, 127):
            if typed:
                typed.pop()
        elif byte == 9:
            typed.append(" ")
        elif not 32 <= byte < 127:
            return None
        else:
            typed.append(chr(byte))
    return "".join(typed).split()


def run(view, words):
    """The answer to a line's words: a generator of lines and, as numbers, of pauses in ms."""
    name = words[0].lower()
    if name not in _COMMANDS:
        yield f'? no command "{name[:20]}": try help'
    elif len(words) > 1 + _TAKE.get(name, 0):
        yield f"? too many words for {name}: try help"
    else:
        yield from _COMMANDS[name](view, *words[1:])


def _help(view):
    for name, does in HELP:
        yield f"{name:<9} {does}"
    yield "A line that starts with { is JSON-RPC 2.0."


def _id(view):
    unit = view.unit
    if not unit.provisioned:
        yield "! " + not_provisioned(unit)
        return
    claims = unit.claims
    yield f"{claims['model']} {claims['model_name']} by {claims['oem']}"
    yield f"serial    {claims['serial']}"
    yield f"made      {claims['made']}, revision {' '.join(unit.hwversion)}"
    yield f"support   until {claims.get('support_until', 'unknown')}"
    yield f"board     {unit.ueid}, maker number {unit.oemid}"
    yield f"key       made on the {unit.key_origin}; a signed reply proves it (nameplate read)"
    if unit.anchors_damage:
        yield f"! obeys nobody: the maker's keys are damaged ({unit.anchors_damage})"
    if unit.dev:
        yield "! development board: it keeps its prompt"


def _warranty(view):
    unit = view.unit
    if not unit.provisioned:
        yield "! " + not_provisioned(unit)
        return
    yield from warranty.lines(unit.claims, view.clock)
    yield f"counted from the date {unit.claims.get('start', 'made')}; time here: {view.clock.quality}"


def _sensors(view, how=None):
    from firmware.console import commands_sensors

    yield from commands_sensors.sensors(view, how)


def _faults(view, which=None):
    from firmware.console import commands_faults

    yield from commands_faults.faults(view, which)


def _explain(view, *asked):
    from firmware.console import commands_explain

    yield from commands_explain.explain(*asked)


def _selftest(view):
    from firmware import selftest
    from firmware.console import commands_explain

    yield from commands_explain.tests(selftest.run(view))


def _log(view, first=None):
    if first is not None:
        if not 0 < len(first) < 10 or any(digit not in "0123456789" for digit in first):
            yield "? log takes a record number"
            return
        first = int(first)
    empty = True
    for number, text in facts.records(view, first):
        empty = False
        yield f"{number} {text}"
    if empty:
        yield "no records"


def _sent(view):
    sent = view.uplink.sent
    yield f"uplink is {view.uplink.state}, {view.waiting()} waiting"
    refused = view.uplink.refused
    if refused:
        yield "refused  " + ", ".join([f"{reason} {refused[reason]}" for reason in sorted(refused)])
    if sent is None:
        yield "nothing has left since the start"
        return
    topic, token = sent
    yield f"topic  {topic}"
    yield f"token  {token.decode()}"
    payload = facts.payload_of(token)
    if payload:
        yield f"says   {payload}"


def _consent(view, value=None):
    if value is not None:
        try:
            facts.set_consent(view, value.lower())
        except (facts.Refused, ValueError) as reason:
            yield f"? {reason}"
            return
    yield f"consent is {view.settings.consent}: {facts.CONSENT[view.settings.consent]}"
    if value is None:
        for name, does in facts.CONSENT.items():
            if name != view.settings.consent:
                yield f'  "consent {name}": {does}'
        yield "  to change it, press the button on the appliance first"


def _version(view):
    from firmware.console.lines import age

    yield f"nameplate {version.VERSION} on {view.chip}, up {age(view.clock.uptime_s())}, time {view.clock.quality}"
    if view.settings.damage:
        yield f"! settings damaged, defaults in force ({view.settings.damage})"


_COMMANDS = {
    "id": _id, "warranty": _warranty, "sensors": _sensors, "faults": _faults, "explain": _explain,
    "selftest": _selftest, "log": _log, "sent": _sent, "consent": _consent, "version": _version, "help": _help,
}  # fmt: skip
