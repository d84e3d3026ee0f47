"""What several claims share is said once, and makes the claims that saying it each time makes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from suite import Difference, Equivalence, Study, axis, lines, shared
from suite.ground.errors import RequestError

WIDE, NARROW = {"model.widths": (64,)}, {"model.widths": (8,)}
fields = {"of": "test/accuracy", "source": "notes", "matters": 0.01, "number": 3}


def refusal(make: Callable[[], object]) -> str:
    with pytest.raises(RequestError) as caught:
        make()
    return str(caught.value)


def test_a_claim_with_shared_fields_is_the_claim_with_all_of_them() -> None:
    said = shared(**fields)
    arms = {"arm": WIDE, "against": NARROW}
    words = {"says": "Width pays.", "because": "It can hold more."}
    better = said(Difference, **arms, direction="higher").says(
        "Width pays.", because=words["because"]
    )
    assert better == Difference(**fields, **arms, **words, direction="higher")
    alike = said(Equivalence, **arms).says("Width is no matter.")
    assert alike == Equivalence(**fields, **arms, says="Width is no matter.")
    assert isinstance(alike, Equivalence)


def test_a_field_that_no_claim_has_is_refused_where_it_is_shared() -> None:
    assert refusal(lambda: shared(sourse="notes")) == (
        "no claim has a field 'sourse' (did you mean 'source'?)"
    )


def test_what_only_some_claims_share_is_added_once_and_for_them_alone() -> None:
    said = shared(of="test/accuracy", source="notes")
    better = said.also(direction="higher", matters=0.01)
    claim = better(Difference, arm=WIDE, against=NARROW).says("Width pays.")
    assert (claim.direction, claim.source) == ("higher", "notes")
    assert said(Equivalence, arm=WIDE, against=NARROW, matters=0.1).says("Alike.").matters == 0.1
    assert refusal(lambda: better.also(matters=0.02)) == "'matters' is shared twice"


def test_a_field_that_the_kind_lacks_is_refused_as_the_claim_refuses_it() -> None:
    said = shared(**fields, direction="higher")
    assert "Equivalence has no field 'direction'" in refusal(
        lambda: said(Equivalence, arm=WIDE, against=NARROW).says("Alike.")
    )
    misspelt = shared(**fields)(Equivalence, arm=WIDE, againts=NARROW)
    assert "did you mean 'against'?" in refusal(lambda: misspelt.says("Alike."))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("of", lambda: shared(**fields)(Difference, of="test/loss").says("Twice.")),
        ("because", lambda: shared(**fields, because="a")(Difference).says("Twice.", because="b")),
        ("says", lambda: shared(**fields)(Difference, says="Once.").says("Twice.")),
    ],
)
def test_a_field_that_is_said_twice_is_refused(name: str, make: Callable[[], object]) -> None:
    assert refusal(make) == f"claim 'Twice.' says '{name}' twice"


def test_a_claim_left_without_words_is_refused_by_its_study() -> None:
    claim = shared(**fields)(Difference, arm=WIDE, against=NARROW, direction="higher")
    grid = (axis("model.widths", ((8,), (64,))),)
    refused = refusal(lambda: Study("Unsaid", grid=grid, claims=(claim,)))  # type: ignore[arg-type]
    assert "a Difference without words: add .says(…)" in refused


def test_a_captioned_view_is_the_view_with_that_caption() -> None:
    given = lines("test/accuracy", over="batch_size", caption="Which is best?")
    assert lines("test/accuracy", over="batch_size").captioned("Which is best?") == given
