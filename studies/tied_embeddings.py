"""Tied embeddings.

Question    Does it cost anything to tell the next symbol by the vectors that symbols have as inputs?
Source      Press and Wolf, "Using the Output Embedding to Improve Language Models", EACL 2017
            (arXiv 1608.05859): one table for inputs and outputs makes models smaller without harm
            to them, and lowers the perplexity of language models.
Method      A causal transformer of one layer of 32 units tells the next letter of 3,000 surnames,
            with a table of vectors for inputs and one for outputs, or one for both (tied). Adam's
            rate, which falls as a cosine, is tuned for each arm and seed by validation loss, among
            three.
Equal       200 steps of 16 names, three rates, equal initial weights but for the second table, and
            a bias for each output in both arms.
Contexts    Few examples, and pieces of two letters: of these there are hundreds, most of them rare,
            so that two tables are most of all weights.
Matters     0.03 bits a piece, which is 2 % of perplexity, either way.
Refuted if  one table takes 0.03 bits more than two, or less; for the second claim, more.
Pilots      On validation, two seeds, with rates from 0.002 to 0.05: 0.015 was best in both arms. What
            they reached was seen there, and is no reason for either claim: both are the source's.
Revised     A first run took the built-in network, which has no bias at its outputs where tables are
            tied, and so tested two things at once; one table took 0.11 bits more. Only the network
            is another now.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from suite import (
    Budget,
    Difference,
    Equivalence,
    Model,
    Optimizer,
    Recipe,
    Schedule,
    Study,
    axis,
    curves,
    lines,
    looks,
    model,
    number,
    shared,
    source,
)


@source(test=1000, validation=500)  # type: ignore[untyped-decorator]
def surnames_in_pieces(*, letters: int = number(1, low=1, high=4)) -> Any:
    """6,000 surnames in pieces of so many letters; the next piece, or the end, is asked for."""
    import names
    import numpy as np

    from suite.data import sequences

    listed = Path(names.__file__).with_name("dist.all.last").read_text().splitlines()
    drawn = np.random.default_rng(0).choice(len(listed) - 1, 6000, replace=False)
    surnames = [listed[place].split()[0].lower() for place in drawn]
    return sequences(
        [[one[i : i + letters] for i in range(0, len(one), letters)] for one in surnames]
    )


@model
def next_piece(
    shape: Any,
    outputs: int,
    *,
    symbols: int,
    layers: int = number(1, low=1),
    width: int = number(32, low=2),
    tied: bool = False,
) -> Any:
    """The built-in transformer, tied or not, with a bias at its outputs either way."""
    built_in = Model("transformer", layers=layers, width=width, heads=2)
    network = built_in.function()(shape, outputs, symbols=symbols, **built_in.arguments())
    if tied:
        network.head.weight = network.embedding.weight
    return network


rule = shared(
    of="test/bits_per_symbol",
    arm={"model.tied": True},
    against={"model.tied": False},
    matters=0.03,
    source="Tying the embeddings costs nothing",
    cites="Press & Wolf 2017",
)

study = Study(
    title="Tied embeddings",
    question="Does one table of embeddings do as well as two?",
    notebook="folklore",
    recipe=Recipe(
        data=surnames_in_pieces(train_examples=3000),
        model=next_piece(),
        optimizer=Optimizer("adam"),
        schedule=Schedule("cosine"),
        batch_size=16,
        budget=Budget(epochs=None, steps=200, evaluations=4),
    ),
    grid=(axis("model.tied", (False, True)), axis("optimizer.lr", (0.005, 0.015, 0.05))),
    seeds=looks(5, 10, 20),
    revised=("main",),
    select="validation/loss",
    contexts={
        "few_examples": {"data.train_examples": 500, "seeds": looks(5, 10)},
        "pairs_of_letters": {"data.letters": 2, "seeds": looks(5, 10)},
    },
    claims=(
        rule(Equivalence, contexts=("few_examples", "pairs_of_letters")).says(
            "One table of embeddings for inputs and outputs tells the next letter as well as two.",
            because="The vector that says what follows a letter need not be the one that says what "
            "the letter follows, but between the two lies a network that can turn one into the "
            "other. How well it can depends on its depth and on how long it is trained.",
        ),
        rule(Difference, direction="lower").says(
            "One table tells the next letter better than two.",
            because="As an input a row learns only where its letter stands, as an output at every "
            "position: with one table, what is rare as an input learns more often.",
        ),
    ),
    views=(
        lines("test/bits_per_symbol", over="optimizer.lr", colour="model.tied").captioned(
            "Bits a letter over the rate: how far apart are the lowest points?"
        ),
        curves("validation/bits_per_symbol", colour="model.tied", tuned=True).captioned(
            "Validation over the steps, each at its rate: does the distance grow or shrink?"
        ),
    ),
    tiers={
        "smoke": {"seeds": 1, "budget.steps": 10, "budget.evaluations": 1},
        "full": {
            "data.letters": 2,
            "model.layers": 4,
            "model.width": 128,
            "batch_size": 128,
            "budget.steps": 4000,
            "optimizer.lr": (0.0005, 0.0015, 0.005, 0.015),
        },
    },
)
