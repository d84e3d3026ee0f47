"""What several claims of a study share, said once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, get_args

from suite.ground.errors import RequestError, nearest
from suite.vocabulary.claims import Claim, Statement

C = TypeVar("C", bound=Statement)


def shared(**fields: Any) -> Shared:
    """Say once what several claims share; each of them adds its kind, the rest and its words.

    `lenet = shared(part="lenet", of="test/accuracy", source="LeNet", matters=0.01)` is what they
    share, and `lenet(Difference, arm=…, against=…, direction="higher").says("…", because="…")` is
    one of them: the very claim that `Difference(…)` makes of all these fields. What only some of
    them share is `better = lenet.also(direction="higher")`.

    Raises a RequestError for a field that no kind of claim has. What is shared holds for every
    claim: a field that is said again is refused, and so is a kind of claim that lacks one.
    """
    return Shared({}).also(**fields)


@dataclass(frozen=True)
class Shared:
    """Fields that claims have in common."""

    fields: Mapping[str, Any]

    def also(self, **fields: Any) -> Shared:
        """Return these fields and more."""
        known = [field.name for kind in get_args(Claim) for field in dataclasses.fields(kind)]
        for name in fields:
            if name not in known:
                choices = nearest(name, dict.fromkeys(known))
                raise RequestError(f"no claim has a field '{name}' {choices}")
            if name in self.fields:
                raise RequestError(f"'{name}' is shared twice")
        return Shared({**self.fields, **fields})

    def __call__(self, kind: type[C], **own: Any) -> Unworded[C]:
        """Return a claim of a kind, with the fields that are its own, but for its words."""
        return Unworded(kind, self.fields, own)


@dataclass(frozen=True, repr=False)
class Unworded(Generic[C]):
    """A claim but for its words."""

    kind: type[C]
    common: Mapping[str, Any]
    own: Mapping[str, Any]

    def says(self, says: str, *, because: str = "") -> C:
        """Return the claim, in one sentence, with the reason why it comes out so."""
        said: dict[str, Any] = {}
        words = {"says": says, "because": because} if because else {"says": says}
        for fields in (self.common, self.own, words):
            for name in said.keys() & fields.keys():
                raise RequestError(f"claim '{says}' says '{name}' twice")
            said |= fields
        return self.kind(**said)

    def __repr__(self) -> str:
        return f"a {self.kind.__name__} without words: add .says(…)"
