"""Choosing between cores and a GPU, and sharing one: with a GPU that is only described."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch import nn

from suite.commands.plan import plan_text
from suite.execution import gpus, packed, plan, work
from suite.execution.memory import CONTEXT, SHARE, kind
from suite.execution.mixed import Mixed
from suite.execution.packed import Packed
from suite.execution.placement import FASTER, place
from suite.execution.plan import ON_A_GPU, Cohort, make_plan
from suite.execution.sequential import Sequential
from suite.execution.strategy import Bundle, Checkpoints, Finished
from suite.ground.errors import RequestError
from suite.tracking.journal import Journal
from suite.vocabulary import discovery
from suite.vocabulary.data import Data
from suite.vocabulary.grid import Trial
from suite.vocabulary.model import Model
from suite.vocabulary.optimizer import Optimizer
from suite.vocabulary.recipe import Budget, Probe, Recipe
from suite.vocabulary.record import Outcome, Status
from tests.command_line import TINY_TRIALS, make_study, suite, suite_json
from tests.pretended_gpu import pretended

CARD = 80 << 30  # bytes
MNIST = Data("mnist5k")
MLP, LENET = Recipe(data=MNIST), Recipe(data=MNIST, model=Model("lenet"), batch_size=256)
ON_A_CORE = Recipe(data=Data("digits"), model=Model(widths=(16,)))


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "count", lambda: 1)
    monkeypatch.setattr(gpus, "memory", lambda: CARD)
    monkeypatch.setattr(plan, "cores", lambda: 16)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Workers that are threads, on devices that are only names."""
    pools: list[ThreadPoolExecutor] = []

    def start(_threads: int = 1) -> ThreadPoolExecutor:
        pools.append(ThreadPoolExecutor(1))
        return pools[-1]

    monkeypatch.setattr(packed, "start", start)
    monkeypatch.setattr(packed, "free_on_gpu", lambda: CARD)
    yield
    for pool in pools:
        pool.shutdown()


def trial(recipe: Recipe | Probe, seed: int = 0, *, alone: bool = False) -> Trial:
    return Trial("test", "main", {}, recipe, seed, alone)


def planned(*trials: Trial, **how: object) -> plan.Plan:
    return make_plan(trials, lambda _: False, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("recipe", "gpu", "core", "device"),
    [
        (MLP, 1.56e-3, 1.46e-3, "cpu"),
        (dataclasses.replace(MLP, batch_size=256), 1.71e-3, 3.49e-3, "cpu"),
        (LENET, 3.06e-3, 39.7e-3, "cuda"),
    ],
    ids=["MLP, 64", "MLP, 256", "LeNet, 256"],
)
def test_the_rule_says_what_was_measured(
    recipe: Recipe, gpu: float, core: float, device: str
) -> None:
    found = place(recipe, CARD)
    assert found.device == device
    assert found.gpu == pytest.approx(gpu, rel=0.3)
    assert found.core == pytest.approx(core, rel=0.3)


def test_what_does_not_fit_on_the_card_stays_off_it() -> None:
    assert place(LENET, 64 << 20).device == "cpu"


def test_a_precision_that_a_core_lacks_is_the_gpus() -> None:
    assert place(dataclasses.replace(MLP, precision="bfloat16"), CARD).device == "cuda"


def test_what_cannot_be_counted_is_where_auto_puts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            raise ValueError("not without numbers")

    monkeypatch.setattr("suite.models.build", lambda *_: Odd())
    found = place(dataclasses.replace(MLP, batch_size=63), CARD)
    assert (found.device, found.gpu) == ("cuda", 0.0)


def test_symbols_are_counted() -> None:
    letters = Data("sorting")
    found = place(Recipe(data=letters, model=Model("transformer")), CARD)
    assert found.gpu > 0


@pytest.mark.usefixtures("card")
def test_auto_sends_each_trial_where_it_belongs_whatever_else_is_asked() -> None:
    small, large = ([trial(recipe, seed) for seed in range(3)] for recipe in (MLP, LENET))
    timed = trial(MLP, 7, alone=True)
    made = planned(*small, *large, timed)
    assert [stage for (stage,) in made.stages] == list(made.cohorts)  # one after another
    ways = [(one.strategy, one.device, one.workers, one.alone) for one in made.cohorts]
    assert ways == [
        ("packed", "cpu", 3, False),
        ("packed", "cuda", 1, False),
        ("packed", "cuda", 1, True),
    ]
    assert (made.strategy, made.places) == ("in_turn", "3 × cpu and 1 × cuda")
    for trials, strategy, places in (
        (small, "packed", "3 × cpu"),
        (large, "packed", "1 × cuda"),
        ([timed], "packed", "1 × cuda"),
        ([*small, timed], "in_turn", "3 × cpu and 1 × cuda"),
    ):
        some = planned(*trials)
        assert (some.strategy, some.places) == (strategy, places)
        assert [one for one in made.cohorts if one.trials[0] in trials] == list(some.cohorts)


@pytest.mark.usefixtures("card", "threads")
def test_auto_trains_on_the_cores_and_then_on_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, str]] = []

    def run(bundle: Bundle, device: str, _: Checkpoints | None) -> list[Finished]:
        ran.append((bundle[0].id, device))
        return [Finished(bundle[0], Outcome(status=Status.FINISHED), 0.0, 0.0)]

    checked: list[tuple[str, str]] = []

    def check(recipe: Recipe, device: str) -> int:
        checked.append((recipe.model.name, device))
        return 1

    monkeypatch.setattr(packed, "run_bundle", run)
    monkeypatch.setattr(packed, "_check", check)
    small, large = ([trial(recipe, seed) for seed in range(3)] for recipe in (MLP, LENET))
    timed = trial(MLP, 7, alone=True)
    made = planned(*large, *small, timed)
    workers = []
    with made.make_strategy() as strategy:
        strategy.check([MLP, LENET])
        for cohort in made.cohorts[:2]:
            for _ in strategy.run(cohort.bundles):
                workers.append(strategy.workers)
        assert len(list(strategy.run_alone([timed]))) == 1
    assert checked == [("mlp", "cpu"), ("lenet", "cuda")]
    assert {one for one, _ in ran[:3]} == {one.id for one in small}
    assert [device for _, device in ran] == ["cpu"] * 3 + ["cuda"] * 4
    assert workers == [3, 3, 3, 1, 1, 1]


@pytest.mark.usefixtures("card")
def test_a_mixed_plan_sends_each_trial_where_it_belongs_whatever_else_is_asked() -> None:
    small, large = ([trial(recipe, seed) for seed in range(3)] for recipe in (MLP, LENET))
    probe = trial(Probe("test", "one", "", {}))
    timed = trial(MLP, 7, alone=True)
    made = planned(*small, probe, *large, timed, strategy="mixed")
    cores, gpu, alone = made.cohorts
    assert (cores.device, gpu.device, alone.device) == ("cpu", "cuda", "cuda")
    assert {one.id for one in cores.trials} == {one.id for one in (*small, probe)}
    assert {one.id for one in gpu.trials} == {one.id for one in large}
    assert alone.trials == (timed,)
    assert made.stages == [(cores, gpu), (alone,)]
    assert (cores.workers, gpu.workers) == (4, 1)
    assert made.places == "4 × cpu and 1 × cuda"
    assert f"not {FASTER:g} times as fast" in cores.reason
    assert f"{FASTER:g} times as fast there: 3.9 ms" in gpu.reason
    (only,) = planned(large[1], strategy="mixed").cohorts
    assert only.device == "cuda"


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize("strategy", ["auto", "mixed", "packed", "sequential", "vectorised"])
@pytest.mark.parametrize(("there", "device"), [(1, "cpu"), (2, "cuda")])
def test_arms_that_share_batches_are_where_there_are_enough_devices_for_all(
    strategy: str, there: int, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus, "count", lambda: there)
    two = dataclasses.replace(MLP, devices=2)
    arms = [trial(one, seed) for one in (MLP, two) for seed in range(3)]
    timed = [trial(one, seed, alone=True) for one in (MLP, two) for seed in range(3)]
    other = [dataclasses.replace(trial(LENET, seed), part="other") for seed in range(3)]
    for some in (arms, timed):
        made = planned(*some, *other, strategy=strategy)
        ways = {
            (cohort.strategy, cohort.device)
            for cohort in made.cohorts
            for one in cohort.trials
            if one.part == "main"
        }
        assert ways == {("data_parallel", device)}
        elsewhere = [one for one in made.cohorts if one.trials[0].part == "other"]
        assert {one.device for one in elsewhere} == {"cuda"}
        assert all(len(stage) == 1 for stage in made.stages)


@pytest.mark.usefixtures("card")
def test_a_device_that_is_asked_for_is_not_replaced_by_another() -> None:
    two = trial(dataclasses.replace(MLP, devices=2))
    with pytest.raises(RequestError, match="devices=2 needs 2 GPUs, not 1"):
        planned(two, device="cuda")


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize("tier", ["laptop", "full"])
def test_every_study_can_be_planned_beside_one_gpu(tier: str) -> None:
    for name in ("devices", "model_parallelism"):
        study = discovery.load(name)
        made = planned(*study.trials(study.grids(tier)))
        assert {one.device for one in made.cohorts} == {"cpu"}
        assert made.places == "1 × cpu"


@pytest.mark.usefixtures("card")
def test_device_and_strategy_overrule() -> None:
    trials = [trial(recipe, seed) for recipe in (MLP, LENET) for seed in range(3)]
    (cores,) = planned(*trials, device="cpu").cohorts
    assert (cores.strategy, cores.device, cores.workers) == ("packed", "cpu", 6)
    (shared,) = planned(*trials, strategy="packed", device="cuda").cohorts
    assert (shared.strategy, shared.device, shared.workers) == ("packed", "cuda", ON_A_GPU)
    (shared,) = planned(*trials, strategy="packed", device="cuda", workers=2).cohorts
    assert shared.workers == 2
    with pytest.raises(RequestError, match="--strategy mixed needs a CUDA device"):
        planned(*trials, strategy="mixed", device="cpu")


@pytest.mark.skipif(gpus.count() > 0, reason="there is a GPU here")
def test_without_a_gpu_a_mixed_run_is_refused(tmp_path: Path) -> None:
    make_study(tmp_path)
    done = suite(tmp_path, "plan", "tiny", "--strategy", "mixed")
    assert done.returncode == 2
    assert "--strategy mixed needs a CUDA device (did you mean --strategy packed?)" in done.stderr


@pytest.mark.usefixtures("threads")
def test_cores_and_gpu_train_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2, timeout=10)
    ran: dict[str, str] = {}

    def run(bundle: Bundle, device: str, _: Checkpoints | None) -> list[Finished]:
        if not bundle[0].alone:
            both.wait()  # nobody is here alone
        ran[bundle[0].id] = device
        return [Finished(bundle[0], Outcome(status=Status.FINISHED), 0.0, 0.0)]

    monkeypatch.setattr(packed, "run_bundle", run)
    small, large = ([trial(recipe, seed) for seed in range(3)] for recipe in (MLP, LENET))
    timed = trial(MLP, 7, alone=True)
    with Mixed(1, CARD) as strategy:
        done = list(strategy.run((one,) for one in (*small, *large)))
        done += strategy.run_alone([timed])
    assert {one.trial.id for one in done} == set(ran)
    assert {ran[one.id] for one in small} == {"cpu"}
    assert {ran[one.id] for one in (*large, timed)} == {"cuda"}


@pytest.mark.usefixtures("card", "threads")
@pytest.mark.parametrize("strategy", ["mixed", "auto"])
def test_a_record_says_where_its_trial_trained(
    strategy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_at_a_time = threading.Lock()  # what contains a trial is its process's, and these share one

    def run(bundle: Bundle, _device: str, _: Checkpoints | None) -> list[Finished]:
        with one_at_a_time:
            return work.run_bundle(bundle, "cpu")

    def check(recipe: Recipe, _device: str) -> int:
        with one_at_a_time:
            return work.check(recipe, "cpu")

    monkeypatch.setattr(packed, "run_bundle", run)
    monkeypatch.setattr(packed, "_check", check)
    make_study(tmp_path)
    form = suite_json(tmp_path, "run", "tiny", "--strategy", strategy)
    assert form["studies"]
    records = Journal(tmp_path / ".thumbrules" / "journal.jsonl").records.values()
    assert len(records) == TINY_TRIALS
    for record in records:
        where = "cuda" if record.alone else "cpu"
        assert (record.provenance.device, record.provenance.strategy) == (where, "packed")
    if not torch.cuda.is_available():
        monkeypatch.setattr(gpus, "count", lambda: 0)
        (timed, *_) = (record.id for record in records if record.alone)
        refused = suite(tmp_path, "reproduce", timed)
        assert refused.returncode == 2
        assert f"trial {timed} ran on a GPU, which is not here" in refused.stderr


@pytest.mark.parametrize(("device", "started"), [("cpu", 1), ("cuda", 3)])
def test_a_process_whose_trial_failed_on_a_gpu_is_replaced(
    device: str, started: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools: list[ThreadPoolExecutor] = []

    def start(_threads: int = 1) -> ThreadPoolExecutor:
        pools.append(ThreadPoolExecutor(1))
        return pools[-1]

    def run(bundle: Bundle, _device: str, _: Checkpoints | None) -> list[Finished]:
        status = Status.FAILED if bundle[0].seed < 2 else Status.FINISHED
        return [Finished(bundle[0], Outcome(status=status), 0.0, 0.0)]

    monkeypatch.setattr(packed, "start", start)
    monkeypatch.setattr(packed, "run_bundle", run)
    with Packed(device, 1) as strategy:
        done = list(strategy.run((trial(MLP, seed),) for seed in range(4)))
    assert [one.trial.seed for one in done] == [0, 1, 2, 3]
    assert len(pools) == started


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(("fit", "most"), [(1, 1), (2, 2), (9, 3)])
def test_processes_on_one_gpu_wait_for_its_memory(
    fit: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    need, workers = 1 << 30, 3
    free = int((fit * need + (workers - 1) * CONTEXT) / SHARE) + need // 2
    guard, now, seen = threading.Lock(), set[str](), list[int]()
    gathered = threading.Event()

    def run(bundle: Bundle, device: str, _: Checkpoints | None) -> list[Finished]:
        assert device == "cuda"
        with guard:
            now.add(bundle[0].id)
            seen.append(len(now))
        if len(now) >= most:
            gathered.set()
        gathered.wait(10)
        with guard:
            now.remove(bundle[0].id)
        return [Finished(bundle[0], Outcome(status=Status.FINISHED), 0.0, 0.0)]

    monkeypatch.setattr(packed, "free_on_gpu", lambda: free)
    monkeypatch.setattr(packed, "_check", lambda _recipe, _device: need)
    monkeypatch.setattr(packed, "run_bundle", run)
    with Packed("cuda", workers) as strategy:
        strategy.memory.budget = 100 * need
        strategy.check([ON_A_CORE])
        assert strategy.card.needs == {kind(ON_A_CORE): need}
        done = list(strategy.run((trial(ON_A_CORE, seed),) for seed in range(6)))
    assert len(done) == 6
    assert max(seen) == most


def test_the_plan_says_of_each_cohort_where_why_and_how_long() -> None:
    form = {
        "studies": [],
        "trials": 5,
        "most_trials": 5,
        "cached": 0,
        "cohorts": [
            {
                "trials": count,
                "strategy": "packed",
                "alone": False,
                "device": device,
                "workers": 1,
                "reason": "so",
                "seconds": 12.3,
            }
            for count, device in ((2, "cpu"), (3, "cuda"))
        ],
        "seconds": 20.0,
        "places": "1 × cpu and 1 × cuda",
        "vectorised_seconds": 20.0,
    }
    lines = plan_text(form).splitlines()
    assert lines[1:] == [
        "  2 packed on 1 × cpu, about 12 s: so",
        "  3 packed on 1 × cuda, about 12 s: so",
        "about 20 s on 1 × cpu and 1 × cuda",
    ]


@pytest.mark.usefixtures("card")
def test_a_cohort_on_a_gpu_is_as_large_as_memory_allows() -> None:
    recipes = [dataclasses.replace(ON_A_CORE, optimizer=Optimizer(lr=0.1 / n)) for n in (1, 2, 3)]
    trials = [trial(recipe, seed) for recipe in recipes for seed in range(100)]

    def sizes(device: str) -> list[int]:
        made = planned(*trials, strategy="vectorised", device=device)
        (cohort,) = made.cohorts
        assert isinstance(cohort, Cohort)
        return [len(bundle) for bundle in cohort.bundles]

    assert sizes("cpu") == [60] * 5
    assert sizes("cuda") == [300]


def test_a_stack_on_a_gpu_is_parted_by_what_is_free_there(monkeypatch: pytest.MonkeyPatch) -> None:
    need, ran = 1 << 20, list[int]()

    def run(bundle: Bundle, device: str, _: Checkpoints | None) -> list[Finished]:
        assert device == "cuda"
        ran.append(len(bundle))
        return []

    monkeypatch.setattr("suite.execution.sequential._free", {"cuda": 10 * need}.__getitem__)
    monkeypatch.setattr(work, "check", lambda _recipe, _device: need)
    monkeypatch.setattr(work, "run_bundle", run)
    with Sequential("cuda") as strategy:
        strategy.check([ON_A_CORE])
        assert not list(strategy.run([tuple(trial(ON_A_CORE, seed) for seed in range(20))]))
    assert sum(ran) == 20
    assert max(ran) <= 9  # a tenth is left to others
    assert len(ran) == 3


@pytest.mark.parametrize("strategy", ["auto", "sequential", "vectorised"])
def test_commands_on_a_gpu(strategy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_study(tmp_path)
    with pretended(monkeypatch):
        try_commands(tmp_path, strategy)


def try_commands(tmp_path: Path, strategy: str) -> None:
    how = ("--device", "cuda", "--strategy", strategy)
    assert suite(tmp_path, "plan", "tiny", *how).returncode == 0
    form = suite_json(tmp_path, "run", "tiny", *how)
    assert form["ran"] == TINY_TRIALS
    records = Journal(tmp_path / ".thumbrules" / "journal.jsonl").records.values()
    assert {record.provenance.gpu for record in records} == {torch.cuda.get_device_name()}
    id_of_any = next(record.id for record in records if not record.alone)
    done = suite(tmp_path, "reproduce", id_of_any)
    assert done.returncode == 0, done.stderr
    assert suite(tmp_path, "report", "--out", "site").returncode == 0
    assert f"cuda: {torch.cuda.get_device_name()}" in (tmp_path / "site" / "tiny.html").read_text()
