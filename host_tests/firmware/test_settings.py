"""Settings: checked, written only when they change, defaults when damaged, nothing lost that is not understood."""

import json

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from firmware import blob
from firmware.settings import Settings
from firmware.settings_records import LOOKED_UP as NAMES
from firmware.settings_records import check
from host_tests.firmware.fakes import Nvs

GOOD = {
    "wifi_ssid": "kitchen", "wifi_psk": "correct horse", "broker_url": "mqtt://127.0.0.1:1883", "period_s": 60,
    "consent": "full", "ack": "broker", "ntp": "time-a.example,time-b.example",
}  # fmt: skip


def store(values):
    return Nvs({"settings": blob.pack(json.dumps(values).encode())})


def values(settings):
    return {name: getattr(settings, name) for name in NAMES}


def test_what_is_stored_is_what_is_in_force():
    settings = Settings(store(GOOD))
    assert values(settings) == GOOD
    assert settings.damage is None


def test_flash_is_written_only_when_a_value_changes():
    nvs = store(GOOD)
    settings = Settings(nvs)
    assert settings.set("period_s", 60) is False
    assert settings.set("period_s", 30) is True
    assert settings.set("period_s", 30) is False
    assert (nvs.commits, settings.writes) == (1, 1)
    assert values(Settings(nvs)) == {**GOOD, "period_s": 30}


def test_a_record_of_the_first_release_has_no_time_servers_and_is_whole():
    settings = Settings(store({name: value for name, value in GOOD.items() if name != "ntp"}))
    assert settings.damage is None
    assert settings.ntp == "0.pool.ntp.org,1.pool.ntp.org"


def test_values_of_a_later_version_survive():
    nvs = store({**GOOD, "language": "de"})
    Settings(nvs).set("consent", "off")
    assert json.loads(blob.unpack(nvs.blobs["settings"])) == {**GOOD, "language": "de", "consent": "off"}


@pytest.mark.parametrize(
    ("record", "damage"),
    [
        (None, "missing"), (b"NP1\0\0\0\0{}", "bad checksum"), (blob.pack(b"[]"), "not a JSON object"),
        (blob.pack(b"{"), "ends too early"), (blob.pack(b"{}"), "wifi_ssid: missing"),
    ],
)  # fmt: skip
def test_damage_means_defaults_that_send_nothing(record, damage):
    settings = Settings(Nvs({} if record is None else {"settings": record}))
    assert settings.damage == damage
    assert (settings.consent, settings.broker_url, settings.period_s) == ("off", "", 60)


def test_one_bad_value_costs_only_itself_and_the_next_change_mends_the_record():
    nvs = store({**GOOD, "period_s": -5})
    settings = Settings(nvs)
    assert values(settings) == {**GOOD, "period_s": 60}
    assert settings.damage == "period_s: must be 1 to 86400 seconds"
    assert settings.set("consent", "minimum")
    assert settings.damage is None
    assert Settings(nvs).damage is None


def test_full_flash_leaves_the_old_value_in_force():
    nvs = store(GOOD)
    settings = Settings(nvs)
    nvs.full = True
    with pytest.raises(OSError):
        settings.set("consent", "off")
    assert settings.consent == "full"
    assert settings.writes == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("period_s", 0), ("period_s", 86401), ("period_s", True), ("period_s", "60"), ("period_s", 1.5),
        ("consent", "FULL"), ("consent", None), ("consent", []), ("ack", "nobody"),
        ("wifi_psk", "short"), ("wifi_psk", "x" * 65), ("wifi_psk", "pässwörd12"), ("wifi_psk", 12345678),
        ("wifi_ssid", "x" * 33), ("wifi_ssid", "ü" * 17), ("wifi_ssid", "a\nb"), ("wifi_ssid", None),
        ("broker_url", "http://x"), ("broker_url", "mqtt://"), ("broker_url", "mqtt://user:pw@host"),
        ("broker_url", "mqtt://host/path"), ("broker_url", "mqtt://host:0"), ("broker_url", "mqtt://host:65536"),
        ("broker_url", "mqtt://host:"), ("broker_url", "mqtt://host:1x"), ("broker_url", "mqtt://" + "x" * 130),
        ("broker_url", None), ("broker_url", "mqtt://ho st"), ("key", "x"), ("damage", "x"), ("_nvs", "x"),
        ("ack", "backend"), ("ack", "nobody"), ("ack", None),
        ("ntp", None), ("ntp", ""), ("ntp", "a.example"), ("ntp", "a.example,A.example"), ("ntp", "a.example,"),
        ("ntp", "a.example,b.example,c.example"), ("ntp", "a.example, b.example"), ("ntp", "a" * 64 + "," + "b" * 64),
    ],
)  # fmt: skip
def test_refused(name, value):
    nvs = store(GOOD)
    settings = Settings(nvs)
    with pytest.raises(ValueError):
        settings.set(name, value)
    assert values(settings) == GOOD
    assert nvs.commits == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("wifi_psk", None), ("wifi_psk", "x" * 64), ("wifi_ssid", "Küche"), ("wifi_ssid", ""),
     ("broker_url", "mqtts://broker.example.com"), ("broker_url", ""), ("period_s", 86400), ("ntp", "10.0.0.1,time.example")],
)  # fmt: skip
def test_taken(name, value):
    nvs = store(GOOD)
    Settings(nvs).set(name, value)
    assert getattr(Settings(nvs), name) == value


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=40), st.lists(st.integers(), max_size=2),
    st.sampled_from(["full", "off", "broker", "mqtt://h:1"]),
)  # fmt: skip


@hypothesis_settings(deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), anything))
def test_any_record_gives_settings_that_all_pass_their_check(stored):
    settings = Settings(store(stored))
    for name, value in values(settings).items():
        check(name, value)
        if name in stored and value != stored[name]:
            assert settings.damage


def test_on_the_device_interpreter(micropython):
    printed = micropython(f"""
from firmware.settings import Settings
from host_tests.firmware.fakes import Nvs
nvs = Nvs({store({**GOOD, "language": "de"}).blobs!r})
settings = Settings(nvs)
print(settings.damage, settings.wifi_ssid, settings.set("consent", "minimum"), settings.set("consent", "minimum"))
print(Settings(nvs).consent, nvs.commits, b"language" in nvs.blobs["settings"])
""")
    assert printed.splitlines() == ["None kitchen True False", "minimum 1 True"]
