#!/usr/bin/env python3
"""Embeddings against an independent forward pass in float64: check.py FOLDER IDS FILE.npy LEAST

Prints the least cosine similarity of a sentence's two embeddings; fails when it is below LEAST.
Needs numpy.
"""

import json
import math
import struct
import sys
from pathlib import Path

import numpy as np


def read_tensors(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    for name, entry in header.items():
        if entry.get("dtype") == "F32":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            yield name, np.frombuffer(data[begin:end], "<f4").reshape(entry["shape"]).astype(float)


class Model:
    def __init__(self, folder):
        self.config = json.loads((folder / "config.json").read_text())
        self.tensors = dict(read_tensors(folder / "model.safetensors"))

    def linear(self, name, x):
        return x @ self.tensors[name + ".weight"].T + self.tensors[name + ".bias"]

    def norm(self, name, x):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + self.config["layer_norm_eps"])
        return scaled * self.tensors[name + ".weight"] + self.tensors[name + ".bias"]

    def attention(self, name, x):
        heads = self.config["num_attention_heads"]
        q, k, v = (
            self.linear(f"{name}.self.{part}", x).reshape(len(x), heads, -1).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        scores = q @ k.swapaxes(1, 2) / math.sqrt(q.shape[2])
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        return self.linear(f"{name}.output.dense", (weights @ v).swapaxes(0, 1).reshape(x.shape))

    def embed(self, ids):
        place = "embeddings.position_embeddings.weight"
        x = self.tensors["embeddings.word_embeddings.weight"][ids]
        x = x + self.tensors[place][: len(ids)] + self.tensors["embeddings.token_type_embeddings.weight"][0]
        x = self.norm("embeddings.LayerNorm", x)
        for index in range(self.config["num_hidden_layers"]):
            name = f"encoder.layer.{index}"
            x = self.norm(f"{name}.attention.output.LayerNorm", x + self.attention(f"{name}.attention", x))
            inner = self.linear(f"{name}.intermediate.dense", x)
            inner *= 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
            x = self.norm(f"{name}.output.LayerNorm", x + self.linear(f"{name}.output.dense", inner))
        mean = x.mean(0)
        return mean / np.linalg.norm(mean)


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    folder, ids, embeddings, least = Path(sys.argv[1]), Path(sys.argv[2]), np.load(sys.argv[3]), float(sys.argv[4])
    model = Model(folder)
    wanted = np.array([model.embed([int(i) for i in line.split()]) for line in ids.read_text().splitlines()])
    lengths = np.linalg.norm(embeddings.astype(float), axis=1)
    cosines = (wanted * embeddings).sum(1) / lengths
    print(f"float64: least cosine 1 - {1 - cosines.min():.2g}, largest difference {abs(wanted - embeddings).max():.2g}")
    if not (cosines.min() >= least and abs(lengths - 1).max() < 1e-6):
        sys.exit(f"check.py: below {least}, or not of length 1")


if __name__ == "__main__":
    main()
