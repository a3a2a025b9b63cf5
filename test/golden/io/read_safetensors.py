"""Prints a safetensors file of f32 tensors as JSON: { metadata, tensors: { name: { shape, values } } }.

Needs numpy. Makes written.json, the values that a reader other than ours finds in the file that encodeModel wrote:
    python3 read_safetensors.py written.safetensors > written.json
"""
import json
import sys

import numpy as np


def read(path):
    raw = open(path, "rb").read()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        assert entry["dtype"] == "F32", entry
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        values = np.frombuffer(raw[begin:end], "<f4").reshape(entry["shape"])
        tensors[name] = {"shape": list(values.shape), "values": values.ravel().astype(float).tolist()}
    assert (8 + size) % 8 == 0 and raw[8 + size - 1 : 8 + size] in (b"}", b" ")
    return {"metadata": metadata, "tensors": tensors}


if __name__ == "__main__":
    print(json.dumps(read(sys.argv[1]), indent=1))
