"""Makes `curve_vectors.json` with scikit-learn: `python tests/support/curve_vectors.py`.

Needed only to make it anew; 1.9.1 made what is there.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import sklearn
from sklearn.metrics import confusion_matrix, precision_recall_curve, roc_curve

FILE = Path(__file__).with_suffix(".json")


def cases() -> list[dict[str, object]]:
    rng = np.random.default_rng(7)
    found: list[dict[str, object]] = []
    for samples, classes, digits in ((1, 1, 2), (7, 2, 1), (40, 3, 2), (300, 4, 3), (60, 2, 0)):
        true = rng.integers(0, classes, samples)
        scores = rng.dirichlet(np.ones(classes) * 2, samples)
        scores[np.arange(samples), true] += rng.random(samples) / 2
        scores = scores.round(digits)
        curves = []
        for at, one in enumerate(np.unique(true).tolist()):
            precision, recall, _ = precision_recall_curve(true, scores[:, at], pos_label=one)
            false_rate, true_rate, _ = roc_curve(true, scores[:, at], pos_label=one)
            curves.append(
                {
                    "class": one,
                    "precision": precision.tolist(),
                    "recall": recall.tolist(),
                    "fpr": [None if np.isnan(rate) else rate for rate in false_rate],
                    "tpr": true_rate.tolist(),
                }
            )
        counts = confusion_matrix(true, scores.argmax(axis=1), labels=range(classes))
        found.append(
            {
                "true": true.tolist(),
                "scores": scores.tolist(),
                "curves": curves,
                "confusion": counts.tolist(),
            }
        )
    return found


if __name__ == "__main__":
    made = {"scikit-learn": sklearn.__version__, "cases": cases()}
    FILE.write_text(json.dumps(made) + "\n")
