"""`python benchmarks/instrument --quick`, in this environment: it runs, and what it writes has all its parts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
BENCHMARK = CHECKOUT / "benchmarks" / "instrument"
MEASURES = {
    "call", "stream", "async call", "async stream", "response",
    "call, sampled out", "stream, sampled out", "call, suppressed", "stream, suppressed",
}  # fmt: skip
WITH_CONTENT = {"call, content", "stream, content"}


def run(*options):
    command = [sys.executable, BENCHMARK, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=CHECKOUT)


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    written = tmp_path_factory.mktemp("benchmark") / "results.json"
    done = run("--quick", "--here", "--only", "otel-llm", "--markdown", "--json", written)
    assert done.returncode == 0, done.stderr
    return json.loads(written.read_text(encoding="utf-8")), done.stdout


def test_each_measure_has_a_figure_of_the_caller_and_of_the_process(output):
    results, _ = output
    (subject,) = results["subjects"].values()

    assert set(subject["measured"]) == {"on", "by hand"}
    assert set(subject["measured"]["on"]) == MEASURES | WITH_CONTENT
    assert set(subject["measured"]["by hand"]) == MEASURES
    for figure in subject["measured"]["on"].values():
        assert figure["rounds"] >= 1
        for of in ("caller", "process"):
            assert figure[of]["uninstrumented_us"] > 0
            assert figure[of]["percent_q1"] <= figure[of]["added_percent"] <= figure[of]["percent_q3"]


def test_what_is_measured_is_traced_and_what_is_not_to_be_traced_is_not(output):
    results, _ = output
    spans = {name: figure["spans"] for name, figure in results["subjects"]["otel-llm"]["measured"]["on"].items()}

    assert {spans[name] for name in ("call", "stream", "async call", "async stream", *WITH_CONTENT)} == {1}
    assert {count for name, count in spans.items() if "sampled out" in name or "suppressed" in name} == {0}


def test_what_is_recorded_is_found_by_its_value(output):
    results, _ = output
    recorded = results["subjects"]["otel-llm"]["recorded"]

    everything = ["input", "output", "cached", "reasoning"]
    assert recorded["call"] == recorded["stream"] == recorded["async stream"] == everything
    assert recorded["attributes"] >= 15
    assert recorded["first chunk"]
    assert recorded["cost"]
    assert recorded["type kept"]
    assert recorded["broken off"] == recorded["dropped"] == 1


def test_the_tables_are_markdown_with_a_row_for_each(output):
    _, text = output

    assert text.count("\n|---|") == 6
    assert text.count("\n| a span by hand |") == 4
    assert text.count("\n| otel-llm |") == 6


def test_an_unknown_subject_is_refused_by_name():
    done = run("--only", "otel-llm,ours")

    assert done.returncode == 2
    assert "got ours" in done.stderr
