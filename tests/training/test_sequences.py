"""Networks of symbols, and what is trained and measured over positions."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suite import Budget, Data, Model, Optimizer, Recipe, loss, metric, model, number
from suite.data import Examples, Split, load
from suite.data.labels import IGNORED
from suite.execution.work import check
from suite.ground.errors import RequestError
from suite.models import build
from suite.models.transformer import Attention, rotated, rotations
from suite.training.evaluation import evaluate
from suite.training.footprint import footprint
from suite.training.loop import Run, train
from suite.training.losses import LOSSES
from suite.training.outputs import answers

LENGTH, SYMBOLS = 7, 5
SMALL = Recipe(
    data=Data("copying", length=3, symbols=3, train_examples=96, validation_examples=40),
    model=Model("transformer", layers=1, width=8, heads=2),
    optimizer=Optimizer("adam", lr=0.01),
    batch_size=32,
    budget=Budget(epochs=2),
)
NETWORKS = [
    Model("lstm", width=8),
    *(
        Model("transformer", width=8, heads=2, norm=norm, positions=positions, tied=tied)
        for norm in ("pre", "post")
        for positions in ("none", "learned", "rotary")
        for tied in (False, True)
    ),
]


def some(n: int = 4, seed: int = 0) -> Tensor:
    return torch.randint(SYMBOLS, (n, LENGTH), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    "named", NETWORKS, ids=lambda one: "-".join(map(str, one.given().values()))
)
def test_a_position_sees_itself_and_those_before_it(named: Model) -> None:
    network = build(named, (LENGTH,), SYMBOLS, 0, SYMBOLS).double().eval()
    symbols = some()
    outputs = network(symbols)
    assert outputs.shape == (4, LENGTH, SYMBOLS)
    for place in range(LENGTH):
        other = symbols.clone()
        other[:, place] = (other[:, place] + 1) % SYMBOLS
        changed = (network(other) - outputs).abs().amax((0, 2)) > 1e-12
        assert not changed[:place].any()
        assert changed[place:].all()


def test_attention_is_pytorchs() -> None:
    ours = Attention(8, 2, rotary=0).double()
    theirs = nn.MultiheadAttention(8, 2, batch_first=True).double()
    theirs.in_proj_weight.data, theirs.in_proj_bias.data = ours.inwards.weight, ours.inwards.bias
    theirs.out_proj.load_state_dict(ours.outwards.state_dict())
    inputs = torch.rand(3, LENGTH, 8, dtype=torch.float64)
    unseen = torch.ones(LENGTH, LENGTH, dtype=torch.bool).triu(1)
    wanted = theirs(inputs, inputs, inputs, attn_mask=unseen, need_weights=False)[0]
    assert torch.allclose(ours(inputs), wanted, atol=1e-12)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_transformer_is_pytorchs(norm: str) -> None:
    named = Model("transformer", layers=2, width=8, heads=2, norm=norm, positions="none")
    ours = build(named, (LENGTH,), SYMBOLS, 0, SYMBOLS).double().eval()
    layer = nn.TransformerEncoderLayer(
        8, 2, 32, dropout=0.0, batch_first=True, norm_first=norm == "pre"
    )
    theirs = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).double()
    for mine, its in zip(ours.layers, theirs.layers, strict=True):
        attention, hidden = mine.parts
        its.self_attn.in_proj_weight.data = attention.inwards.weight
        its.self_attn.in_proj_bias.data = attention.inwards.bias
        its.self_attn.out_proj.load_state_dict(attention.outwards.state_dict())
        its.linear1.load_state_dict(hidden[0].state_dict())
        its.linear2.load_state_dict(hidden[2].state_dict())
    unseen = torch.ones(LENGTH, LENGTH, dtype=torch.bool).triu(1)
    inside = ours.embedding(some()) * math.sqrt(8)
    wanted = ours.head(ours.norm(theirs(inside, mask=unseen, is_causal=True)))
    assert torch.allclose(ours(some()), wanted, atol=1e-12)


def test_rotations_keep_lengths_and_tell_only_how_far_apart_two_positions_are() -> None:
    rotation = rotations(LENGTH, 6).double()
    generator = torch.Generator().manual_seed(0)
    query, key = torch.rand(2, 6, dtype=torch.float64, generator=generator)
    queries, keys = (rotated(one.expand(LENGTH, 6), rotation) for one in (query, key))
    assert torch.allclose(queries.norm(dim=1), query.norm().expand(LENGTH))
    products = queries @ keys.T
    for distance in range(LENGTH):
        diagonal = products.diagonal(distance)
        assert torch.allclose(diagonal, diagonal[:1].expand_as(diagonal))
    assert products[0].unique().numel() == LENGTH


def test_tied_embeddings_are_one_parameter() -> None:
    tied, free = (
        build(Model("transformer", tied=tied), (4,), SYMBOLS, 0, SYMBOLS) for tied in (True, False)
    )
    count = [sum(one.numel() for one in network.parameters()) for network in (tied, free)]
    assert count[1] - count[0] == SYMBOLS * 64 + SYMBOLS
    with pytest.raises(RequestError, match="classes that are the symbols, not 3 classes of 5"):
        build(Model("transformer", tied=True), (4,), 3, 0, SYMBOLS)


def test_networks_of_symbols_and_of_numbers_are_not_mixed_up() -> None:
    with pytest.raises(RequestError, match="'transformer' takes sequences of symbols"):
        check(Recipe(data=Data("digits"), model=Model("transformer")), "cpu")
    with pytest.raises(RequestError, match="'mlp' takes numbers, not sequences of symbols"):
        check(Recipe(data=Data("copying"), model=Model("mlp")), "cpu")
    with pytest.raises(RequestError, match="multiple of the 4 heads, not 10"):
        Model("transformer", width=10)
    with pytest.raises(RequestError, match="even width a head"):
        Model("transformer", width=12, positions="rotary")


def test_what_counts_is_each_position_with_a_target_or_the_last_one() -> None:
    outputs = torch.rand(2, 3, 4)
    targets = torch.tensor([[1, IGNORED, 2], [IGNORED, 3, IGNORED]])
    said, wanted = answers(outputs, targets)
    assert torch.equal(said, torch.stack([outputs[0, 0], outputs[0, 2], outputs[1, 1]]))
    assert wanted.tolist() == [1, 2, 3]
    said, wanted = answers(outputs, torch.tensor([0, 1]))
    assert torch.equal(said, outputs[:, -1])


@pytest.mark.parametrize("name", [name for name, one in LOSSES.items() if name != "mse"])
def test_a_loss_over_positions_is_that_of_as_many_examples(name: str) -> None:
    outputs, targets = torch.rand(4, LENGTH, SYMBOLS), some()
    targets[:, 2] = IGNORED
    counts = targets != IGNORED
    wanted = LOSSES[name](outputs[counts], targets[counts])
    assert torch.equal(LOSSES[name](outputs, targets), wanted)
    if name == "cross_entropy":
        pytorchs = F.cross_entropy(outputs.transpose(1, 2), targets)
        assert torch.allclose(wanted, pytorchs)


def fixed(outputs: Tensor) -> nn.Module:
    class Fixed(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return outputs

    return Fixed()


def test_bits_per_symbol_are_cross_entropy_in_bits_whatever_the_loss() -> None:
    targets = some()
    split = Split(some(), targets)
    uniform = evaluate(fixed(torch.zeros(4, LENGTH, SYMBOLS)), LOSSES["focal"], split, "test/")
    assert uniform["test/bits_per_symbol"] == pytest.approx(math.log2(SYMBOLS))
    sure = 100.0 * F.one_hot(targets, SYMBOLS).float()
    sure[:, 0] = 100.0 * F.one_hot((targets[:, 0] + 1) % SYMBOLS, SYMBOLS)
    found = evaluate(fixed(sure), LOSSES["cross_entropy"], split, "test/")
    assert found["test/accuracy"] == pytest.approx(1 - 1 / LENGTH)
    assert found["test/bits_per_symbol"] == pytest.approx(100 / LENGTH / math.log(2))


def test_a_batch_in_parts_is_the_whole_batch_where_parts_count_unequally() -> None:
    examples = load(SMALL.data, 0)
    targets = examples.train.targets.clone()
    targets[::3, 4:] = IGNORED
    examples = examples._replace(train=Split(examples.train.inputs, targets))
    slow = dataclasses.replace(SMALL, optimizer=Optimizer("sgd", lr=0.1))
    runs = [
        Run(dataclasses.replace(slow, gradient_accumulation=parts), 0, "cpu", examples)
        for parts in (1, 5)
    ]
    for run in runs:
        assert run.train() == ""
    for one, two in zip(*(run.network.parameters() for run in runs), strict=True):
        assert torch.allclose(one, two, atol=1e-5)


@metric
def seen(outputs: Any, targets: Any) -> float:
    """How many answers there are, if all are of positions that count."""
    assert outputs.shape == (len(targets), 4)
    assert targets.min() >= 0
    return float(len(targets))


@loss
def bold(outputs: Any, targets: Any) -> Any:
    """Half the cross-entropy."""
    return F.cross_entropy(outputs, targets) / 2


@model
def counter(shape: Any, outputs: int, *, symbols: int, width: int = number(8, low=1)) -> nn.Module:
    """Each position for itself."""
    return nn.Sequential(nn.Embedding(symbols, width), nn.Linear(width, outputs))


def test_own_networks_losses_and_metrics_take_sequences() -> None:
    own = dataclasses.replace(SMALL, model=counter(), loss=bold(), metrics=(seen(),))
    assert check(own, "cpu") > 0
    outcome = train(own, 0)
    assert outcome.final["test/seen"] == 1000 * 3
    assert counter.defaults().keys() == {"name", "init", "width"}


@model
def mean(shape: Any, outputs: int) -> nn.Module:
    """Something of another shape."""
    return nn.Sequential(nn.Embedding(9, outputs), nn.Flatten())


def test_outputs_of_a_wrong_shape_are_refused() -> None:
    own = dataclasses.replace(SMALL, model=mean())
    with pytest.raises(RequestError, match=r"returns \(2, 24\) for 2 examples, not \(2, 6, 4\)"):
        check(own, "cpu")


def test_a_transformer_learns_to_copy_and_an_lstm_to_match_brackets() -> None:
    copying = Recipe(
        data=Data("copying", length=4, symbols=4, train_examples=2000),
        model=Model("transformer", layers=1, width=32, heads=2),
        optimizer=Optimizer("adam", lr=0.01),
        budget=Budget(epochs=3),
    )
    assert train(copying, 0).final["test/accuracy"] > 0.95
    brackets = Recipe(
        data=Data("brackets", length=4, kinds=1, train_examples=2000),
        model=Model("lstm", width=16),
        optimizer=Optimizer("adam", lr=0.01),
        budget=Budget(epochs=3),
    )
    assert train(brackets, 0).final["test/accuracy"] > 0.95


def test_memory_grows_with_the_positions() -> None:
    def needed(length: int) -> int:
        data = Data("copying", length=length, train_examples=500)
        recipe = dataclasses.replace(SMALL, data=data)
        examples: Examples = load(data, 0)
        network = build(recipe.model, examples.shape, examples.outputs, 0, examples.symbols)
        return footprint(recipe, network, examples)

    assert needed(64) > 3 * needed(8) - 2 * needed(4) > 0
