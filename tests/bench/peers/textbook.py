"""The loop that a course teaches: images transformed one by one, a DataLoader with two workers."""

from __future__ import annotations

import torch
from common import EPOCHS, cells, network, pixels_and_labels
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision import transforms


class FashionMnist(Dataset[tuple[Tensor, int]]):
    """As torchvision has it, read from an installed folder instead of a download."""

    def __init__(self) -> None:
        self.images, self.labels = pixels_and_labels()
        self.transform = transforms.ToTensor()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.images[index])
        return self.transform(image), int(self.labels[index])


if __name__ == "__main__":
    whole = FashionMnist()
    training, validation = Subset(whole, range(20_000)), Subset(whole, range(20_000, 24_000))
    loss_of = nn.CrossEntropyLoss()
    for batch_size, lr, seed in cells():
        torch.manual_seed(seed)
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=lr)
        for _ in range(EPOCHS):
            for x, y in DataLoader(training, batch_size, shuffle=True, num_workers=2):
                loss = loss_of(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            right = 0
            with torch.no_grad():
                for x, y in DataLoader(validation, batch_size, num_workers=2):
                    right += int((model(x).argmax(1) == y).sum())
        print(batch_size, lr, seed, right / len(validation))
