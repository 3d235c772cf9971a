from otel_llm.service.flow.open_records import RecordRefs


def test_a_record_is_settled_once_its_last_reference_is_released() -> None:
    settled: list[list[int]] = []
    refs = RecordRefs(lambda sequences: settled.append(list(sequences)))
    for sequence in (1, 1, 2):
        refs.acquire(sequence)
    refs.release([1, 2])
    assert settled == [[2]]
    refs.release([1])
    assert settled == [[2], [1]]
    assert refs.open == 0


def test_references_to_one_record_are_released_together() -> None:
    settled: list[list[int]] = []
    refs = RecordRefs(lambda sequences: settled.append(list(sequences)))
    for _ in range(3):
        refs.acquire(7)
    refs.release([7, 7])
    assert settled == []
    refs.release([7])
    assert settled == [[7]]
