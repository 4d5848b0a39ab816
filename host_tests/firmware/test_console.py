"""The console as people and programs see it: whole dialogues over the real session, views and replies."""

import asyncio
import gc
import json
import time

import jsonschema
import pytest

from firmware.diagnosis.faults import CONFIRMED, OLD, RECOVERING, SILENCED, SINCE
from host_tests.firmware import fakes
from host_tests.firmware.fakes import Appliance
from host_tests.firmware.test_catalogue_device import L01, line_of

NONCE = "bm9uY2Utbm9uY2U"


@pytest.fixture(autouse=True)
def model(tmp_path, monkeypatch):
    """The model's files in the slot that the device runs from."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "profile.json").write_text(json.dumps(fakes.PROFILE, separators=(",", ":")))
    (folder / "catalogue_en.jsonl").write_bytes(line_of({**L01, "title": "water in the base pan"}))
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


@pytest.fixture(autouse=True)
def device(monkeypatch):
    """What only the device interpreter can tell."""
    monkeypatch.setattr(time, "ticks_ms", lambda: int(1000 * time.monotonic()), raising=False)
    monkeypatch.setattr(time, "ticks_diff", lambda later, sooner: later - sooner, raising=False)
    monkeypatch.setattr(gc, "mem_free", lambda: 50_000, raising=False)
    monkeypatch.setattr(gc, "mem_alloc", lambda: 70_000, raising=False)


def call(appliance, method, params=None, identifier=1):
    request = {"jsonrpc": "2.0", "id": identifier, "method": method}
    if params is not None:
        request["params"] = params
    (line,) = appliance.ask(json.dumps(request).encode() + b"\n")
    answer = json.loads(line)
    assert answer["jsonrpc"] == "2.0"
    assert answer["id"] == identifier
    return answer


# People


def test_id_says_who_it_is():
    assert Appliance().ask(b"id\r\n") == [
        "KF-320 fridge-freezer by Acme",
        "serial    4F7-220918",
        "made      2026-03-02, revision C",
        "support   until 2036-03-02",
        "board     AQEBAQEBAQEBAQEBAQEBAQE, maker number 12345",
        "key       made on the host; a signed reply proves it (nameplate read)",
    ]


@pytest.mark.parametrize("command", ["id", "warranty"])
def test_a_damaged_unit_says_why(command):
    appliance = Appliance(unit=fakes.Unit("unit: bad checksum"))
    assert appliance.ask(command.encode() + b"\n") == ["! not provisioned: damaged (unit: bad checksum)"]


def test_warranty_is_honest_about_the_clock():
    appliance = Appliance()
    assert appliance.ask(b"warranty\n") == [
        "parts: covered until 2028-03-02",
        "compressor: covered until 2036-03-02",
        "counted from the date made; time here: set",
    ]
    appliance.clock.quality = "floor"
    assert appliance.ask(b"warranty\n")[0] == "parts: ends 2028-03-02, clock unknown"


def test_sensors_dry_wet_and_not_known():
    appliance = Appliance()
    assert appliance.ask(b"sensors\n") == [
        "pan       dry ok, base pan, 47.0 kohm, 1650 mV, now",
        "fridge    4.8 C +-1.8 ok, fridge compartment, 22.2 kohm, 1658 mV, now",
    ]
    appliance.pan.uv, appliance.fridge.uv = fakes.WET_UV, fakes.OPEN_UV
    appliance.run(60)
    assert appliance.ask(b"sensors\n") == [
        "pan       WET ok, base pan, 9.7 kohm, 569 mV, now",
        "fridge    OPEN CIRCUIT (not a temperature), fridge compartment, 3200 mV, now",
    ]
    appliance.pan.uv = 900000
    appliance.run(1)
    assert appliance.ask(b"sensors\n")[0].startswith("pan       WET (damp) ok, base pan, 17.6 kohm")


@pytest.mark.parametrize(
    ("quality", "said"),
    [
        ("open", "OPEN CIRCUIT (not a temperature)"),
        ("short", "SHORT CIRCUIT (not a temperature)"),
        ("stuck", "STUCK: has not moved for 12 h or more (not a temperature)"),
        ("stale", "NO FRESH READING (not a temperature)"),
        ("unknown", "NEVER READ (not a temperature)"),
        ("out of range", "OUT OF RANGE: nothing here can be so (not a temperature)"),
        ("implausible", "IMPLAUSIBLE: faster than it can be, or against another sensor (not a temperature)"),
    ],
)
def test_every_quality_in_plain_words(quality, said):
    appliance = Appliance()
    appliance.station.sensor("fridge").quality = quality
    lines = appliance.ask(b"sensors\n")[1:]
    assert all(len(line) <= 79 for line in lines)
    assert " ".join(line[10:] for line in lines).startswith(said + ", fridge compartment")
    told = call(appliance, "sensors")["result"]
    assert told["sensors"][1]["quality"] == quality
    assert told["sensors"][1]["pm"] is None
    assert told["senml"][1] == {"n": "fridge", "vs": quality}


def test_a_profile_that_cannot_be_read_again_costs_the_plus_minus_only(model):
    appliance = Appliance()
    for damage in (b"", b"{", b'{"sensors":[{"name":"fridge","kind":"ntc","table":"x"}]}', b"\xff" * 900):
        (model / "profile.json").write_bytes(damage)
        assert appliance.ask(b"sensors\n")[1].startswith("fridge    4.8 C ok, fridge compartment")
        assert call(appliance, "sensors")["result"]["sensors"][1]["pm"] is None
    assert appliance.session.failures == 0


def test_sensors_live_ends_after_a_minute_or_when_somebody_types():
    appliance = Appliance()
    first, *lines = appliance.ask(b"sensors live\n")
    assert first == "every second for 60 s; Enter ends it"
    assert lines[0] == "0 s  pan=dry,47.0kohm fridge=4.8"
    assert len(lines) == 60
    assert all(len(line) <= 79 for line in lines)
    appliance.impatient = True
    assert len(appliance.ask(b"sensors live\n")) == 2
    assert appliance.ask(b"sensors dead\n") == ["? sensors takes nothing, or live"]


def test_sensors_live_shows_what_changes():
    appliance = Appliance()
    pause = appliance.pause

    async def splash(milliseconds):
        if appliance.clock.uptime >= 110:
            appliance.pan.uv, appliance.fridge.uv = fakes.WET_UV, None
        return await pause(milliseconds)

    appliance.session.pause = splash
    lines = appliance.ask(b"sensors live\n")
    assert lines[9] == "8 s  pan=dry,47.0kohm fridge=4.8"
    assert lines[14] == "13 s pan=WET,9.7kohm fridge=?stale"


def test_faults_with_evidence_and_advice():
    appliance = Appliance()
    assert appliance.ask(b"faults\n") == ["no fault is known"]
    appliance.pan.uv = None
    appliance.run(1)
    assert appliance.ask(b"faults\n") == ["no fault is known", "not known about: pan"]
    appliance.pan.uv = fakes.WET_UV
    appliance.run(200)
    appliance.clock.uptime = appliance.ticks.uptime_s()
    assert appliance.ask(b"faults\n") == [
        "! L01 water in the base pan, since 4 s",
        "  evidence wet 3.9 of 3.9 s, loop 9.7 kohm, probe healthy",
        "  sure     not in numbers: one contact, not cross-checked",
        "  next     close the tap, dry the pan, watch 10 min",
        "  bring    1 x PN 7710 inlet valve",
        "  more     explain L01",
    ]
    (told,) = call(appliance, "faults")["result"]["faults"]
    assert told == {
        "fault": "L01", "state": "confirmed", "severity": "alarm", "times": 1, "silenced": False, "since": 5,
        "old": False, "evidence": "wet 3.9 of 3.9 s, loop 9.7 kohm, probe healthy", "text": "water in the base pan",
        "next": "close the tap, dry the pan, watch 10 min", "parts": [["PN 7710", "inlet valve", 1]],
        "detail": {
            "window": 3.98, "known": 3.98, "for": 3.98, "sensors": ["pan"], "confidence": None,
            "basis": "one contact, not cross-checked",
        },
    }  # fmt: skip


def test_a_fault_is_told_without_its_words(model):
    appliance = Appliance()
    appliance.pan.uv = fakes.WET_UV
    appliance.run(200)
    (model / "catalogue_en.jsonl").unlink()
    assert appliance.ask(b"faults\n")[:2] == [
        "! L01 (catalogue: not in this language), since 95 s",
        "  evidence wet 3.9 of 3.9 s, loop 9.7 kohm, probe healthy",
    ]
    (told,) = call(appliance, "faults")["result"]["faults"]
    assert "text" not in told


def test_faults_all_tells_the_state_of_each():
    appliance = Appliance()
    assert appliance.ask(b"faults --all\n") == ["  L01 alarm    clear"]
    (told,) = call(appliance, "faults", {"all": True})["result"]["faults"]
    assert told == {"fault": "L01", "state": "clear", "severity": "alarm", "times": 0, "silenced": False}
    assert call(appliance, "faults", {"all": False})["result"] == {"faults": []}
    appliance.pan.uv = fakes.WET_UV
    appliance.run(1)
    appliance.clock.uptime = appliance.ticks.uptime_s()
    assert appliance.ask(b"Faults --ALL\n") == ["  L01 alarm    suspected, since 0 s"]
    appliance.run(200)
    assert appliance.ask(b"faults --all\n") == ["! L01 alarm    CONFIRMED, since 0 s; found 1 time so far"]
    appliance.pan.uv = fakes.DRY_UV
    appliance.run(100)
    assert appliance.ask(b"faults --all\n")[0].startswith("! L01 alarm    recovering, since ")
    appliance.run(600)
    assert appliance.ask(b"faults --all\n") == ["  L01 alarm    clear; found 1 time so far"]
    assert appliance.ask(b"faults all\n") == ["? faults takes nothing, or --all"]
    for wrong in (1, "yes", None, []):
        assert call(appliance, "faults", {"all": wrong})["error"]["code"] == -32602


def test_what_rests_on_a_broken_sensor_is_not_judged_and_told_so():
    appliance = Appliance()
    table = appliance.watch.faults
    table.cells[table.starts[0]] |= SILENCED
    assert appliance.ask(b"faults\n") == ["no fault is known", "not judged, their sensor is broken: L01"]
    assert appliance.ask(b"faults --all\n") == ["  L01 alarm    not judged: its sensor is broken"]
    table.cells[table.starts[0]] = SILENCED | CONFIRMED
    assert appliance.ask(b"faults\n")[0].endswith("; not judged now: its sensor is broken")
    table.cells[table.starts[0]] = OLD | RECOVERING
    table.cells[table.starts[0] + SINCE] = -86400 * 3
    assert appliance.ask(b"faults\n")[0] == (
        "! L01 water in the base pan, since 3 d, known from before this start, not seen"
    )
    (told,) = call(appliance, "faults")["result"]["faults"]
    assert (told["old"], told["state"], told["since"]) == (True, "recovering", -86400 * 3)


def test_log_is_bounded_and_plain():
    appliance = Appliance(
        journal=[b"entry %d" % number for number in range(100)] + [b"\x1b[2J\xff" + b"x" * 300]
    )
    lines = appliance.ask(b"log\n")
    assert len(lines) == 20
    assert lines[0] == "81 entry 81"
    assert lines[-1] == "100 .[2J." + "x" * 155 + " ..."
    assert appliance.ask(b"log 3\n")[:2] == ["3 entry 3", "4 entry 4"]
    assert len(appliance.ask(b"log 3\n")) == 20
    assert appliance.ask(b"log 101\n") == ["no records"]
    assert appliance.ask(b"log -1\n") == ["? log takes a record number"]
    assert appliance.ask(b"log " + b"9" * 400 + b"\n") == ["? log takes a record number"]


def test_sent_shows_the_bytes_and_what_they_say():
    token = fakes.drive(fakes.Signer().sign("nameplate-heartbeat+jwt", b'{"seq":4}'))
    appliance = Appliance(sent=("nameplate/1/12345/A/heartbeat", token))
    assert appliance.ask(b"sent\n") == [
        "uplink is broker ok, 0 waiting",
        "topic  nameplate/1/12345/A/heartbeat",
        "token  " + token.decode(),
        'says   {"seq":4}',
    ]
    assert Appliance().ask(b"sent\n")[1] == "nothing has left since the start"


def test_consent_needs_somebody_at_the_appliance():
    appliance = Appliance()
    assert appliance.ask(b"consent\n")[0] == "consent is off: nothing leaves"
    assert appliance.ask(b"consent minimum\n") == [
        "? press the button on the appliance, then ask again within 60 s"
    ]
    appliance.presence.here = True
    assert appliance.ask(b"consent everything\n") == ["? consent is full, minimum or off"]
    assert appliance.nvs.commits == 0
    assert appliance.ask(b"Consent MINIMUM\n") == [
        "consent is minimum: faults and state leave, readings stay here"
    ]
    assert appliance.settings.consent == "minimum"
    assert appliance.notes == ["consent minimum, by someone at the appliance"]
    appliance.ask(b"consent minimum\n")
    assert appliance.nvs.commits == 1


def test_help_lists_every_command_and_each_works():
    appliance = Appliance(journal=[b"started"])
    names = [line.split()[0] for line in appliance.ask(b"help\n")[:-1]]
    assert names == [
        "id", "warranty", "sensors", "faults", "explain", "selftest", "log", "sent", "consent", "version", "help",
    ]  # fmt: skip
    for name in names:
        lines = appliance.ask(name.encode() + b"\n")
        assert lines
        assert not any(line.startswith("?") for line in lines)
        assert all(len(line) <= 79 for line in lines)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        (b"hepl", '? no command "hepl": try help'),
        (b"x" * 400, '? no command "' + "x" * 20 + '": try help'),
        (b"id please", "? too many words for id: try help"),
        (b"h\xc3\xa9lp", "? plain letters only: try help"),
        (b"\x00\x00\x00id", "? plain letters only: try help"),
        (b"__init__", '? no command "__init__": try help'),
        (b"run", '? no command "run": try help'),
    ],
)
def test_what_is_no_command_gets_one_short_line(typed, answer):
    assert Appliance().ask(typed + b"\n") == [answer]


def test_typing_with_backspace_tab_and_capitals():
    appliance = Appliance()
    assert appliance.ask(b"\x7f Idd\x08\t\r") == appliance.ask(b"id\n")


def test_an_echoing_line_does_not_start_a_conversation():
    """Whatever we say, fed back to us until nothing comes any more."""
    appliance = Appliance(journal=[b"started"], sent=("nameplate/1/1/A/status", b"a.e30.c"))
    appliance.pan.uv = fakes.WET_UV
    appliance.run(10)
    starts = [line.encode() for line in appliance.ask(b"help\n")]
    for start in [
        *(line.split()[0] for line in starts),
        b'{"jsonrpc":"2.0","id":1,"method":"help"}',
        b"{",
        b"[",
    ]:
        said = start + b"\n"
        for _ in range(4):
            appliance.ask(said)
            said = bytes(appliance.out)
        assert said == b"", start


# Programs


def test_read_gives_three_tokens_and_the_reply_says_all():
    appliance = Appliance()
    appliance.pan.uv = fakes.WET_UV
    appliance.run(10)
    result = call(appliance, "read", {"nonce": NONCE})["result"]
    assert result["binding"] == appliance.unit.binding.decode()
    assert result["identity"] == appliance.unit.identity.decode()
    ((typ, payload),) = appliance.signer.made
    assert typ == "nameplate-reply+jwt"
    claims = json.loads(payload)
    assert claims == {
        "eat_profile": "urn:nameplate:1:reply", "ueid": fakes.CLAIMS["ueid"], "eat_nonce": NONCE,
        "carrier": "serial", "method": "read", "bootcount": 7, "uptime": 100, "clock": "set", "iat": 1795600000,
        "oemid": 12345, "hwmodel": "S0YtMzIw", "hwversion": ["C"], "swversion": ["0.1.0"], "dbgstat": "enabled",
        "senml": [{"n": "pan", "vb": True}, {"n": "fridge", "u": "Cel", "v": pytest.approx(4.8, abs=0.1)}],
        "age": [0, 0], "pm": [None, 1750],
        "faults": [
            {
                "fault": "L01", "state": "confirmed", "since": 5,
                "evidence": "wet 0.1 of 0.1 s, loop 9.7 kohm, probe healthy",
                "detail": {
                    "window": 0.18, "known": 0.18, "for": 0.18, "sensors": ["pan"], "confidence": None,
                    "basis": "one contact, not cross-checked",
                },
            },
        ],
        "warranty": [
            {"part": "parts", "until": "2028-03-02", "state": "covered"},
            {"part": "compressor", "until": "2036-03-02", "state": "covered"},
        ],
        "uplink": {"state": "broker ok", "waiting": 0, "last": 3}, "consent": "off", "ack": "broker", "lag": 12,
    }  # fmt: skip


@pytest.mark.parametrize("quality", ["unknown", "floor", "set", "trusted"])
@pytest.mark.parametrize("method", ["read", "identity"])
def test_replies_match_the_published_schema(quality, method, reply_schema):
    appliance = Appliance()
    appliance.clock.quality = quality
    appliance.unit.dev = True
    appliance.unit.identity = b"aaaa.bbbb." + b"c" * 85 + b"A"
    appliance.uplink.reached = None
    fakes.drive(getattr(appliance.replies, method)(NONCE, "mqtt"))
    claims = json.loads(appliance.signer.made[0][1])
    reply_schema.validate(claims)
    assert ("iat" in claims) == (quality in ("set", "trusted"))
    assert claims["carrier"] == "mqtt"


@pytest.fixture
def reply_schema():
    from pathlib import Path

    from referencing import Registry, Resource

    folder = Path(__file__).parents[2] / "docs/schemas"
    documents = {path.name: json.loads(path.read_text()) for path in folder.glob("*.json")}
    resources = [(name, Resource.from_contents(document)) for name, document in documents.items()]
    return jsonschema.Draft202012Validator(
        documents["reply.json"], registry=Registry().with_resources(resources)
    )


@pytest.mark.parametrize(
    "nonce", [None, 5, "", "short", "x" * 89, "bm9uY2Utbm9uY2U=", 'abcdefghijk"', "näääääääääää"]
)
def test_read_refuses_what_is_no_nonce(nonce):
    appliance = Appliance()
    assert call(appliance, "read", {"nonce": nonce})["error"]["code"] == -32602
    assert appliance.signer.made == []


def test_a_damaged_unit_signs_nothing():
    appliance = Appliance(unit=fakes.Unit("unit: bad checksum"))
    for method, params in (("read", {"nonce": NONCE}), ("id", None), ("warranty", None)):
        error = call(appliance, method, params)["error"]
        assert error == {"code": -32001, "message": "not provisioned: damaged (unit: bad checksum)"}
    assert appliance.signer.made == []
    assert call(appliance, "version")["result"]["provisioned"] is False


def test_a_third_caller_is_told_busy():
    async def story():
        gate = asyncio.Event()
        appliance = Appliance(signer=fakes.Signer(gate.wait))
        first, second = (asyncio.create_task(appliance.replies.read(NONCE, "serial")) for _ in range(2))
        await asyncio.sleep(0)
        await appliance.session.feed(
            b'{"jsonrpc":"2.0","id":"c","method":"read","params":{"nonce":"' + NONCE.encode() + b'"}}\n'
        )
        refused = json.loads(appliance.out)
        gate.set()
        await asyncio.gather(first, second)
        await appliance.replies.read(NONCE, "serial")
        return refused

    refused = asyncio.run(story())
    assert refused["id"] == "c"
    assert refused["error"]["code"] == -32002


def test_other_methods():
    token = fakes.drive(fakes.Signer().sign("nameplate-event+jwt", b'{"seq":4}'))
    appliance = Appliance(sent=("t", token), journal=[b"one", b'"two"\\'])
    assert call(appliance, "sent")["result"] == {"topic": "t", "token": token.decode(), "payload": {"seq": 4}}
    assert call(Appliance(), "sent")["result"] == {"topic": None}
    assert call(appliance, "log", {"from": 1})["result"] == {
        "records": [{"n": 1, "text": '"two"\\'}],
        "next": 2,
    }
    assert call(appliance, "id")["result"]["serial"] == "4F7-220918"
    assert call(appliance, "warranty")["result"]["parts"][0] == {
        "part": "parts", "until": "2028-03-02", "state": "covered", "words": "covered until 2028-03-02",
    }  # fmt: skip
    sensors = call(appliance, "sensors")["result"]
    assert sensors["senml"][0] == {"n": "pan", "vb": False}
    assert sensors["sensors"] == [
        {
            "name": "pan", "title": "base pan", "kind": "leak", "quality": "ok", "age": 0, "raw": 1650000,
            "ohm": 47000, "pm": None, "damp": False,
        },
        {
            "name": "fridge", "title": "fridge compartment", "kind": "ntc", "quality": "ok", "age": 0,
            "raw": 1658800, "ohm": 22235, "pm": 1750,
        },
    ]  # fmt: skip
    assert sensors["problems"] == []
    assert call(appliance, "faults")["result"] == {"faults": []}
    assert call(appliance, "consent")["result"] == {"consent": "off", "changed": False}
    assert call(appliance, "consent", {"value": "full"})["error"]["code"] == -32003
    assert call(appliance, "consent", {"value": ["full"]})["error"]["code"] == -32602
    appliance.presence.here = True
    assert call(appliance, "consent", {"value": "full"})["result"] == {"consent": "full", "changed": True}
    version = call(appliance, "version")["result"]
    assert version["firmware"] == "0.1.0"
    listed = [entry["method"] for entry in call(appliance, "help")["result"]["methods"]]
    assert listed == [
        "read",
        "id",
        "warranty",
        "sensors",
        "faults",
        "explain",
        "selftest",
        "sent",
        "log",
        "consent",
        "version",
        "help",
    ]


@pytest.mark.parametrize(
    ("line", "identifier", "code"),
    [
        (b"{", None, -32700), (b'{"jsonrpc":"2.0","id":1,"method":"help",}', None, -32700),
        (b'{"id":1,"id":2,"jsonrpc":"2.0","method":"help"}', None, -32700),
        (b'{"a":' * 6 + b"1" + b"}" * 6, None, -32700), (b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', None, -32700),
        (b'[{"jsonrpc":"2.0","id":1,"method":"help"}]', None, -32600), (b"[]", None, -32600),
        (b"{}", None, -32600), (b'{"id":7}', 7, -32600), (b'{"jsonrpc":"1.0","id":7,"method":"help"}', 7, -32600),
        (b'{"jsonrpc":"2.0","id":7,"method":5}', 7, -32600),
        (b'{"jsonrpc":"2.0","id":7,"method":"help","more":1}', 7, -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"help"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"help"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"help"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":"","method":"help"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":"' + b"x" * 41 + b'","method":"help"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":' + b"9" * 300 + b',"method":"help"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":"a\\"b","method":"help"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"nope"}', None, -32601),
        (b'{"jsonrpc":"2.0","id":"x","method":"_read"}', "x", -32601),
        (b'{"jsonrpc":"2.0","id":"x","method":"help","params":[]}', "x", -32602),
        (b'{"jsonrpc":"2.0","id":"x","method":"help","params":{"a":1}}', "x", -32602),
        (b'{"jsonrpc":"2.0","id":"x","method":"log","params":{"from":-1}}', "x", -32602),
        (b'{"jsonrpc":"2.0","id":"x","method":"log","params":{"from":1e999}}', "x", -32602),
    ],
)  # fmt: skip
def test_bad_requests_get_one_error_of_their_kind(line, identifier, code):
    appliance = Appliance()
    (answer,) = appliance.ask(line + b"\n")
    answer = json.loads(answer)
    assert (answer["id"], answer["error"]["code"]) == (identifier, code)
    assert len(answer["error"]["message"]) < 80
    assert appliance.session.failures == 0


def test_requests_without_id_and_responses_get_no_answer():
    appliance = Appliance()
    assert appliance.ask(b'{"jsonrpc":"2.0","method":"help"}\n') == []
    assert appliance.ask(b'{"jsonrpc":"2.0","method":"nope"}\n') == []
    assert appliance.ask(b'{"jsonrpc":"2.0","id":1,"result":5}\n') == []
    assert appliance.ask(b'{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"x"}}\n') == []


def test_too_long_lines_get_the_error_of_their_kind():
    appliance = Appliance()
    assert appliance.ask(b"x" * 5000 + b"\n") == ["? line longer than 512 bytes: ignored"]
    (answer,) = appliance.ask(b'{"jsonrpc"' + b" " * 5000 + b"\n")
    assert json.loads(answer)["error"]["code"] == -32600
    assert appliance.ask(b"id\n")[1] == "serial    4F7-220918"


def test_a_command_that_fails_inside_is_one_error_and_the_session_goes_on():
    appliance = Appliance()
    appliance.uplink.sent = 5
    assert appliance.ask(b"sent\n")[-1] == "? that failed inside; it has been counted"
    answer = call(appliance, "sent", identifier="s")
    assert answer["error"] == {"code": -32603, "message": "failed inside"}
    assert appliance.session.failures == 2
    assert appliance.session.last_failure == "TypeError"
    assert appliance.ask(b"version\n")[0].startswith("nameplate 0.1.0 on esp32")


def test_a_log_that_fails_midway_ends_its_line_and_says_so():
    class Failing(fakes.Journal):
        def read(self, first=0):
            yield 0, b"fine"
            raise OSError(5)

    appliance = Appliance()
    appliance.view.journal = Failing([b"fine"])
    cut, error = appliance.ask(b'{"jsonrpc":"2.0","id":3,"method":"log"}\n')
    assert cut.startswith('{"jsonrpc"')
    assert json.loads(error) == {
        "jsonrpc": "2.0",
        "id": 3,
        "error": {"code": -32603, "message": "failed inside"},
    }


def test_nobody_reading_ends_the_answer_and_nothing_else():
    from firmware.console.session import Gone

    appliance = Appliance()
    written = []

    async def write(data):
        if len(written) == 1:
            raise Gone
        written.append(data)

    appliance.session.write = write
    appliance.ask(b'help\nid\n{"jsonrpc":"2.0","id":1,"method":"help"}\n{\n' + b"x" * 600 + b"\n")
    assert appliance.session.failures == 0
    assert len(written) == 1


def test_no_command_shows_a_secret():
    appliance = Appliance(journal=[b"started"], sent=("t", b"a.e30.c"))
    appliance.settings.wifi_psk = "SECRET-WIFI"
    everything = bytearray()
    for name in [b"id", b"warranty", b"sensors", b"faults", b"log", b"sent", b"consent", b"version", b"help"]:
        appliance.ask(name + b"\n")
        everything += appliance.out
        appliance.ask(b'{"jsonrpc":"2.0","id":1,"method":"' + name + b'"}\n')
        everything += appliance.out
    call(appliance, "read", {"nonce": NONCE})
    everything += appliance.out
    everything += appliance.signer.made[0][1]
    assert b"SECRET" not in everything
