"""Pages of trials that cannot be pictured, of several devices too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command_line import make_study, suite
from tests.reports.test_pictures import STUDY, ran

ODD = {
    "tables": ('Data("mnist5k", train_examples=100, image_size=16)', 'Data("xor", train_examples=40)',
               "its inputs are no images"),
    "several devices": ('shifts=("flip",),', "devices=2,", "ran on several devices"),
    "all diverged": ("budget=Budget(epochs=1),", 'optimizer=Optimizer("sgd", lr=1e30), '
                     "budget=Budget(epochs=9),", "Not measured"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "other", "said"), ODD.values(), ids=ODD)
def test_a_page_is_written_where_there_is_nothing_to_picture(
    tmp_path: Path, text: str, other: str, said: str
) -> None:
    study = STUDY.format(model="softmax").replace("Model, ", "Model, Optimizer, ")
    study = study.replace(text, other).replace('((), ("flip", "noise"))', "((),)")
    study = study.replace('shifts=("flip",),', "")
    make_study(tmp_path, study, "seen")
    suite(tmp_path, "run", "seen")
    done = suite(tmp_path, "report")
    assert done.returncode == 0, done.stderr
    assert said in (tmp_path / "reports/html/seen.html").read_text()
