"""The cost of a signature, against an empty loop in the same run: a ratio, since machines differ."""

from nameplate.bench import signature


def test_figures_are_within_their_limits():
    # The best of three runs: a run beside other programs may find no quiet moment for one of the two.
    runs = []
    for _ in range(3):
        figures = {figure["metric"]: figure for figure in signature.measure()}
        runs.append(
            {name: figure["ratio"] for name, figure in figures.items() if figure["limit"] is not None}
        )
        if all(ratio <= 1 for ratio in runs[-1].values()):
            break
    assert set(runs[0]) == {
        "signature cost",
        "largest slice of a signature",
        "largest slice of a verification",
        "largest slice of a key's preparation",
        "verification cost",
        "comb table",
    }
    for name in runs[0]:
        assert min(run[name] for run in runs) <= 1, (name, runs)
    assert figures["signature cost"]["limit"] == 0.4
