from otel_llm.service.flow.recent_spans import RecentSpans

TRACE, SPAN, OTHER = "a" * 32, "1" * 16, "2" * 16


def test_a_span_is_new_once() -> None:
    recent = RecentSpans(10)
    assert recent.is_new(TRACE, SPAN)
    assert not recent.is_new(TRACE, SPAN)
    assert recent.is_new(TRACE, OTHER)


def test_a_span_that_an_earlier_process_was_done_with_is_not_new() -> None:
    recent = RecentSpans(10)
    recent.remember(TRACE, SPAN)
    assert not recent.is_new(TRACE, SPAN)


def test_what_an_earlier_process_left_is_done_even_where_it_had_passed_over_a_repeat_of_it() -> None:
    recent = RecentSpans(10)
    recent.remember(TRACE, SPAN)  # the repeat, which was settled while the first was under way
    assert recent.is_new(TRACE, SPAN, left_over=True)
    assert not recent.is_new(TRACE, SPAN, left_over=True)
    assert not recent.is_new(TRACE, SPAN)


def test_the_oldest_are_forgotten() -> None:
    recent = RecentSpans(2)
    for number in range(3):
        assert recent.is_new(TRACE, f"{number:016x}")
    assert recent.is_new(TRACE, f"{0:016x}")
    assert not recent.is_new(TRACE, f"{2:016x}")
