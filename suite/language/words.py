"""Plain words for dotted paths, levels, arms and verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from suite.evidence import Verdict
from suite.language.catalogue import ENGLISH, gettext, language, locale, ngettext
from suite.vocabulary.metrics import METRICS, chosen_axis

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
    "model.heads": "attention heads",
    "model.init": "initial weights",
    "model.layers": "layers",
    "model.name": "model",
    "model.norm": "normalisation",
    "model.pooling": "pooling",
    "model.positions": "positions",
    "model.widths": "hidden units",
    "optimizer": "update rule",
    "optimizer.betas": "betas",
    "optimizer.eps": "epsilon",
    "optimizer.lr": "learning rate",
    "optimizer.max_norm": "norm limit",
    "optimizer.momentum": "momentum",
    "optimizer.name": "update rule",
    "optimizer.nesterov": "Nesterov momentum",
    "optimizer.weight_decay": "weight decay",
    "schedule.warmup": "warm-up steps",
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
    "lstm": "LSTM",
    "mlp": "MLP",
    "relu": "ReLU",
    "sgd": "SGD",
}

# A glyph beside the word, so that a badge is told apart without its colour.
GLYPHS: Mapping[Verdict, str] = {
    Verdict.SUPPORTED: "✓",
    Verdict.REFUTED: "✕",
    Verdict.NO_EFFECT: "≈",
    Verdict.SIZE_OPEN: "±",
    Verdict.UNDECIDED: "?",
}


VERDICTS: Mapping[Verdict, Callable[[], str]] = {
    Verdict.SUPPORTED: lambda: gettext("supported"),
    Verdict.REFUTED: lambda: gettext("refuted"),
    Verdict.NO_EFFECT: lambda: gettext("no meaningful effect"),
    Verdict.SIZE_OPEN: lambda: gettext("size open"),
    Verdict.UNDECIDED: lambda: gettext("undecided"),
}
STATUSES: Mapping[str, Callable[[], str]] = {
    "finished": lambda: gettext("finished"),
    "diverged": lambda: gettext("diverged"),
    "failed": lambda: gettext("failed"),
}


def axis_words(path: str) -> str:
    """Return what a person calls the field at a dotted path."""
    return gettext(PATHS.get(path, path.rsplit(".", 1)[-1].replace("_", " ")))


def metric_words(name: str) -> str:
    """Return what a person calls a metric."""
    if axis := chosen_axis(name):
        return gettext("chosen {axis}").format(axis=axis_words(axis))
    return gettext(METRICS[name].words)


def status_words(status: str) -> str:
    """Return how a trial ended."""
    return STATUSES[status]()


def level_words(level: Any) -> str:
    """Return a level of an axis as it is written: 0.003, 64 × 64, yes, none."""
    if level is None:
        return gettext("none given")
    if isinstance(level, bool):
        return gettext("yes") if level else gettext("no")
    if isinstance(level, tuple | list):
        joint = " + " if any(isinstance(item, str) for item in level) else " × "
        return joint.join(level_words(item) for item in level) or gettext("none")
    if isinstance(level, float):
        return f"{level:g}"
    return gettext(NAMES.get(str(level), str(level).replace("_", " ")))


def arm_words(levels: Mapping[str, Any]) -> str:
    """Return levels as words: `batch size 64, learning rate 0.1`."""
    return comma(f"{axis_words(path)} {level_words(level)}" for path, level in levels.items())


def comma(items: Iterable[str]) -> str:
    """Return items with commas between them."""
    return ("，" if language() == "zh" else ", ").join(items)


def clauses(items: Iterable[str]) -> str:
    """Return items with semicolons between them."""
    return ("；" if language() == "zh" else "; ").join(items)


def trials_words(count: int) -> str:
    """Return how many trials: `1 trial`, `1,200 trials`."""
    return ngettext("{n} trial", "{n} trials", count).format(n=f"{count:,}")


def seeds_words(count: int) -> str:
    """Return how many seeds: `1 seed`, `20 seeds`."""
    return ngettext("{n} seed", "{n} seeds", count).format(n=f"{count:,}")


def claims_words(count: int) -> str:
    """Return how many claims: `1 claim`, `20 claims`."""
    return ngettext("{n} claim", "{n} claims", count).format(n=f"{count:,}")


def listed(items: Iterable[str]) -> str:
    """Return items as a list in a sentence: `a, b and c`."""
    many = list(items)
    if len(many) < 2:
        return "".join(many)
    from babel.lists import format_list

    return format_list(many, locale=locale())


def sentence(text: str) -> str:
    """Return text with a capital at its start and a full stop at its end."""
    text = text.strip()
    if not text:
        return ""
    stop = "" if text[-1] in ".!?。！？" else "." if language() == ENGLISH else "。"
    return text[0].upper() + text[1:] + stop


def sentences(parts: Iterable[str]) -> str:
    """Return parts as sentences, one after the other."""
    return (" " if language() == ENGLISH else "").join(sentence(part) for part in parts if part)


def slug(text: str) -> str:
    """Return text as a name for a class or an anchor."""
    return "-".join(text.lower().split())
