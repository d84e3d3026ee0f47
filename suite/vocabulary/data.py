"""The data of a recipe: a source, how much of it, and what is done to it once, at load."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Literal

from suite.ground.errors import RequestError
from suite.ground.fields import number, vocabulary

SourceName = Literal[
    "mnist5k",
    "digits",
    "fashion_mnist",
    "cifar10",
    "synthetic_linear",
    "xor",
    "boston",
    "house_prices",
    "generated_leaves",
    "classify_leaves",
]

COLOUR: tuple[SourceName, ...] = ("cifar10", "generated_leaves", "classify_leaves")
# Sources whose targets are values, and sources of images that can be had at any size.
REGRESSIONS = ("synthetic_linear", "boston", "house_prices")
WITHOUT_IMAGES = (*REGRESSIONS, "xor")
LEAVES = ("generated_leaves", "classify_leaves")
NOISY = ("synthetic_linear", "xor")


@vocabulary
class Data:
    """A source of labelled examples and how many of them each split gets.

    Attributes:
        name: where the examples come from.
        train_examples: size of the training split; None takes all that are left after
            the validation split (and, for a source without one of its own, the test split).
        validation_examples: size of the validation split; None takes the source's default.
        noise: standard deviation of what is added to the labels (`synthetic_linear`) or to the
            inputs (`xor`).
        image_size: height and width to which images are resized, bilinearly and with antialiasing;
            None leaves them as they are.
        random_labels: share of the training labels, and of no others, that are replaced by
            classes drawn uniformly; a draw may hit the true class.
        pixels: side of the square images (`generated_leaves`, `classify_leaves`); None is 32.
        classes: how many classes to merge the source's into, class c into c modulo `classes`: two
            ask whether a digit is odd. None merges nothing.
        colours: what an image in colour keeps: its three channels, or its luminance or its red,
            copied to all three, so that a network has the same parameters.
    """

    name: SourceName = "mnist5k"
    _: KW_ONLY
    train_examples: int | None = number(default=None, low=1)
    validation_examples: int | None = number(default=None, low=1)
    noise: float = number(default=0.01, low=0.0)
    random_labels: float = number(default=0.0, low=0.0, high=1.0)
    image_size: int | None = number(default=None, low=1, high=1024)
    pixels: int | None = number(default=None, low=8, high=1024)
    classes: int | None = number(default=None, low=2)
    colours: Literal["all", "grey", "red"] = "all"

    def check(self) -> None:
        if self.image_size and self.name in WITHOUT_IMAGES:
            raise RequestError(f"data '{self.name}' has no images: no 'image_size'")
        for field in ("random_labels", "classes"):
            if getattr(self, field) and self.name in REGRESSIONS:
                raise RequestError(f"data '{self.name}' has no classes: no '{field}'")
        for field, sources in (("pixels", LEAVES), ("noise", NOISY)):
            if getattr(self, field) != getattr(Data, field) and self.name not in sources:
                raise RequestError(f"data '{self.name}' does not use '{field}'")
        if self.colours != "all" and self.name not in COLOUR:
            raise RequestError(f"data '{self.name}' has no colours: no 'colours'")
