"""docs/sensors.md gives uncertainties: they are those that a device computes, for the models as they are shipped."""

from pathlib import Path

from firmware.sensors import uncertainty
from nameplate.factory import device_model, profile, thermistor

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/sensors.md").read_text()
CHIPS = ("esp32", "esp32c3", "esp32s3")
AT_C = (-30, -18, 0, 5, 25, 45, 60, 75)


def rows():
    for folder in profile.models(ROOT):
        checked = profile.load(ROOT, folder)
        for spec in device_model.profile(checked)["sensors"]:
            if spec["kind"] == "ntc":
                yield from _rows(checked.model, spec, thermistor.load(ROOT, spec["part"]))


def _rows(model, spec, part):
    pull_up, supply = spec["pull_up_ohm"], spec["supply_uv"]
    for celsius in AT_C:
        if not spec["min_milli"] <= celsius * 1000 <= spec["max_milli"]:
            continue
        ohm = part.ohm(celsius)
        uv = round(supply * ohm / (pull_up + ohm))
        told = [uncertainty.milli(spec, chip, uv, celsius * 1000) for chip in CHIPS]
        cells = [f"{found / 1000:.1f}" if found is not None else "not known" for found in told]
        slope = sum(
            abs(supply * part.ohm(c) / (pull_up + part.ohm(c)) - uv) for c in (celsius - 0.5, celsius + 0.5)
        )
        more = abs(supply * ohm / (pull_up * 1.01 + ohm) - uv) / slope
        yield (
            f"| {model} `{spec['name']}`, {pull_up / 1000:g} kohm | {celsius} | {uv // 1000} | "
            + " | ".join(cells)
            + f" | {more:.1f} | {uv / 100 / slope:.1f} |"
        )


def test_the_table_is_what_a_device_computes():
    table = list(rows())
    missing = [row for row in table if row not in TEXT]
    assert not missing, "docs/sensors.md lacks:\n" + "\n".join(missing)
    stated = [line for line in TEXT.splitlines() if line.count("|") == 9 and "kohm" in line]
    assert stated == table, "docs/sensors.md should have just these:\n" + "\n".join(table)


def test_every_part_is_named():
    for name in thermistor.parts(ROOT):
        assert f"`{name}`" in TEXT
