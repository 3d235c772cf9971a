from otel_llm.names.label_limit import LabelLimit


def test_values_beyond_the_limit_count_as_other_and_known_ones_stay() -> None:
    limit = LabelLimit(2)
    seen = [limit.limit({"model": value})["model"] for value in ("a", "b", "c", "a", "d", "b")]
    assert seen == ["a", "b", "other", "a", "other", "b"]


def test_each_label_has_a_limit_of_its_own() -> None:
    limit = LabelLimit(1)
    assert limit.limit({"model": "a", "service": "s"}) == {"model": "a", "service": "s"}
    assert limit.limit({"model": "b", "service": "s"}) == {"model": "other", "service": "s"}


def test_a_value_is_cut_so_that_a_label_is_never_a_document() -> None:
    assert LabelLimit(1).limit({"model": "x" * 10_000}) == {"model": "x" * 128}
