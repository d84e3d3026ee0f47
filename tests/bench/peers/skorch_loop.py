"""skorch on tensors, its table of losses not printed, validation accuracy its own way."""

from __future__ import annotations

import torch
from common import EPOCHS, cells, data, network
from skorch import NeuralNetClassifier
from skorch.dataset import Dataset
from skorch.helper import predefined_split
from torch import nn

x, y, validation_x, validation_y = data()
for batch_size, lr, seed in cells():
    torch.manual_seed(seed)
    model = NeuralNetClassifier(
        network(),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.SGD,
        lr=lr,
        batch_size=batch_size,
        max_epochs=EPOCHS,
        iterator_train__shuffle=True,
        train_split=predefined_split(Dataset(validation_x, validation_y)),
        verbose=0,
    )
    model.fit(x, y)
    print(batch_size, lr, seed, model.history[-1]["valid_acc"])
