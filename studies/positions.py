"""Attention and positions.

Question    Is attention a bag, unless it is told positions?
Sources     Vaswani et al., "Attention Is All You Need", NeurIPS 2017 (arXiv 1706.03762): positions
            are added, for nothing else tells the order. Haviv et al., "Transformer Language Models
            without Positional Encodings Still Learn Positional Information", Findings of EMNLP 2022
            (arXiv 2203.16634): where each position sees only those before it, their number tells.
Method      A causal transformer of two layers of 32 units copies six symbols, which asks for
            nothing but their order, or sorts them, which asks for anything but that, with a learned
            vector for each position or without. One of one layer tells the next letter of surnames,
            with and without. Adam's rate, which falls as a cosine, is tuned for each arm and seed by
            validation loss, among three. That attention is a bag without positions and mask is
            algebra: a probe gives an untrained layer the same inputs in two orders, in float64.
Equal       150 steps (surnames 200) of 16 sequences, three rates for each arm.
Matters     Five points of accuracy in tasks that can be solved; 0.1 bits a letter (7 % of
            perplexity) where networks without positions are said to be competitive.
Refuted if  copying loses no more than sorting; sorting loses five points; another order of the
            inputs changes more than the order of the outputs; surnames take 0.1 bits more.
Pilots      On validation, up to two seeds, with rates from 0.002 to 0.03: 0.01 was best. How arms
            differed was seen there, and no claim was dropped or added for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suite import (
    Budget,
    Data,
    Equivalence,
    Identity,
    Interaction,
    Model,
    Optimizer,
    Part,
    Recipe,
    Schedule,
    Study,
    axis,
    define_metric,
    lines,
    looks,
    shared,
)
from suite.seeds import stream

MOVED = define_metric("permuted/change", "largest change of an output but for the order")


def permuted(cell: Mapping[str, Any], seed: int) -> dict[str, float]:
    """Return by how much an untrained layer's outputs change, but for their order, with its inputs'."""
    import torch

    torch.manual_seed(stream(seed, "init"))
    layer = torch.nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True).double()
    inputs, order = torch.randn(4, 8, 16, dtype=torch.float64), torch.randperm(8)
    mask = torch.ones(8, 8, dtype=torch.bool).triu(1) if cell["sees"] == "before" else None
    with torch.no_grad():
        outputs, moved = (layer(one, src_mask=mask) for one in (inputs, inputs[:, order]))
    return {MOVED: float((outputs[:, order] - moved).abs().max())}


NONE, LEARNED = {"model.positions": "none"}, {"model.positions": "learned"}
SORTING, COPYING = {"data.name": "sorting"}, {"data.name": "copying"}
SURNAMES = Data("surnames", train_examples=3000, validation_examples=500)
POSITIONS = axis("model.positions", ("none", "learned"))
RATES = axis("optimizer.lr", (0.003, 0.01, 0.03))
rule = shared(source="Without positions attention is a bag")
trained = rule.also(of="test/accuracy", matters=0.05, cites="Vaswani et al. 2017")

study = Study(
    title="Attention and positions",
    question="Is attention a bag, unless it is told positions?",
    notebook="folklore",
    recipe=Recipe(
        data=Data("sorting", length=6, symbols=6, train_examples=2000, validation_examples=300),
        model=Model("transformer", layers=2, width=32, heads=2),
        optimizer=Optimizer("adam"),
        schedule=Schedule("cosine"),
        batch_size=16,
        budget=Budget(epochs=None, steps=150, evaluations=1),
    ),
    grid=(axis("data.name", ("sorting", "copying")), POSITIONS, RATES),
    seeds=looks(5, 10, 20),
    select="validation/loss",
    contexts={
        "one_layer": {"model.layers": 1, "seeds": looks(4, 8)},
        "few_examples": {"data.train_examples": 500, "seeds": looks(4, 8)},
    },
    parts=(
        Part("permuted", probe=permuted, grid=(axis("sees", ("all", "before")),), seeds=5),
        Part(
            "surnames",
            changes={"data": SURNAMES, "model.layers": 1, "budget.steps": 200},
            grid=(POSITIONS, RATES),
            seeds=looks(5, 10),
        ),
    ),
    claims=(
        trained(
            Interaction,
            arm=NONE,
            against=LEARNED,
            within=COPYING,
            without=SORTING,
            direction="lower",
            contexts=("one_layer", "few_examples"),
        ).says(
            "Without positions a transformer loses more accuracy in copying, where order is all, "
            "than in sorting, where that of the symbols does not matter.",
            because="Attention is a weighted mean, and a mean does not know in which order it was "
            "taken. What is to be sorted is a bag; what is to be copied is not.",
        ),
        trained(Equivalence, arm=SORTING | NONE, against=SORTING | LEARNED).says(
            "Sorting needs no positions.",
            because="How often each symbol is there, and which are written already, is all that one "
            "has to know. But to tell what is asked from what is written takes the mark in between.",
        ),
        rule(
            Identity,
            part="permuted",
            of=MOVED,
            arm={"sees": "all"},
            tolerance=1e-12,
            cites="Vaswani et al. 2017",
        ).says(
            "Where every position sees all others, inputs in another order give the same outputs in "
            "that order.",
            because="Each output is a sum over all positions of what depends on two of them and not "
            "on where they stand. A sum does not change with the order of what is added.",
        ),
        rule(
            Equivalence,
            part="surnames",
            of="test/bits_per_symbol",
            arm=NONE,
            against=LEARNED,
            matters=0.1,
            cites="Haviv et al. 2022",
        ).says(
            "Where every position sees those before it only, the next letter of a surname is told "
            "as well without positions.",
            because="All names begin with the same mark. In a mean over n positions it has a share "
            "of 1/n, and so a network can tell how many there are.",
        ),
    ),
    views=(
        lines("test/accuracy", over="data.name", colour="model.positions", tuned=True).captioned(
            "What is lost without positions, in either task?"
        ),
        lines(MOVED, over="sees", part="permuted").captioned(
            "How far outputs move, but for their order, when inputs change places."
        ),
        lines(
            "test/bits_per_symbol", over="optimizer.lr", colour="model.positions", part="surnames"
        ).captioned("Surnames: how far apart are the lowest points of the two lines?"),
    ),
    tiers={
        "smoke": {
            "seeds": 1,
            "permuted.seeds": 1,
            "budget.steps": 10,
            "surnames.budget.steps": 10,
            "data.train_examples": 200,
            "optimizer.lr": (0.003, 0.01),
        },
        "full": {"data.length": 12, "model.width": 64, "budget.steps": 2000},
    },
)
