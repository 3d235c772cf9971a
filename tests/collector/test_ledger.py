from otel_llm.collector.ledger import Ledger
from otel_llm.collector.passage import Passage


def test_a_record_is_settled_once_its_last_share_is_released() -> None:
    settled: list[list[int]] = []
    ledger = Ledger(lambda sequences: settled.append(list(sequences)))
    for sequence in (1, 1, 2):
        ledger.hold(sequence)
    ledger.release([1, 2])
    assert settled == [[2]]
    ledger.release([1])
    assert settled == [[2], [1]]
    assert ledger.open == 0


def test_shares_of_one_record_are_released_together() -> None:
    settled: list[list[int]] = []
    ledger = Ledger(lambda sequences: settled.append(list(sequences)))
    for _ in range(3):
        ledger.hold(7)
    ledger.release([7, 7])
    assert settled == []
    ledger.release([7])
    assert settled == [[7]]


def test_a_passage_goes_on_with_its_last_verdict_and_once_only() -> None:
    gone: list[dict] = []
    passage = Passage(2, lambda verdicts: gone.append(dict(verdicts)))
    passage.evaluated(0, ["a"])
    assert not passage.gone
    passage.evaluated(3, ["b"])
    assert gone == [{0: ["a"], 3: ["b"]}]
    assert not passage.leave()
    assert len(gone) == 1


def test_a_passage_that_leaves_early_takes_the_verdicts_that_have_come() -> None:
    gone: list[dict] = []
    passage = Passage(2, lambda verdicts: gone.append(dict(verdicts)))
    passage.evaluated(0, ["a"])
    assert passage.leave()
    passage.evaluated(1, ["b"])
    assert gone == [{0: ["a"]}]
