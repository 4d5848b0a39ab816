"""What the score is judged with: rankings by known answers, and series that can be made again."""

import math
import random

from nameplate.bench.baselines import BASELINES, smoothed
from nameplate.bench.ranking import best_f1, pr_auc, roc_auc
from nameplate.bench.score import device_scores
from nameplate.bench.series import make


def test_rankings_of_known_cases():
    labels = [False, False, True, True]
    assert (roc_auc([1, 2, 3, 4], labels), pr_auc([1, 2, 3, 4], labels), best_f1([1, 2, 3, 4], labels)) == (
        1,
        1,
        1,
    )
    assert roc_auc([4, 3, 2, 1], labels) == 0
    assert (roc_auc([7] * 4, labels), pr_auc([7] * 4, labels)) == (0.5, 0.5)
    assert roc_auc([1, 3, 2, 4], labels) == 0.75
    assert math.isnan(roc_auc([1, 2], [False, False])) and math.isnan(pr_auc([1, 2], [False, False]))


def test_the_area_is_the_share_of_pairs_in_order():
    rng = random.Random(3)
    scores = [rng.randint(0, 9) for _ in range(200)]
    labels = [rng.random() < 0.2 + score / 20 for score in scores]
    marked = [s for s, label in zip(scores, labels, strict=True) if label]
    others = [s for s, label in zip(scores, labels, strict=True) if not label]
    pairs = sum((a > b) + (a == b) / 2 for a in marked for b in others) / len(marked) / len(others)
    assert abs(roc_auc(scores, labels) - pairs) < 1e-9


def test_a_series_follows_from_its_number_and_is_marked():
    one, again, other = make(3), make(3), make(4)
    assert one == again != other
    assert len(one.at) == len(one.values) == len(one.labels)
    assert 0 < sum(one.labels) < len(one.labels) / 2
    assert all(a < b for a, b in zip(one.at, one.at[1:], strict=False))


def test_the_device_ranks_a_few_series_better_than_each_simple_detector():
    files = [make(number) for number in (1003, 1005, 1007)]
    means = {"device": sum(roc_auc(device_scores(file), file.labels) for file in files) / 3}
    for name, baseline in BASELINES.items():
        means[name] = sum(roc_auc(smoothed(baseline(map(float, f.values))), f.labels) for f in files) / 3
    assert max(means, key=means.get) == "device", means
    assert means["device"] > 0.7
