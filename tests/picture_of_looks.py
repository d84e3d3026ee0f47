"""The picture of docs/evidence.md: `python -m tests.picture_of_looks docs/looks.svg`."""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np

from suite import looks
from suite.evidence.significance import ALPHA, ALPHA_BEYOND, t_test

LOOKS = looks(5, 10, 20)
MATTERS = 1.0
# The true effect of three claims, in points, and a seed at which they go as they mostly do.
CLAIMS = (
    ("a large effect", 3.0, 0),
    ("no effect", 0.0, 1),
    ("one as large as what matters", 1.0, 4),
)
GREY, BLUE, GREEN, ORANGE = "#8a8f98", "#1f5fa8", "#2e7d4f", "#b8860b"


def draw(axes: plt.Axes, title: str, effect: float, seed: int) -> None:
    """Draw a claim's intervals at its looks, until one decides it."""
    contrast = np.random.default_rng(seed).normal(effect, 1.0, LOOKS.counts[-1])
    axes.axhspan(-MATTERS, MATTERS, color="#eef1f5", zorder=0)
    axes.axhline(0.0, color=GREY, linewidth=0.8)
    least_beyond = least_small = 1.0
    for i, (count, weight) in enumerate(zip(LOOKS.counts, LOOKS.weights, strict=True)):
        test = t_test(contrast[:count], MATTERS, weight=weight)
        least_beyond = min(least_beyond, test.p_beyond)
        least_small = min(least_small, test.p_margin)
        verdict, colour = "open", GREY
        if least_beyond < ALPHA_BEYOND:
            verdict, colour = "supported", BLUE
        elif least_small < ALPHA:
            verdict, colour = "no meaningful effect", GREEN
        elif i == len(LOOKS.counts) - 1 and test.p < ALPHA:
            verdict, colour = "size open", ORANGE
        half = (test.high - test.low) / 2
        axes.errorbar(count + 0.4, test.estimate, half, color=colour, marker="o", capsize=4, lw=2)
        axes.annotate(
            verdict, (count + 0.4, test.high), (0, 4), textcoords="offset points", color=colour,
            ha="center", va="bottom", fontsize=8,
        )  # fmt: skip
        if verdict in ("supported", "no meaningful effect"):
            break
    # A decided claim gets no further seeds.
    axes.scatter(np.arange(1, count + 1), contrast[:count], s=8, color="#c5cad3", zorder=1)
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("seeds")
    axes.set_xticks(LOOKS.counts)
    axes.set_xlim(0, 23.5)
    axes.set_ylim(-2.0, 4.9)


def main(path: str) -> None:
    plt.rcParams.update({"svg.hashsalt": "looks", "font.size": 9, "axes.spines.top": False})
    plt.rcParams["axes.spines.right"] = False
    figure, panels = plt.subplots(1, 3, figsize=(9, 3.2), sharey=True, layout="constrained")
    for axes, claim in zip(panels, CLAIMS, strict=True):
        draw(axes, *claim)
    panels[0].set_ylabel("difference (points)")
    panels[0].annotate("too small to matter", (0.4, -0.9), fontsize=8, color=GREY)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main(sys.argv[1])
