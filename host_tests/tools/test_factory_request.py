"""What a unit may be: each malformed field is refused by name, and nothing is written."""

from __future__ import annotations

import calendar
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tests.factory_fixtures import UNIT
from nameplate.cli import main
from nameplate.errors import NameplateError
from nameplate.factory.provision import provision
from nameplate.factory.request import ProvisionRequest, add_months, read_unit_file

TODAY = date(2026, 11, 24)
NOW = 1795521600  # noon of that day, UTC


def request(**changed: Any) -> ProvisionRequest:
    return ProvisionRequest(**{"serial": "4F7-220918", "oem": "Acme", "oemid": 32473, **UNIT, **changed})


def refusal(**changed: Any) -> str:
    with pytest.raises(NameplateError) as caught:
        request(**changed).check(TODAY)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    return caught.value.message


REFUSED = [
    ({"serial": ""}, "serial '' is malformed"),
    ({"serial": "AB"}, "serial 'AB' is malformed"),
    ({"serial": "A" * 21}, "is malformed"),
    ({"serial": "4f7-220918"}, "is malformed"),
    ({"serial": "-4F7"}, "is malformed"),
    ({"serial": "4F7 220918"}, "is malformed"),
    ({"serial": "4F7-220918\n"}, "is malformed"),
    ({"serial": "4F7-２２０"}, "is malformed"),
    ({"revision": ""}, "revision '' is malformed"),
    ({"revision": "c"}, "revision 'c' is malformed"),
    ({"made": "2026-11-25"}, "made 2026-11-25 lies in the future"),
    ({"made": "2026-02-29"}, "made '2026-02-29' is not a date"),
    ({"made": "20260302"}, "made '20260302' is not a date"),
    ({"made": "2026-3-2"}, "is not a date"),
    ({"made": "2026-W10-1"}, "is not a date"),
    ({"made": "٢٠٢٦-03-02"}, "is not a date"),
    ({"made": "1999-12-31"}, "made 1999-12-31 is out of range"),
    ({"support_until": "2100-01-01"}, "support_until 2100-01-01 is out of range"),
    ({"support_until": "2026-03-01"}, "made 2026-03-02 is after support_until 2026-03-01"),
    ({"warranty": {}}, "warranty names 0 parts"),
    ({"warranty": {f"part{n}": 1 for n in range(9)}}, "warranty names 9 parts"),
    ({"warranty": {"parts": 0}}, "warranty parts 0 is out of range"),
    ({"warranty": {"parts": 601}}, "warranty parts 601 is out of range"),
    ({"warranty": {"parts": -1}}, "warranty parts -1 is out of range"),
    ({"warranty": {"Parts": 1}}, "warranty part 'Parts' is malformed"),
    ({"warranty": {"x" * 25: 1}}, "is malformed"),
    ({"oemid": 0}, "oemid 0 is out of range"),
    ({"oemid": 2**32}, "oemid 4294967296 is out of range"),
    ({"oem": " Acme"}, "oem ' Acme' is not a name"),
    ({"period_s": 0}, "period_s 0 is out of range"),
    ({"period_s": 86401}, "period_s 86401 is out of range"),
    ({"ntp": "time.example"}, "ntp 'time.example' is not two time servers"),
    ({"ntp": "a.example,a.example"}, "is not two time servers"),
    ({"ntp": "a.example,A.example"}, "is not two time servers"),
    ({"ntp": "a.example,b.example,c.example"}, "is not two time servers"),
    ({"ntp": "a.example, b.example"}, "is not two time servers"),
    ({"ntp": "a.example,b..example"}, "is not two time servers"),
    ({"ntp": ""}, "is not two time servers"),
    (
        {"report_url": "ftp://x.example/"},
        "report_url 'ftp://x.example/' does not start with https:// or http://",
    ),
    ({"report_url": "javascript:alert(1)"}, "does not start with"),
    ({"report_url": "https://"}, "has no host"),
    ({"report_url": "https://x.example/\x1b[2J"}, "report_url is not at most 128 plain characters"),
    ({"report_url": "https://x.example/" + "a" * 120}, "report_url is not at most 128 plain characters"),
    ({"broker_url": "http://10.0.0.1"}, "does not start with mqtt://"),
    ({"broker_url": "10.0.0.1:1883"}, "does not start with mqtt://"),
    ({"broker_url": "mqtts://10.0.0.1"}, "broker_url is mqtts:// and no broker_ca is given"),
    ({"client_cert": "a.pem"}, "client_cert and client_key go together"),
    ({"client_ca": "ca"}, "a client certificate is given without broker_ca"),
    (
        {"broker_ca": "ca.pem", "client_ca": "ca", "client_cert": "a.pem", "client_key": "a-key.pem"},
        "client_ca and client_cert are both given",
    ),
    ({"broker_url": "mqtt://10.0.0.1:0"}, "wrong port"),
    ({"broker_url": "mqtt://10.0.0.1:"}, "wrong port"),
    ({"broker_url": "mqtt://10.0.0.1:70000"}, "broker_url is not an address"),
    ({"broker_url": "mqtt://10.0.0.1:1883/x"}, "more than a host and a port"),
    ({"broker_url": "mqtt://:1883"}, "has no host"),
    ({"wifi_ssid": "x" * 33}, "wifi_ssid is not at most 32 bytes"),
    ({"wifi_ssid": "ä" * 17}, "wifi_ssid is not at most 32 bytes"),
    ({"wifi_ssid": "a\nb"}, "wifi_ssid is not at most 32 bytes"),
    ({"wifi_ssid": ""}, "wifi_psk is given without wifi_ssid"),
    ({"ueid": "02" + "00" * 16}, "ueid '02"),
    ({"ueid": "01" + "00" * 15}, "ueid '01"),
    ({"ueid": "AQ"}, "ueid 'AQ' is malformed"),
    ({"ueid": ""}, "ueid '' is malformed"),
]


@pytest.mark.parametrize(("changed", "said"), REFUSED)
def test_a_malformed_field_is_refused_by_name(changed, said):
    assert said in refusal(**changed)


@pytest.mark.parametrize("psk", ["short77", "x" * 64, "tab\tinside", "ümlaut-password", "bell\x07bell\x07"])
def test_a_wrong_password_is_refused_without_being_quoted(psk):
    with pytest.raises(NameplateError) as caught:
        request(wifi_psk=psk).check(TODAY)
    assert caught.value.message == "wifi_psk is not 8 to 63 plain characters"
    assert psk not in caught.value.hint


def test_a_secret_in_an_address_is_refused_without_being_quoted():
    for name, url in (
        ("broker_url", "mqtt://user:s3cret@10.0.0.1"),
        ("report_url", "https://me:s3cret@x.example/"),
    ):
        message = refusal(**{name: url})
        assert message == f"{name} carries a user name or password"


@pytest.mark.parametrize(
    "changed",
    [
        {"serial": "4F7"},
        {"serial": "A.B/C-0123456789ABCD"},
        {"made": "2026-11-24", "support_until": "2026-11-24"},
        {"warranty": {"door seal": 600}},
        {"wifi_ssid": "ä" * 16},
        {"wifi_psk": None},
        {"wifi_ssid": "", "wifi_psk": None},
        {"wifi_psk": "x" * 63},
        {"broker_url": "mqtt://broker.example"},
        {"broker_url": "mqtt://[fd00::1]:1883"},
        {"oemid": 2**32 - 1},
        {"ueid": "01" + "Ab" * 16},
        {"ueid": "AW4jkFeB0pmUWNwuigRYFHw"},
    ],
)
def test_the_limits_themselves_are_allowed(changed):
    request(**changed).check(TODAY)


@pytest.mark.parametrize(
    ("made", "months", "until"),
    [
        ("2026-03-02", 24, "2028-03-02"),
        ("2024-02-29", 48, "2028-02-29"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2026-02-28", 24, "2028-02-28"),
        ("2027-08-31", 6, "2028-02-29"),
        ("2026-08-31", 1, "2026-09-30"),
        ("2026-12-31", 2, "2027-02-28"),
        ("2026-01-31", 600, "2076-01-31"),
        ("2026-11-30", 1, "2026-12-30"),
    ],
)
def test_the_last_day_of_a_warranty(made, months, until):
    (term,) = request(made=made, warranty={"parts": months}).warranty_terms()
    assert term == {"part": "parts", "months": months, "until": until}


@settings(max_examples=300)
@given(st.dates(date(2000, 1, 1), date(2049, 12, 31)), st.integers(1, 600))
def test_months_are_calendar_months(start, months):
    end = add_months(start, months)
    assert (end.year * 12 + end.month) - (start.year * 12 + start.month) == months
    assert end.day == min(start.day, calendar.monthrange(end.year, end.month)[1])
    # An end cut short is the month's last day: the next day is in the month after.
    assert end.day == start.day or (end + timedelta(days=1)).day == 1


def test_the_general_part_stays_first():
    terms = request(warranty={"parts": 24, "compressor": 120, "door seal": 12}).warranty_terms()
    assert [term["part"] for term in terms] == ["parts", "compressor", "door seal"]


def test_the_keys_folder_names_the_maker_unless_it_contradicts():
    asked = request(oem=None, oemid=None)
    assert (asked.completed("Acme", 9).oem, asked.completed("Acme", 9).oemid) == ("Acme", 9)
    assert request(oem="Acme", oemid=9).completed(None, None).oemid == 9
    for mine, folder in ((("Acme", 9), ("Other", 9)), (("Acme", 9), ("Acme", 8))):
        with pytest.raises(NameplateError, match="of the keys folder"):
            request(oem=mine[0], oemid=mine[1]).completed(*folder)
    with pytest.raises(NameplateError, match="oem is not given"):
        asked.completed(None, 9)
    with pytest.raises(NameplateError, match="oemid is not given"):
        asked.completed("Acme", None)


def unit_file(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_unit_file_gives_every_field(tmp_path):
    fields = {
        "serial": "4F7-1",
        "oem": "Acme",
        "oemid": 9,
        "model": "KF-320",
        "dev": True,
        **UNIT,
        "wifi_psk": None,
    }
    assert read_unit_file(unit_file(tmp_path / "unit.json", fields)) == fields


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"serial": 7}, "serial has the wrong type, it should be str"),
        ({"period_s": True}, "period_s has the wrong type"),
        ({"period_s": 60.0}, "period_s has the wrong type"),
        ({"warranty": [24]}, "warranty has the wrong type"),
        ({"warranty": {"parts": "24"}}, "warranty has the wrong type"),
        ({"made": None}, "made has the wrong type"),
        ({"colour": "red"}, "no field colour is known"),
        ("[]", "not a JSON object"),
        ('{"serial": "A",\n"made": }', "line 2"),
        ('{"serial": "A", "serial": "B"}', "a name is given twice"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_wrong_unit_file_is_refused(tmp_path, content, said):
    with pytest.raises(NameplateError, match="unit.json") as caught:
        read_unit_file(unit_file(tmp_path / "unit.json", content))
    assert said in caught.value.message


def test_a_unit_file_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "unit.json").write_bytes(b'{"serial": "\xff"}')
    with pytest.raises(NameplateError, match="not UTF-8"):
        read_unit_file(tmp_path / "unit.json")


def snapshot(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


@pytest.mark.parametrize(("changed", "said"), REFUSED[::4])
def test_a_refused_unit_leaves_no_trace(changed, said, tmp_path, manufacturer, image):
    with pytest.raises(NameplateError) as caught:
        provision(
            request(**changed),
            image=image,
            out=tmp_path / "unit.bin",
            keys=manufacturer.directory,
            registry=tmp_path / "registry.sqlite",
            now=NOW,
        )
    assert said in caught.value.message or "of the keys folder" in caught.value.message
    assert snapshot(tmp_path) == {}


@pytest.fixture
def command(tmp_path, manufacturer, image):
    """Run `factory provision` with everything given but what a test takes away or adds."""

    def run(*extra: str, without: tuple[str, ...] = ()) -> int:
        given = {
            "--image": str(image),
            "--out": str(tmp_path / "unit.bin"),
            "--keys": str(manufacturer.directory),
            "--registry": str(tmp_path / "registry.sqlite"),
            "--serial": "4F7-220918",
            "--made": "2026-03-02",
            "--revision": "C",
            "--warranty": "parts=24",
            "--support-until": "2036-03-02",
            "--report-url": "https://report.example/v1",
            "--broker": "mqtt://127.0.0.1:1883",
            "--wifi-ssid": "Kitchen",
        }
        words = [word for pair in given.items() if pair[0] not in without for word in pair]
        return main.run(["factory", "provision", *words, *extra])

    return run


@pytest.mark.parametrize(
    ("extra", "without", "said"),
    [
        ((), ("--serial", "--made"), "missing: serial, made"),
        (("--warranty", "compressor"), (), "warranty 'compressor' is malformed"),
        (("--warranty", "compressor=1e3"), (), "is malformed"),
        (("--warranty", "parts=12"), (), "'parts' is given twice"),
        (("--wifi-open", "--wifi-psk", "12345678"), (), "more than one of"),
        ((), (), "no Wi-Fi password is given"),
        (("--wifi-open", "--model", "KF-999"), (), "the image is for model KF-320, not KF-999"),
        (("--wifi-open", "--oem", "Other"), (), "of the keys folder"),
        (("--wifi-open", "--period", "soon"), (), "not a valid integer"),
    ],
)
def test_the_verb_refuses_in_two_lines(command, tmp_path, capsys, monkeypatch, extra, without, said):
    monkeypatch.delenv("NAMEPLATE_WIFI_PSK", raising=False)
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115
    assert command(*extra, without=without) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err.splitlines()[0]
    assert len(err.splitlines()) == 2
    assert snapshot(tmp_path) == {}


@pytest.mark.parametrize("way", ["option", "file", "environment", "unit file", "prompt"])
def test_a_wifi_password_reaches_the_unit_by_any_way_and_is_never_shown(
    command, tmp_path, capsys, monkeypatch, way
):
    psk = "kitchen-sesame-99"
    monkeypatch.delenv("NAMEPLATE_WIFI_PSK", raising=False)
    extra: tuple[str, ...] = ()
    if way == "option":
        extra = ("--wifi-psk", psk)
    elif way == "file":
        (tmp_path / "psk").write_text(psk + "\r\nsecond line")
        extra = ("--wifi-psk-file", str(tmp_path / "psk"))
    elif way == "environment":
        monkeypatch.setenv("NAMEPLATE_WIFI_PSK", psk)
    elif way == "unit file":
        monkeypatch.setenv("NAMEPLATE_WIFI_PSK", "not this one")
        extra = ("--unit", str(unit_file(tmp_path / "unit.json", {"wifi_psk": psk, "serial": "LOSES-1"})))
    else:
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("click.prompt", lambda text, **options: psk if options["hide_input"] else "")
    assert command(*extra, "--json") == 0
    out, err = capsys.readouterr()
    assert psk not in out + err
    assert json.loads(out)["serial"] == "4F7-220918"  # the option wins over the unit file
    assert f'"wifi_psk":"{psk}"'.encode() in (tmp_path / "unit.bin").read_bytes()
    for path in tmp_path.glob("registry.sqlite*"):
        assert psk.encode() not in path.read_bytes()
