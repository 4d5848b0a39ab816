"""verify: files, standard input and saved feeds; what it says, and how it ends."""

import io
import json
import sys

import pytest

from nameplate.cli.main import run
from nameplate.feed.words import line, short_id
from nameplate.token.model import EPOCH, Manufacturer, ModelUnit
from nameplate.token.verdict import CLONE, FORGED, Verdict

MAKER = Manufacturer()


@pytest.fixture
def trust(tmp_path):
    path = tmp_path / "acme.jwks"
    path.write_text(json.dumps(MAKER.jwks()))
    return str(path)


@pytest.fixture
def unit():
    booted = ModelUnit()
    booted.boot()
    return booted


@pytest.fixture
def tokens_file(tmp_path):
    def write(*lines):
        path = tmp_path / "tokens"
        path.write_bytes(
            b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines) + b"\n"
        )
        return str(path)

    return write


def test_a_file_of_tokens_with_the_binding_last(trust, unit, tokens_file, capsys):
    path = tokens_file(unit.heartbeat(), "", unit.event(), MAKER.binding(unit))
    assert run(["verify", path, "--trust", trust]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert (
        shown[0] == f"    1  {short_id(unit.ueid)} heartbeat 1/0      genuine        pan dry | fridge 4.812 C"
    )
    assert shown[1].split()[:5] == ["3", short_id(unit.ueid), "event", "1/1", "genuine"]
    assert shown[1].endswith("L01 confirmed: pan WET")
    assert "KF-320 of maker 12345, key made on the host" in shown[2]
    assert shown[3] == "3 tokens: 3 genuine"


def test_it_says_why_not_and_ends_with_one(trust, unit, tokens_file, capsys):
    token = unit.heartbeat()
    path = tokens_file(MAKER.binding(unit), token, token[:-10], token, "rubbish", b"\xff\x1b[2J")
    assert run(["verify", path, "--trust", trust]) == 1
    shown = capsys.readouterr().out
    assert "the signature is cut short (76 of 86 characters)" in shown
    assert "these very bytes were received before" in shown
    assert shown.splitlines()[-1] == "6 tokens: 3 forged, 2 genuine, 1 duplicate"
    assert "\x1b" not in shown


def test_json_has_one_object_a_line_and_the_counts_last(trust, unit, tokens_file, capsys):
    path = tokens_file(MAKER.binding(unit), unit.heartbeat())
    assert run(["verify", path, "--trust", trust, "--json"]) == 0
    first, second, counts = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["line"], first["code"], second["seq"]) == (1, "binding-known", 0)
    assert counts == {"tokens": 2, "verdicts": {"genuine": 2}}


@pytest.mark.parametrize("way", ["token", "file"])
def test_standard_input_with_the_binding_beside_it(trust, unit, tmp_path, monkeypatch, way):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(unit.heartbeat().encode())))
    binding = MAKER.binding(unit)
    if way == "file":
        (tmp_path / "binding").write_text(binding)
        binding = str(tmp_path / "binding")
    assert run(["verify", "-", "--trust", trust, "--binding", binding, "--kind", "heartbeat"]) == 0


def test_without_a_binding_the_device_is_unknown(trust, unit, tokens_file, capsys):
    assert run(["verify", tokens_file(unit.heartbeat()), "--trust", trust]) == 1
    assert "unknown device" in capsys.readouterr().out


def test_a_binding_nobody_may_believe_is_refused(trust, unit, tokens_file, capsys):
    assert (
        run(
            [
                "verify",
                tokens_file(unit.heartbeat()),
                "--trust",
                trust,
                "--binding",
                Manufacturer().binding(unit),
            ]
        )
        == 1
    )
    assert "forged: not signed by a key in the trust file" in capsys.readouterr().err


def test_the_kind_is_held_to(trust, unit, tokens_file, capsys):
    path = tokens_file(unit.heartbeat())
    assert run(["verify", path, "--trust", trust, "--binding", MAKER.binding(unit), "--kind", "event"]) == 1
    assert "another kind than expected" in capsys.readouterr().out


def test_the_nonce_is_held_to(trust, unit, tokens_file):
    path, binding = tokens_file(unit.reply("bm9uY2Utb25l")), MAKER.binding(unit)
    args = ["verify", path, "--trust", trust, "--binding", binding, "--kind", "reply", "--nonce"]
    assert run([*args, "bm9uY2Utb25l"]) == 0
    assert run([*args, "bm9uY2UtdHdv"]) == 1


def test_a_saved_feed_is_judged_by_its_topics_and_its_times(trust, unit, tokens_file, capsys):
    ask = {
        "aud": unit.ueid,
        "method": "identity",
        "eat_nonce": "bm9uY2Utb25l",
        "iat": EPOCH,
        "exp": EPOCH + 60,
    }
    feed = [
        {"at": EPOCH + 1.5, "topic": unit.topic("cmd"), "token": MAKER.sign("command", ask), "verdict": "x"},
        {
            "at": EPOCH + 9000,
            "topic": unit.topic("cmd"),
            "token": MAKER.sign("command", {**ask, "exp": EPOCH + 61}),
            "verdict": "x",
        },
        {"at": EPOCH + 2, "topic": unit.topic("identity"), "token": MAKER.binding(unit)},
        {"at": EPOCH + 3, "topic": ModelUnit().topic("heartbeat"), "token": unit.heartbeat()},
        {"at": EPOCH + 4, "topic": unit.topic("heartbeat"), "payload": "_wAbWzJK"},
    ]
    assert run(["verify", tokens_file(*map(json.dumps, feed)), "--trust", trust, "--json"]) == 1
    codes = [json.loads(line).get("code") for line in capsys.readouterr().out.splitlines()]
    assert codes == ["signed", "expired", "binding-known", "topic-ueid", "not-jws", None]


@pytest.mark.parametrize(
    "junk",
    [b"{", b"{}", b'{"token":1}', b'{"token":null,"topic":7,"at":"x"}', b'{"payload":"="}', b"[" * 5000, b"\x00" * 300_000,
     b'{"a":' * 20000, b"e" * 70000 + b"\n" + b"e" * 70000],
)  # fmt: skip
def test_junk_gets_a_verdict_never_a_crash(trust, tokens_file, capsys, junk):
    assert run(["verify", tokens_file(junk), "--trust", trust]) == 1
    assert "forged" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("lines", "told"), [((), "no tokens in the input"), (("", "   "), "no tokens in the input")]
)
def test_nothing_to_verify_is_a_mistake_not_a_success(trust, tokens_file, capsys, lines, told):
    assert run(["verify", tokens_file(*lines), "--trust", trust]) == 2
    assert told in capsys.readouterr().err


def test_files_that_are_not_there(trust, tmp_path, capsys):
    assert run(["verify", str(tmp_path / "none"), "--trust", trust]) == 2
    assert run(["verify", "-", "--trust", str(tmp_path / "none")]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 4


def test_a_trust_file_with_a_private_key_is_refused(tmp_path, capsys):
    jwks = MAKER.jwks()
    jwks["keys"][0]["d"] = "c2VjcmV0"
    path = tmp_path / "bad.jwks"
    path.write_text(json.dumps(jwks))
    assert run(["verify", "-", "--trust", str(path)]) == 2
    told = capsys.readouterr().err
    assert "private key" in told and "c2VjcmV0" not in told


def test_words_for_a_gap_and_a_clone():
    gap = Verdict("gap", "gap-open", "tokens before it are missing", "heartbeat", "A" * 23, None, 3, 9, {"senml": []},
                  ((3, 5, 8), (2, 7, None)), True)  # fmt: skip
    told = line(gap)
    assert "3/9" in told and "missing 3/5 to 3/8, 2/7 and on; a clone of this unit is about" in told
    assert line(Verdict(FORGED, "not-jws", "why")) == "?         ?                  forged         why"
    assert "about" not in line(gap._replace(verdict=CLONE))
