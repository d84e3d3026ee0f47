"""The update rules are those of torch.optim, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from suite import Optimizer
from suite.training.update_rules import make_rule

SHAPES = ((3, 4), (5,), (2, 1, 3))
rates = st.floats(0, 1)
decays = st.just(0.0) | st.floats(1e-6, 1)
sgds = st.builds(Optimizer, st.just("sgd"), lr=rates, weight_decay=decays) | st.builds(
    Optimizer,
    st.just("sgd"),
    lr=rates,
    weight_decay=decays,
    momentum=st.floats(0.001, 0.99),
    nesterov=st.booleans(),
)
adams = st.builds(
    Optimizer,
    st.sampled_from(["adam", "adamw"]),
    lr=rates,
    weight_decay=decays,
    betas=st.tuples(st.floats(0, 0.99), st.floats(0, 0.9999)),
    eps=st.floats(1e-10, 1e-2),
)


def theirs(optimizer: Optimizer, parameters: list[Tensor]) -> torch.optim.Optimizer:
    """Return what torch.optim has under that name, its single-tensor code."""
    shared: dict[str, Any] = {
        "lr": optimizer.lr,
        "weight_decay": optimizer.weight_decay,
        "foreach": False,
    }
    if optimizer.name == "sgd":
        return torch.optim.SGD(
            parameters, momentum=optimizer.momentum, nesterov=optimizer.nesterov, **shared
        )
    kind = torch.optim.Adam if optimizer.name == "adam" else torch.optim.AdamW
    first, second = optimizer.betas
    return kind(parameters, betas=(first, second), eps=optimizer.eps, **shared)


def draws(seed: int, size: float, dtype: torch.dtype) -> Iterator[list[Tensor]]:
    """Yield lists of random tensors without end."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield [size * torch.randn(s, generator=generator, dtype=dtype) for s in SHAPES]


@given(
    optimizer=sgds | adams,
    seed=st.integers(0, 2**32),
    size=st.sampled_from([1e-4, 1.0, 100.0]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_several_steps_equal_those_of_torch_optim(
    optimizer: Optimizer, seed: int, size: float, dtype: torch.dtype
) -> None:
    drawn = draws(seed, size, dtype)
    mine = next(drawn)
    other = [tensor.clone().requires_grad_() for tensor in mine]
    rule, reference = make_rule(optimizer, mine), theirs(optimizer, other)
    for gradients in (next(drawn) for _ in range(5)):
        for parameter, gradient in zip(other, gradients, strict=True):
            parameter.grad = gradient.clone()
        rule(mine, gradients, optimizer.lr)
        reference.step()
    for one, two in zip(mine, other, strict=True):
        assert torch.equal(one, two.detach())


@given(optimizer=sgds | adams, seed=st.integers(0, 2**32))
def test_gradients_are_left_as_they_are(optimizer: Optimizer, seed: int) -> None:
    drawn = draws(seed, 1.0, torch.float32)
    parameters = next(drawn)
    rule = make_rule(optimizer, parameters)
    for gradients in (next(drawn) for _ in range(3)):
        copies = [gradient.clone() for gradient in gradients]
        rule(parameters, gradients, optimizer.lr)
        for gradient, copy in zip(gradients, copies, strict=True):
            assert torch.equal(gradient, copy)


@given(optimizer=sgds | adams, seed=st.integers(0, 2**32))
def test_parameters_are_updated_in_place(optimizer: Optimizer, seed: int) -> None:
    drawn = draws(seed, 1.0, torch.float32)
    parameters = next(drawn)
    addresses = [parameter.data_ptr() for parameter in parameters]
    make_rule(optimizer, parameters)(parameters, next(drawn), optimizer.lr)
    assert [parameter.data_ptr() for parameter in parameters] == addresses


@given(optimizer=sgds | adams, seed=st.integers(0, 2**32), before=st.integers(0, 4))
def test_the_state_is_all_that_a_rule_remembers(
    optimizer: Optimizer, seed: int, before: int
) -> None:
    drawn = draws(seed, 1.0, torch.float32)
    parameters = next(drawn)
    rule = make_rule(optimizer, parameters)
    for _ in range(before):
        rule(parameters, next(drawn), optimizer.lr)
    copies = [parameter.clone() for parameter in parameters]
    resumed = make_rule(optimizer, copies)
    resumed.restore(rule.state())
    gradients = next(drawn)
    rule(parameters, gradients, optimizer.lr)
    resumed(copies, gradients, optimizer.lr)
    for one, two in zip(parameters, copies, strict=True):
        assert torch.equal(one, two)


def one_weight(optimizer: Optimizer, weight: float, gradients: list[float]) -> float:
    weights = [torch.tensor([weight], dtype=torch.float64)]
    rule = make_rule(optimizer, weights)
    for gradient in gradients:
        rule(weights, [torch.tensor([gradient], dtype=torch.float64)], optimizer.lr)
    return float(weights[0])


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (Optimizer(lr=0.5), 10 - 0.5 * 2 - 0.5 * 4),
        (Optimizer(lr=0.5, weight_decay=0.1), 10 - 0.5 * (2 + 1) - 0.5 * (4 + 0.85)),
        (Optimizer(lr=0.5, momentum=0.9), 10 - 0.5 * 2 - 0.5 * (1.8 + 4)),
        (
            Optimizer(lr=0.5, momentum=0.9, nesterov=True),
            10 - 0.5 * (2 + 1.8) - 0.5 * (4 + 0.9 * 5.8),
        ),
    ],
)
def test_two_steps_of_sgd_by_hand(optimizer: Optimizer, expected: float) -> None:
    assert one_weight(optimizer, 10.0, [2.0, 4.0]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("gradient", [1e-3, 1.0, 1e3])
def test_adams_first_step_is_the_rate_whatever_the_gradient(gradient: float) -> None:
    optimizer = Optimizer("adam", lr=0.5, eps=0.0)
    assert one_weight(optimizer, 10.0, [gradient]) == pytest.approx(9.5, rel=1e-12)


def test_adam_rescales_decay_and_adamw_does_not() -> None:
    decayed = [
        one_weight(Optimizer(name, lr=0.5, eps=0.0, weight_decay=0.1), 10.0, [3.0])
        for name in ("adam", "adamw")
    ]
    assert decayed == pytest.approx([9.5, 10 * (1 - 0.5 * 0.1) - 0.5], rel=1e-12)
