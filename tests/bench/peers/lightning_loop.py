"""Lightning on tensors, with loggers, checkpoints and progress bar off.

It measures what our curves hold, training loss and accuracy by epoch and validation loss and
accuracy, the way its documentation has it: with `self.log`. With the argument `bare` it measures
validation accuracy alone and logs nothing.
"""

from __future__ import annotations

import logging
import sys
import warnings

import lightning
import torch
from common import EPOCHS, cells, data, network
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Classifier(lightning.LightningModule):
    def __init__(self, lr: float) -> None:
        super().__init__()
        self.network, self.lr, self.right = network(), lr, 0.0

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        return self.measure(batch, "train")

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        self.measure(batch, "validation")

    def measure(self, batch: tuple[Tensor, Tensor], split: str) -> Tensor:
        outputs = self.network(batch[0])
        loss = F.cross_entropy(outputs, batch[1])
        if not BARE or split == "validation":
            right = (outputs.argmax(1) == batch[1]).float().mean()
        if not BARE:
            values = {f"{split}/loss": loss, f"{split}/accuracy": right}
            self.log_dict(values, on_step=False, on_epoch=True)
        if split == "validation":
            self.right = float(right)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=self.lr)


BARE = "bare" in sys.argv
x, y, validation_x, validation_y = data()
for batch_size, lr, seed in cells():
    lightning.seed_everything(seed, verbose=False)
    model = Classifier(lr)
    trainer = lightning.Trainer(
        max_epochs=EPOCHS,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(
        model,
        DataLoader(TensorDataset(x, y), batch_size=batch_size, shuffle=True),
        DataLoader(TensorDataset(validation_x, validation_y), batch_size=4000),
    )
    print(batch_size, lr, seed, model.right)
