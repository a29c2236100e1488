from milestones.domain.verdict import Verdict


def test_every_verdict_explains_itself_in_a_sentence() -> None:
    for verdict in Verdict:
        assert verdict.sentence[0].isupper(), verdict
        assert verdict.sentence.endswith("."), verdict


def test_a_verdict_is_stored_by_its_name_and_found_again() -> None:
    for verdict in Verdict:
        assert verdict == verdict.name.lower()
        assert Verdict(str(verdict)) is verdict
    assert len({verdict.sentence for verdict in Verdict}) == len(Verdict)
