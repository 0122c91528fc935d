"""The training job of the examples: handwritten digits, a two-layer network, numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

if TYPE_CHECKING:
    from collections.abc import Iterator

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Data:
    """Images are float64[n, 64] in 0..1, labels int64[n]."""

    train_x: Array
    train_y: NDArray[np.int64]
    val_x: Array
    val_y: NDArray[np.int64]


def load(seed: int = 0) -> Data:
    """Scikit-learn's digits (shipped with it), split 80/20."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))
    images, labels = images[order] / 16.0, labels[order]
    cut = len(images) * 4 // 5
    return Data(images[:cut], labels[:cut], images[cut:], labels[cut:])


class Classifier:
    """64 inputs, one hidden layer of tanh units, softmax over ten digits; SGD with momentum."""

    def __init__(self, *, hidden: int, lr: float, momentum: float, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.lr, self.momentum = lr, momentum
        self._weights: list[Array] = [
            self._rng.normal(0, 0.125, (64, hidden)),
            np.zeros(hidden),
            self._rng.normal(0, hidden**-0.5, (hidden, 10)),
            np.zeros(10),
        ]
        self._velocity: list[Array] = [np.zeros_like(w) for w in self._weights]

    def _forward(self, x: Array) -> tuple[Array, Array]:
        w1, b1, w2, b2 = self._weights
        hidden = np.tanh(x @ w1 + b1)
        logits = hidden @ w2 + b2
        logits -= logits.max(axis=1, keepdims=True)
        odds = np.exp(logits)
        return hidden, odds / odds.sum(axis=1, keepdims=True)

    def train_batch(self, x: Array, y: NDArray[np.int64]) -> dict[str, float]:
        """One step of gradient descent; returns the batch's loss, accuracy and gradient norm."""
        hidden, p = self._forward(x)
        rows = np.arange(len(y))
        loss = -float(np.log(p[rows, y] + 1e-12).mean())
        accuracy = float((p.argmax(axis=1) == y).mean())
        p[rows, y] -= 1.0
        p /= len(y)
        back = (p @ self._weights[2].T) * (1.0 - hidden**2)
        gradients = [x.T @ back, back.sum(axis=0), hidden.T @ p, p.sum(axis=0)]
        for weight, velocity, gradient in zip(
            self._weights, self._velocity, gradients, strict=True
        ):
            velocity *= self.momentum
            velocity -= self.lr * gradient
            weight += velocity
        norm = float(np.sqrt(sum(float((g**2).sum()) for g in gradients)))
        return {"train/loss": loss, "train/accuracy": accuracy, "train/grad_norm": norm}

    def evaluate(self, x: Array, y: NDArray[np.int64]) -> dict[str, float]:
        """Loss and accuracy on held-out data."""
        _, p = self._forward(x)
        loss = -float(np.log(p[np.arange(len(y)), y] + 1e-12).mean())
        return {"val/loss": loss, "val/accuracy": float((p.argmax(axis=1) == y).mean())}

    def batches(self, data: Data, size: int) -> Iterator[tuple[Array, NDArray[np.int64]]]:
        """One epoch of shuffled mini-batches."""
        order = self._rng.permutation(len(data.train_x))
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            yield data.train_x[chosen], data.train_y[chosen]
