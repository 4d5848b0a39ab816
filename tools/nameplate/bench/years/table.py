"""The figures of a run for machines, and its table for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nameplate.bench.figure import figure
from nameplate.bench.years import marks
from nameplate.bench.years.run import Result

_COVERAGE = (75.0, 85.0)


def figures(results: Sequence[Result]) -> Iterator[dict[str, Any]]:
    """One figure a line, as docs/bench.md has them; all simulated."""
    for result in results:
        name = result.model.folder
        if result.healthy:
            yield from _healthy(name, result)
        if result.minute:
            apart, _ = marks.differing(result.minute)
            what = f"{name} verdicts that differ between a sample a minute and one in five"
            yield figure(what, apart, "verdicts", simulated=True)
        for one in marks.detections(result.product, result.model):
            what = f"{name} {one.name}, {one.severity}"
            yield figure(
                f"{what}: found as {' or '.join(one.codes)}", one.rate * 100, "% of runs", simulated=True
            )
            for percent in (50, 90):
                delay = one.delay(percent)
                if delay is not None:
                    yield figure(f"{what}: delay, p{percent}", delay, "hours", simulated=True, digits=2)
        if result.product:
            wrong = sum(bool(marks.false_words(case, result.model)) for case in result.product)
            yield figure(f"{name} runs of product faults with a wrong code", wrong, "runs", simulated=True)
        if result.sensors:
            lines = marks.sensor_marks(result.sensors, result.model)
            health = {rule["sensor"] for rule in result.model.content["faults"] if rule["rule"] == "health"}
            for words, chosen in (
                ("sensors that are judged", [one for one in lines if one.sensor in health]),
                ("contacts alone", [one for one in lines if one.sensor not in health]),
            ):
                runs, told = sum(one.runs for one in chosen), sum(one.told for one in chosen)
                mistaken = sum(one.mistaken_runs for one in chosen)
                yield figure(f"{name} faults of {words}, runs", runs, "runs", simulated=True)
                yield figure(f"{name} faults of {words}, told as such", told, "runs", simulated=True)
                yield figure(
                    f"{name} faults of {words}, mistaken for the appliance's",
                    mistaken,
                    "runs",
                    simulated=True,
                )
    yield from _stated(results)


def _healthy(name: str, result: Result) -> Iterator[dict[str, Any]]:
    lived = marks.years(result.healthy)
    words = [word["code"] for case in result.healthy for word in marks.false_words(case, result.model)]
    product = [code for code in words if code not in result.model.sensor_codes]
    yield figure(f"{name} healthy life", lived, "appliance-years", simulated=True, digits=1)
    yield figure(f"{name} false product faults", len(product), "faults", 0, simulated=True)
    yield figure(
        f"{name} false product faults, 95 % bound",
        marks.rule_of_three(len(product), lived),
        "a year",
        simulated=True,
    )
    for code in sorted(set(product)):
        yield figure(f"{name} false {code}", product.count(code), "faults", simulated=True)
    sensor = len(words) - len(product)
    yield figure(f"{name} false sensor faults", sensor, "faults", 0, simulated=True)


def _stated(results: Sequence[Result]) -> Iterator[dict[str, Any]]:
    for result in results:
        for code in sorted({one.code for one in result.marks.forecasts}):
            mine = [one for one in result.marks.forecasts if one.code == code]
            held, judged = marks.coverage(mine)
            if judged:
                name = f"{result.model.folder} {code}: truth within the 80 % interval"
                yield figure(name, 100 * held / judged, "% of predictions", simulated=True, digits=1)
                yield figure(f"{name}, predictions", judged, "predictions", simulated=True)
    everything = [one for result in results for one in result.marks.stated]
    for of in sorted({one.of for one in everything}):
        mine_stated = [one for one in everything if one.of == of]
        score = marks.brier(mine_stated)
        if score is not None:
            yield figure(f"Brier score, {of}", score, "of 1", simulated=True)
            yield figure(
                f"Brier score, {of}: probabilities", len(mine_stated), "probabilities", simulated=True
            )


def lines(results: Sequence[Result]) -> Iterator[str]:
    """The same as a table in Markdown, so that docs can hold it as it was printed."""
    yield "SIMULATED: appliances, homes and sensors by numpy; sensors, rules and evidence are the device's own code."
    for result in results:
        yield ""
        yield f"### {result.model.content['model']} ({result.model.folder}), simulated"
        if result.healthy:
            yield from _healthy_lines(result)
        if result.minute:
            apart, both = marks.differing(result.minute)
            lived = marks.years(result.minute) / 2
            yield (
                f"Judged with a sample a minute and with one in five minutes, {lived:.1f} simulated years came to "
                f"{both} verdicts of both and {apart} of one alone."
            )
        if result.product:
            yield from _product_lines(result)
        if result.sensors:
            yield from _sensor_lines(result)
    yield from _probability_lines(results)


def _healthy_lines(result: Result) -> Iterator[str]:
    lived = marks.years(result.healthy)
    words = [word["code"] for case in result.healthy for word in marks.false_words(case, result.model)]
    product = [code for code in words if code not in result.model.sensor_codes]
    sensor = [code for code in words if code in result.model.sensor_codes]
    yield ""
    by_code = ", ".join(f"{code} {product.count(code)}" for code in sorted(set(product)))
    bound = marks.rule_of_three(len(product), lived)
    yield (
        f"Healthy: {lived:.1f} simulated appliance-years, false product faults: {len(product)}"
        + (f" ({by_code})" if by_code else "")
        + f"; with 95 % confidence fewer than {bound:.3f} a year"
        + (f" (seeing none in {lived:.0f} years proves only that: 3/{lived:.0f})" if not product else "")
        + f". False sensor faults: {len(sensor)}"
        + (
            f" ({', '.join(f'{code} {sensor.count(code)}' for code in sorted(set(sensor)))})."
            if sensor
            else "."
        )
    )


def _product_lines(result: Result) -> Iterator[str]:
    yield ""
    yield "| fault (simulated) | severity | code | found | hours, median | hours, 90 % | wrong codes |"
    yield "|---|---|---|---|---|---|---|"
    for one in marks.detections(result.product, result.model):
        wrong = ", ".join(f"{code} in {count}" for code, count in sorted(one.wrong.items()))
        yield (
            f"| {one.name} | {one.severity} | {', '.join(one.codes)} | {len(one.hours)} of {one.runs} "
            f"| {_hours(one.delay(50))} | {_hours(one.delay(90))} | {wrong} |"
        )


def _hours(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _sensor_lines(result: Result) -> Iterator[str]:
    yield ""
    yield "| sensor | what is done to it (simulated) | told as the sensor's: mild, typical, severe | mistaken for the appliance's |"
    yield "|---|---|---|---|"
    found: dict[tuple[str, str], list[marks.SensorMark]] = {}
    for one in marks.sensor_marks(result.sensors, result.model):
        found.setdefault((one.sensor, one.what), []).append(one)
    order = {spec["name"]: place for place, spec in enumerate(result.model.content["sensors"])}
    for (sensor, what), group in sorted(found.items(), key=lambda item: order[item[0][0]]):
        told = ", ".join(f"{one.told} of {one.runs}" for one in sorted(group, key=_severity))
        wrong = "; ".join(
            f"{one.severity}: "
            + ", ".join(f"{code} in {count}" for code, count in sorted(one.mistaken.items()))
            for one in sorted(group, key=_severity)
            if one.mistaken
        )
        yield f"| {sensor} | {what} | {told} | {wrong} |"


def _severity(mark: marks.SensorMark) -> int:
    return ("mild", "typical", "severe").index(mark.severity)


def _probability_lines(results: Sequence[Result]) -> Iterator[str]:
    forecasts = [(result, one) for result in results for one in result.marks.forecasts]
    if forecasts:
        yield ""
        yield "| predictions (simulated) | stated | truth known | within the 80 % interval |"
        yield "|---|---|---|---|"
        for result in results:
            for code in sorted({one.code for one in result.marks.forecasts}):
                mine = [one for one in result.marks.forecasts if one.code == code]
                for words, chosen in (
                    ("all", mine),
                    ("while the fault stood", [one for one in mine if one.active]),
                ):
                    held, judged = marks.coverage(chosen)
                    share = f"{100 * held / judged:.0f} %" if judged else ""
                    yield f"| {result.model.folder} {code}, {words} | {len(chosen)} | {judged} | {share} |"
    everything = [one for result in results for one in result.marks.stated]
    for of in sorted({one.of for one in everything}):
        chosen_stated = [one for one in everything if one.of == of]
        score = marks.brier(chosen_stated)
        yield ""
        yield f"Brier score, {of} (simulated): {score:.4f} of {len(chosen_stated)} stated probabilities"
        yield ""
        yield "| stated | how often | mean stated | came true |"
        yield "|---|---|---|---|"
        for percents, count, stated, came in marks.reliability(chosen_stated):
            yield f"| {percents} | {count} | {100 * stated:.1f} % | {100 * came:.1f} % |"


__all__ = ["figures", "lines"]
