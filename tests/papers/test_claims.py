"""Claims of the papers' texts on the printed rows, and on other values."""

import pytest

from fieldmark.papers import PublishedRow, claims, verdict

BY_ID = {claim.id: claim for claim in claims()}
DO_NOT_FOLLOW = {"s1-ten-crop", "t7-in-between", "t7-subset-b-imagenet", "t8-all"}
NOT_CHECKABLE = {"t6-competitive", "fig5-similarity"} | {
    "s2-best-setting",
    "figs2-epochs",
    "figs3-cam",
    "figs4-categories",
}


def test_ids_are_unique_and_both_papers_speak() -> None:
    assert len(BY_ID) == len(claims()) >= 15
    assert {claim.paper for claim in claims()} == {"dynamic_mlp_supplement", "cui2018"}


@pytest.mark.parametrize("claim", claims(), ids=lambda claim: claim.id)
def test_verdicts_on_the_printed_rows(claim: object) -> None:
    assert isinstance(claim, type(claims()[0]))
    expected = "does not follow" if claim.id in DO_NOT_FOLLOW else "not checkable"
    if claim.id not in DO_NOT_FOLLOW | NOT_CHECKABLE:
        expected = "holds"
    assert verdict(claim).status == expected


def test_in_between_fails_for_cars_and_food() -> None:
    reason = verdict(BY_ID["t7-in-between"]).reason
    assert "Stanford Cars" in reason
    assert "Food101" in reason
    assert "CUB200" not in reason


def test_state_of_the_art_on_all_fails_for_cars_and_aircraft() -> None:
    reason = verdict(BY_ID["t8-all"]).reason
    assert "Stanford Cars (93.5) against 8/12 Stanford Cars (94.1)" in reason
    assert "Aircraft (90.7) against 8/12 Aircraft (92.6)" in reason
    assert "Stanford Dogs" not in reason


def test_a_lead_within_the_sampling_error_is_said_to_be() -> None:
    assert "within the sampling error" in verdict(BY_ID["s3-best"]).reason


def test_measured_values_can_overturn_a_claim() -> None:
    def reversed_values(row: PublishedRow) -> float | None:
        return None if row.value is None else 100 - row.value

    assert verdict(BY_ID["s6-both"], reversed_values).status == "does not follow"


def test_a_claim_without_measured_rows_is_not_checkable() -> None:
    for claim in claims():
        if claim.kind != "only_marked":
            assert verdict(claim, lambda row: None).status == "not checkable", claim.id
