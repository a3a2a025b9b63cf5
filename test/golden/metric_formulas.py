"""Metrics as scikit-learn defines them, written out plainly: by loops over rows and over pairs of rows.

Conventions: a quotient without a denominator is 0 (zero_division=0); labels are those that occur in targets or
predictions; of two classes and no named average the class 1 is meant; R² of targets that are all the same is 1 where
nothing is off, else 0; several outputs or targets count the same. Masked targets (NaN) are left out first, so are rows
of weight 0.
"""

import math

import numpy


def numbers(seed, count, levels, scale, shift=0.0):
    """The same in test/support/measured.ts: a hash of seed and place, reduced to so many levels."""
    h = (numpy.arange(1, count + 1, dtype=numpy.uint64) + numpy.uint64(seed * 1000003)) * numpy.uint64(0x9E3779B1)
    h &= numpy.uint64(0xFFFFFFFF)
    h ^= h >> numpy.uint64(15)
    h = (h * numpy.uint64(0x85EBCA77)) & numpy.uint64(0xFFFFFFFF)
    h ^= h >> numpy.uint64(13)
    return (h % numpy.uint64(levels)).astype(float) * scale + shift


def ratio(a, b):
    return a / b if b else 0.0


def scores_of(kind, truth, guess, weight, average, labels):
    """precision_score, recall_score and f1_score of labels, from rows that are of one or of another."""
    found = {c: sum(w for t, g, w in zip(truth, guess, weight) if t == c and g == c) for c in labels}
    taken = {c: sum(w for g, w in zip(guess, weight) if g == c) for c in labels}
    there = {c: sum(w for t, w in zip(truth, weight) if t == c) for c in labels}

    def one(f, t, a):
        if kind == "precision":
            return ratio(f, t)
        if kind == "recall":
            return ratio(f, a)
        return ratio(2 * f, t + a)

    if average == "micro":
        return one(sum(found.values()), sum(taken.values()), sum(there.values()))
    each = [(one(found[c], taken[c], there[c]), there[c]) for c in labels]
    if average == "weighted":
        return ratio(sum(value * support for value, support in each), sum(support for _, support in each))
    return ratio(sum(value for value, _ in each), len(each))


def area(score, yes, weight):
    """roc_auc_score: over all pairs of a yes and a no."""
    good, bad = [numpy.flatnonzero(yes), numpy.flatnonzero(~yes)]
    total = weight[good].sum() * weight[bad].sum()
    if total == 0:
        return math.nan
    won = 0.0
    for i in good:
        better = (score[i] > score[bad]) + 0.5 * (score[i] == score[bad])
        won += weight[i] * (weight[bad] * better).sum()
    return won / total


def mean_of(values):
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else None


KINDS = ("precision", "recall", "f1")
AVERAGES = ("macro", "micro", "weighted")


def key(kind, average):
    return kind + average.capitalize() if average else kind


def of_classes(z, truth, weight, ks, with_matrix):
    """Rows of one class each, by the scores of all classes."""
    kept = (weight > 0) & (truth >= 0)
    z, truth, weight = z[kept], truth[kept], weight[kept]
    rows, classes = z.shape
    order = [sorted(range(classes), key=lambda c: (-z[i, c], c)) for i in range(rows)]
    guess = numpy.array([own[0] for own in order])
    found = {}
    for k in ks:
        found[f"top{k}"] = sum(w for own, t, w in zip(order, truth, weight) if t in own[:k]) / weight.sum()
    labels = sorted({*truth.tolist(), *guess.tolist()})
    for kind in KINDS:
        found[kind] = scores_of(kind, truth, guess, weight, "macro", [1] if classes == 2 else labels)
        for average in AVERAGES:
            found[key(kind, average)] = scores_of(kind, truth, guess, weight, average, labels)
    if with_matrix:
        cells = lambda t, g: float(sum(w for a, b, w in zip(truth, guess, weight) if a == t and b == g))
        found["confusion"] = [[cells(t, g) for g in range(classes)] for t in range(classes)]
    logs = z - numpy.log(numpy.exp(z - z.max(1, keepdims=True)).sum(1, keepdims=True)) - z.max(1, keepdims=True)
    # Of two classes in the order of the difference, which is exact here.
    areas = [area(z[:, 1] - z[:, 0], truth == 1, weight)] if classes == 2 else [
        area(logs[:, c], truth == c, weight) for c in range(classes)
    ]
    found["auc"] = mean_of(areas)
    return found


def of_yes_and_no(z, y, weight, above):
    """Rows of several targets, each a yes or no."""
    targets = z.shape[1]
    each = []
    for j in range(targets):
        kept = (weight > 0) & ~numpy.isnan(y[:, j])
        each.append(((y[kept, j] > above), z[kept, j] > 0, z[kept, j], weight[kept]))
    found = {}
    if targets == 1:
        truth, guess, score, own = each[0]
        truth, guess = truth.astype(int), guess.astype(int)
        labels = sorted({*truth.tolist(), *guess.tolist()})
        for kind in KINDS:
            found[kind] = scores_of(kind, truth, guess, own, "macro", [1])
            for average in AVERAGES:
                found[key(kind, average)] = scores_of(kind, truth, guess, own, average, labels)
        found["confusion"] = [
            [float(own[(truth == t) & (guess == g)].sum()) for g in (0, 1)] for t in (0, 1)
        ]
    else:
        for kind in KINDS:
            for average in (None, *AVERAGES):
                found[key(kind, average)] = multilabel(kind, each, average or "macro")
    found["auc"] = mean_of([area(score, truth, own) for truth, _, score, own in each])
    return found


def multilabel(kind, each, average):
    counts = []
    for truth, guess, _, own in each:
        counts.append((own[truth & guess].sum(), own[guess].sum(), own[truth].sum()))

    def one(f, t, a):
        return {"precision": ratio(f, t), "recall": ratio(f, a), "f1": ratio(2 * f, t + a)}[kind]

    if average == "micro":
        return float(one(*[sum(column) for column in zip(*counts)]))
    if average == "weighted":
        return float(ratio(sum(a * one(f, t, a) for f, t, a in counts), sum(a for _, _, a in counts)))
    return float(sum(one(*own) for own in counts) / len(counts))


def of_numbers(prediction, y, weight):
    """Rows of several numbers: mean_absolute_error, root_mean_squared_error, r2_score, a uniform average over targets."""
    found = {"mae": [], "rmse": [], "r2": []}
    for j in range(y.shape[1]):
        kept = (weight > 0) & ~numpy.isnan(y[:, j])
        own, off, w = y[kept, j], prediction[kept, j] - y[kept, j], weight[kept]
        squared = (w * off * off).sum()
        found["mae"].append((w * abs(off)).sum() / w.sum())
        found["rmse"].append(math.sqrt(squared / w.sum()))
        if len(set(own.tolist())) == 1:
            found["r2"].append(1.0 if squared == 0 else 0.0)
        else:
            middle = (w * own).sum() / w.sum()
            found["r2"].append(1 - squared / (w * (own - middle) ** 2).sum())
    return {name: float(sum(values) / len(values)) for name, values in found.items()}
