"""Plain words for dotted paths, levels, arms and verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from suite.evidence import Verdict

PATHS: Mapping[str, str] = {
    "batch_size": "batch size",
    "budget.epochs": "epochs",
    "budget.evaluations": "evaluations",
    "budget.examples": "training examples seen",
    "budget.steps": "steps",
    "data.colours": "colours",
    "data.name": "data",
    "data.noise": "label noise",
    "data.random_labels": "random labels",
    "data.train_examples": "training examples",
    "data.validation_examples": "validation examples",
    "loss": "loss",
    "model.activation": "activation",
    "model.dropout": "dropout",
    "model.init": "initial weights",
    "model.name": "model",
    "model.norm": "normalisation",
    "model.pooling": "pooling",
    "model.widths": "hidden units",
    "optimizer.betas": "betas",
    "optimizer.eps": "epsilon",
    "optimizer.lr": "learning rate",
    "optimizer.max_norm": "norm limit",
    "optimizer.momentum": "momentum",
    "optimizer.name": "update rule",
    "optimizer.nesterov": "Nesterov momentum",
    "optimizer.weight_decay": "weight decay",
    "schedule.every": "epochs between drops",
    "schedule.factor": "factor of a drop",
    "schedule.name": "schedule",
    "shifts": "test shifts",
}

# Levels whose proper names have capitals.
NAMES: Mapping[str, str] = {
    "adam": "Adam",
    "adamw": "AdamW",
    "lenet": "LeNet",
    "mlp": "MLP",
    "relu": "ReLU",
    "sgd": "SGD",
}

# A glyph beside the word, so that a badge is told apart without its colour.
GLYPHS: Mapping[Verdict, str] = {
    Verdict.SUPPORTED: "✓",
    Verdict.REFUTED: "✕",
    Verdict.NO_EFFECT: "≈",
    Verdict.UNDECIDED: "?",
}


def axis_words(path: str) -> str:
    """Return what a person calls the field at a dotted path."""
    return PATHS.get(path, path.rsplit(".", 1)[-1].replace("_", " "))


def level_words(level: Any) -> str:
    """Return a level of an axis as it is written: 0.003, 64 × 64, yes, none."""
    if level is None:
        return "none given"
    if isinstance(level, bool):
        return "yes" if level else "no"
    if isinstance(level, tuple | list):
        joint = " + " if any(isinstance(item, str) for item in level) else " × "
        return joint.join(level_words(item) for item in level) or "none"
    if isinstance(level, float):
        return f"{level:g}"
    return NAMES.get(str(level), str(level).replace("_", " "))


def arm_words(levels: Mapping[str, Any]) -> str:
    """Return levels as words: `batch size 64, learning rate 0.1`."""
    return ", ".join(f"{axis_words(path)} {level_words(level)}" for path, level in levels.items())


def counted(count: int, noun: str) -> str:
    """Return a count with its noun in the right number: `1 seed`, `1,200 seeds`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def listed(items: Iterable[str]) -> str:
    """Return items as a list in a sentence: `a, b and c`."""
    *most, last = list(items) or [""]
    return f"{', '.join(most)} and {last}" if most else last


def sentence(text: str) -> str:
    """Return text with a capital at its start and a full stop at its end."""
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def slug(text: str) -> str:
    """Return text as a name for a class or an anchor."""
    return "-".join(text.lower().split())
