"""Random transformations of images: to train on, and to shift a test split by."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from suite.ground.fields import number
from suite.vocabulary.components import Component, own
from suite.vocabulary.metrics import define_metric


class Transform(Component, kind="Transformation"):
    """What is done to images, each with strengths of its own between -1 and 1.

    Attributes:
        draws: how many strengths an image gets.
        colours: whether it is for images in colour only.
        mixes: whether it makes images, and their targets, out of those of a batch.
    """

    brief = True
    draws: ClassVar[int] = 1
    colours: ClassVar[bool] = False
    mixes: ClassVar[bool] = False

    def __init_subclass__(cls, **facts: Any) -> None:
        super().__init_subclass__(**facts)
        if cls.word and not cls.mixes:
            under = f"under {cls.word.replace('_', ' ')}"
            for what, words, unit, better in (
                ("loss", "test loss", "nats", "lower"),
                ("accuracy", "test accuracy", "percent", "higher"),
                ("drop", "test accuracy lost", "percent", "lower"),
            ):
                name = f"test/{cls.word}/{what}"
                define_metric(name, f"{words} {under}", unit=unit, better=better)  # type: ignore[arg-type]


class Flip(Transform, name="flip", place="suite.data.augmentation:flip"):
    """Mirrored left to right, every second image."""


class Crop(Transform, name="crop", place="suite.data.augmentation:crop"):
    """A rectangle of 50 to 100 % of the area, its aspect changed by up to 4:3, scaled back.

    Random resized crop (Szegedy et al., 2015), with a smaller range.
    """

    draws = 4


class Translation(Transform, name="translation", place="suite.data.augmentation:translation"):
    """Up to 20 % of width and height, each."""

    draws = 2


class Rotation(Transform, name="rotation", place="suite.data.augmentation:rotation"):
    """Up to 45 degrees."""


class Brightness(Transform, name="brightness", place="suite.data.augmentation:brightness"):
    """Times 1/4 to 4: two stops of a camera."""


class Gamma(Transform, name="gamma", place="suite.data.augmentation:gamma"):
    """To the power of 1/3 to 3."""


class Jitter(Transform, name="jitter", place="suite.data.augmentation:jitter"):
    """Brightness, contrast and, in colour, saturation, each times 1/2 to 2."""

    draws = 3


class ColourCast(Transform, name="colour_cast", place="suite.data.augmentation:colour_cast"):
    """Red, green and blue, each times 1/2 to 2 (three channels only)."""

    draws = 3
    colours = True


class Blur(Transform, name="blur", place="suite.data.augmentation:blur"):
    """A Gaussian of standard deviation up to 8 % of the height."""


class Noise(Transform, name="noise", place="suite.data.augmentation:noise"):
    """Normal, of standard deviation up to 0.4 of the range of pixels."""


class Compression(Transform, name="compression", place="suite.data.augmentation:compression"):
    """As JPEG does, at a quality of 100 (strength 0) down to 2 (strength 1)."""


class Mixing(Transform):
    """What makes images out of those of a batch; targets are then shares of classes."""

    draws = 0
    mixes = True
    stacks = False


class Mixup(Mixing, name="mixup", place="suite.data.mixing:mixup"):
    """λ of an image and 1 - λ of another of its batch (Zhang et al., 2018), as torchvision's.

    Attributes:
        alpha: both parameters of the beta distribution of λ, which a batch shares.
    """

    alpha: float = number(default=0.2, low=1e-3)


class CutMix(Mixing, name="cutmix", place="suite.data.mixing:cutmix"):
    """A rectangle of another image of its batch pasted in (Yun et al., 2019), as torchvision's.

    Attributes:
        alpha: both parameters of the beta distribution of λ, the share of the area that is kept,
            which a batch shares.
    """

    alpha: float = number(default=1.0, low=1e-3)


if TYPE_CHECKING:  # a word stands for the transformation of that name
    Transformation = Any
else:
    Transformation = Transform


def transformation(
    function: Callable[..., Any] | None = None, /, *, draws: int = 1, version: str = ""
) -> Any:
    """Make `(images, strengths, *, generator, fields) -> images` a transformation of one's own.

    Images are float32 `(n, channels, height, width)` in [0, 1], strengths `(n, draws)` in [-1, 1];
    `generator`, for whatever else it draws, may be left out. One that mixes a batch also takes
    `targets` by keyword, float32 shares of classes `(n, classes)`, and returns both.

    Args:
        draws: how many strengths an image gets.
        version: stands in a trial's id in place of a digest of the code.
    """
    takes = ("images", "strengths")

    def make(function: Callable[..., Any]) -> Any:
        mixes = inspect.isfunction(function) and "targets" in inspect.signature(function).parameters
        facts: dict[str, Any] = {"draws": draws, "stacks": not mixes, "mixes": mixes}
        return own(function, Transform, takes, "generator", "targets", version=version, **facts)

    return make(function) if function is not None else make
