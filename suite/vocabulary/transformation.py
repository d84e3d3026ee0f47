"""Random transformations of images: to train on, and to shift a test split by."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from suite.vocabulary.components import Component, own
from suite.vocabulary.metrics import define_metric


class Transform(Component, kind="Transformation"):
    """What is done to images, each with strengths of its own between -1 and 1.

    Attributes:
        draws: how many strengths an image gets.
        colours: whether it is for images in colour only.
    """

    brief = True
    draws: ClassVar[int] = 1
    colours: ClassVar[bool] = False

    def __init_subclass__(cls, **facts: Any) -> None:
        super().__init_subclass__(**facts)
        if cls.word:
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


if TYPE_CHECKING:  # a word stands for the transformation of that name
    Transformation = str
else:
    Transformation = Transform


def transformation(
    function: Callable[..., Any] | None = None, /, *, draws: int = 1, version: str = ""
) -> Any:
    """Make `(images, strengths, *, generator, fields) -> images` a transformation of one's own.

    Images are float32 `(n, channels, height, width)` in [0, 1], strengths `(n, draws)` in [-1, 1];
    `generator`, for whatever else it draws, may be left out.

    Args:
        draws: how many strengths an image gets.
        version: stands in a trial's id in place of a digest of the code.
    """
    takes = ("images", "strengths")
    return own(function, Transform, takes, "generator", draws=draws, version=version, stacks=True)
