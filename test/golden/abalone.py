#!/usr/bin/env python3
"""Writes abalone.json: the test error that PyTorch reaches on the rings of abalone, and on which rows.

Run `python3 test/golden/abalone.py PATH/abalone.csv` after a change here, in src/data/split.ts, src/data/folds.ts or
src/math/random.ts, and commit the file. The rows held out are those that src/data chooses (esbuild and Node run it), so
that both sides train and test on the same ones: a fifth, with the sex one-hot, and in turn each of five folds, with the
sex through an embedding.
"""

import csv
import json
import pathlib
import statistics
import subprocess
import sys

import torch

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
DATA_SEED = 0
HOLDOUT = 0.2
EPOCHS = 40
SEEDS = [1, 2, 3, 4, 5]
FOLDS = 5
FOLD_SEEDS = [1, 2, 3]
EMBEDDING = {"type": "embedding", "columns": [{"column": 0, "categories": 3, "dimension": 2}]}
START = {"weightInitializer": "torchUniform", "biasInitializer": "torchUniform"}
SPEC = {
    "layers": [
        {"type": "dense", "units": 32, "activation": "relu", **START},
        {"type": "dense", "units": 1, **START},
    ],
    "loss": "meanSquaredError",
    "optimizer": {"type": "adam", "learningRate": 0.005},
    "batchSize": 64,
}


def test_rows(count):
    """The rows that the CLI holds out with `--split random --holdout 0.2 --data-seed 0`."""
    return rows_of("split", f"split({count}, {{ holdout: {HOLDOUT}, by: 'random', seed: {DATA_SEED} }}).test")


def fold_of_rows(count):
    """The fold that holds out each row with `--folds 5 --data-seed 0`."""
    return rows_of("folds", f"dealFolds({count}, {{ folds: {FOLDS}, seed: {DATA_SEED} }})")


def rows_of(file, call):
    name = call.split("(")[0]
    source = f"import {{ {name} }} from './src/data/{file}.ts'; console.log(JSON.stringify([...{call}]));"
    bundle = ["node_modules/.bin/esbuild", "--bundle", "--format=esm", "--log-level=error"]
    script = subprocess.run(bundle, input=source, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    node = ["node", "--input-type=module", "-"]
    return json.loads(subprocess.run(node, input=script, capture_output=True, text=True, check=True).stdout)


def inputs(rows, train):
    """Numbers standardised, the sex one-hot in sorted order, by the training rows alone."""
    columns = []
    for field in zip(*[row[:-1] for row in rows]):
        if all(value.replace(".", "").isdigit() for value in field):
            numbers = torch.tensor([float(value) for value in field], dtype=torch.float64)
            mean, deviation = numbers[train].mean(), numbers[train].std(unbiased=False)
            columns.append((numbers - mean) / deviation)
        else:
            for category in sorted({field[row] for row in train.tolist()}):
                columns.append(torch.tensor([float(value == category) for value in field], dtype=torch.float64))
    return torch.stack(columns, 1).float()


class Embedded(torch.nn.Module):
    """The first three inputs are the sex one-hot: its vector stands in their place."""

    def __init__(self):
        super().__init__()
        (column,) = EMBEDDING["columns"]
        self.table = torch.nn.Embedding(column["categories"], column["dimension"])

    def forward(self, x):
        return torch.cat([self.table(x[:, :3].argmax(1)), x[:, 3:]], 1)


def mean_squared_error(x, y, train, test, seed, embedded=False):
    torch.manual_seed(seed)
    hidden = SPEC["layers"][0]["units"]
    width = x.shape[1] - 1 if embedded else x.shape[1]
    first = [Embedded()] if embedded else []
    model = torch.nn.Sequential(*first, torch.nn.Linear(width, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=SPEC["optimizer"]["learningRate"])
    loss = torch.nn.MSELoss()
    for _ in range(EPOCHS):
        for rows in train[torch.randperm(len(train))].split(SPEC["batchSize"]):
            optimizer.zero_grad()
            loss(model(x[rows]), y[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        return loss(model(x[test]), y[test]).item()


def over_folds(rows, y, folds):
    """Mean squared errors, seed by seed those of all folds."""
    fold = torch.tensor(folds)
    errors = [[] for _ in FOLD_SEEDS]
    for own in range(FOLDS):
        train, test = (fold != own).nonzero().squeeze(1), (fold == own).nonzero().squeeze(1)
        x = inputs(rows, train)
        for seed, of_seed in zip(FOLD_SEEDS, errors):
            of_seed.append(mean_squared_error(x, y, train, test, seed, embedded=True))
    return errors


def main(path):
    with open(path, newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    held_out = test_rows(len(rows))
    test = torch.tensor(held_out)
    train = torch.tensor(sorted(set(range(len(rows))) - set(held_out)))
    x, y = inputs(rows, train), torch.tensor([[float(row[-1])] for row in rows])
    errors = [mean_squared_error(x, y, train, test, seed) for seed in SEEDS]
    recipe = {"spec": SPEC, "epochs": EPOCHS, "holdout": HOLDOUT, "dataSeed": DATA_SEED, "seeds": SEEDS}
    result = {"meanSquaredErrors": errors, "median": statistics.median(errors)}
    folds = fold_of_rows(len(rows))
    by_fold = over_folds(rows, y, folds)
    means = [statistics.mean(of_seed) for of_seed in by_fold]
    embedded = {"folds": FOLDS, "embedding": EMBEDDING, "seeds": FOLD_SEEDS, "meanSquaredErrors": by_fold}
    embedded |= {"median": statistics.median(means), "foldOfRows": "".join(map(str, folds))}
    content = {"torch": torch.__version__, "recipe": recipe, **result, "testRows": held_out, "crossValidation": embedded}
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in content.items()]
    (HERE / "abalone.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(result, means)


if __name__ == "__main__":
    main(sys.argv[1])
