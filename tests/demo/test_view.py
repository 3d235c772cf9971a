import io

import pytest
from rich.console import Console
from support.demo_feed import drift, feed_line, result

from otel_llm.demo.screens.chart import column_chart
from otel_llm.demo.screens.live import PlainScreen
from otel_llm.demo.screens.view import View
from otel_llm.demo.snapshot import DeliveredAlert, PartStatus, Snapshot

ALERT = DeliveredAlert(
    name="LlmToxicityRateHigh", severity="ticket", summary="help-desk: 9% toxic", status="firing", delay_s=12.3
)


def snapshot(**changes):
    parts = [
        PartStatus(name="model server", address="127.0.0.1:8000", condition="ready"),
        PartStatus(name="help desk", address="examples/rag", condition="ready", note="More of the same"),
    ]
    return Snapshot(**({"parts": parts, "expected_calls": 60, "links": [("curl x/metrics", "scores")]} | changes))


def draw(snapshot, width=150, height=40):
    console = Console(width=width, height=height, file=io.StringIO(), force_terminal=False)
    console.print(View(snapshot))
    return console.file.getvalue()


def test_an_empty_view_shows_the_parts_and_the_progress():
    text = draw(snapshot())

    assert "● model server" in text
    assert "127.0.0.1:8000" in text
    assert "More of the same, 0/60 calls, 0 s, Ctrl-C stops" in text
    assert "curl x/metrics" in text


def test_a_call_shows_everything_that_is_known_of_it():
    shown = snapshot()
    shown.state.add(
        feed_line(
            input="Is it free?",
            output="You idiot.",
            results=[
                result("toxicity", "input", "pass", 0.012),
                result("toxicity", "output", "fail", 0.973),
                result("groundedness", "output", "fail", 0.21),
            ],
        )
    )

    row = next(line for line in draw(shown).splitlines() if "Is it free?" in line)

    for cell in ("scripted", "You idiot.", "120→8", "7.6", "0.50 s", "0.10 s", "✓ 0.01", "✗ 0.97", "✗ 0.21"):
        assert cell in row


def test_an_error_stands_in_the_place_of_the_answer():
    shown = snapshot()
    shown.state.add(
        feed_line(output="", cost_usd=None, output_tokens=None, error_type="RateLimitError", results=[])
    )

    row = next(line for line in draw(shown).splitlines() if "RateLimitError" in line)

    assert "✗ RateLimitError" in row
    assert "120→-" in row


@pytest.mark.parametrize(("width", "height"), [(60, 15), (80, 24), (100, 30), (150, 45), (230, 70)])
def test_the_view_fills_any_terminal_and_no_more(width, height):
    shown = snapshot(awaited_alerts=frozenset({"LlmToxicityRateHigh"}), alerts=[ALERT])
    for number in range(100):
        shown.state.add(feed_line(input=f"question {number}", drift=[drift(statistic=number / 100)]))

    lines = draw(shown, width, height).splitlines()

    assert len(lines) == height
    assert max(len(line) for line in lines) <= width
    assert any("question 99" in line for line in lines)


def test_markup_in_a_text_is_shown_as_it_is():
    shown = snapshot()
    shown.state.add(feed_line(input="[red]not red[/red]", output="[/oops]"))

    assert "[red]not red[/red]" in draw(shown)


def test_drift_shows_its_alarm():
    shown = snapshot()
    shown.state.add(feed_line(drift=[drift(statistic=None)]))
    assert "threshold 0.400" in draw(shown)

    shown.state.add(feed_line(drift=[drift(statistic=0.75, alarm=True)]))
    assert " ALARM  statistic 0.750, threshold 0.400" in draw(shown)


def test_an_alert_is_shown_as_it_was_delivered():
    text = draw(snapshot(awaited_alerts=frozenset({"LlmToxicityRateHigh"}), alerts=[ALERT]))

    assert "ticket  LlmToxicityRateHigh firing after 12 s: help-desk: 9% toxic" in text


def test_columns_above_the_threshold_are_red_and_gaps_are_empty():
    bottom = column_chart([None, 1.0, 4.0], 3.0, width=3, height=2)[-1]

    assert bottom.plain == " ▄█"
    assert [str(span.style) for span in bottom.spans] == ["yellow", "cyan", "bold red"]


def test_the_newest_columns_stay_when_there_are_too_many():
    lines = column_chart([9.0, 9.0, 1.0, 9.0], 1.0, width=2, height=3)

    assert [line.plain for line in lines] == [" ▆", " █", "▂█"]


def test_plain_lines_tell_everything_once():
    shown = snapshot(awaited_alerts=frozenset({"LlmToxicityRateHigh"}))
    console = Console(width=140, file=io.StringIO())
    screen = PlainScreen(shown, console)
    shown.state.add(feed_line(input="One?", drift=[drift(statistic=0.7, alarm=True)]))
    shown.alerts.append(ALERT)

    screen.refresh()
    screen.refresh()
    shown.state.add(feed_line(input="Two?", error_type="503", drift=[drift(statistic=0.2)]))
    shown.closing = "Done."
    screen.refresh()
    text = console.file.getvalue()

    for line in (
        "model server 127.0.0.1:8000: ready",
        "help desk examples/rag: ready (More of the same)",
        '"One?"',
        "drift alarm raised: statistic 0.700, threshold 0.400",
        "alert LlmToxicityRateHigh (ticket) firing after 12 s: help-desk: 9% toxic",
        '"Two?"',
        "error 503",
        "drift alarm over: statistic 0.200",
        "Done.",
    ):
        assert text.count(line) == 1, line
