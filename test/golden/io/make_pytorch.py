"""Makes pytorch.safetensors and pytorch.json: a network that PyTorch trained for three steps, as a model file.

Needs numpy and PyTorch (made with 1.13). Names and shapes are those of the `state_dict` of the network and of the state
that torch.optim.Adam keeps, so the file pins them. The writer is not ours: it keeps PyTorch's order, does not pad.
    python3 make_pytorch.py
"""
import json
import pathlib

import numpy as np
import torch

HERE = pathlib.Path(__file__).parent
SPEC = {
    "inputs": 3,
    "layers": [
        {"type": "dense", "units": 4},
        {"type": "activation", "activation": "tanh"},
        {"type": "dense", "units": 2, "bias": False},
    ],
    "loss": "softmaxCrossEntropy",
    "optimizer": {"type": "adam", "learningRate": 0.01, "amsgrad": True},
    "batchSize": 5,
}


def train():
    torch.manual_seed(1)
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2, bias=False))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01, amsgrad=True)
    x, y = torch.randn(5, 3), torch.tensor([0, 1, 1, 0, 1])
    for _ in range(3):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()
    tensors = {f"layers.{name}": value.detach().numpy() for name, value in network.state_dict().items()}
    for name, parameter in network.named_parameters():
        for state, value in optimizer.state[parameter].items():
            if state != "step":
                tensors[f"optimizer.{state}.layers.{name}"] = value.numpy()
    logits = network(x).detach().numpy()
    return tensors, {"x": x.numpy().ravel().tolist(), "logits": logits.astype(float).ravel().tolist()}


def write(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, value in tensors.items():
        raw = value.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def main():
    tensors, forward = train()
    counters = {"step": 3, "epoch": 3, "position": 0}
    write(
        HERE / "pytorch.safetensors",
        tensors,
        {"format": "downhill", "formatVersion": "1", "spec": json.dumps(SPEC), "counters": json.dumps(counters)},
    )
    values = {n: {"shape": list(v.shape), "values": v.astype(float).ravel().tolist()} for n, v in tensors.items()}
    (HERE / "pytorch.json").write_text(json.dumps({"tensors": values, **forward}, indent=1) + "\n")


if __name__ == "__main__":
    main()
