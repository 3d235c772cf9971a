"""Two demos that run to their end, both at once: alone, and through the servers of others where they are here."""

import re
import signal
import urllib.request
from contextlib import ExitStack

import pytest
from support.demo_run import DemoRun, need_weights, needs_proc, summary
from support.servers import need

from otel_llm.demo import servers

STACK = (servers.COLLECTOR, servers.PROMETHEUS, servers.ALERTMANAGER)
PATHS = {"model server": "/healthz", "Prometheus": "/-/ready", "Alertmanager": "/-/ready"}
CALLS_S = 300  # a run takes one minute by itself on two cores


@pytest.fixture(scope="module")
def full_runs(tmp_path_factory):
    need_weights()
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("direct")
        direct = stack.enter_context(DemoRun(folder, "--save-svg", str(folder / "view.svg")))
        through = None
        if all(program.find() for program in STACK):
            through = stack.enter_context(DemoRun(tmp_path_factory.mktemp("stack"), "--with", "all", "--keep"))
        yield direct, through


@pytest.fixture(scope="module")
def direct_run(full_runs):
    """A demo without other servers, which has ended by itself."""
    direct, _ = full_runs
    direct.code = direct.wait(CALLS_S)
    return direct


@pytest.fixture(scope="module")
def stack_run(full_runs):
    """A demo through all servers, kept up after its workload until it was looked at, and ended with Ctrl-C."""
    need(*STACK)
    _, run = full_runs
    run.wait_for("^The workload is done. The servers run on until Ctrl-C.", CALLS_S)
    run.kept = run.processes()
    run.answers = {name: status(run.address(name) + path) for name, path in PATHS.items()}
    run.signal(signal.SIGINT)
    run.code = run.wait()
    return run


def status(url):
    with urllib.request.urlopen(url, timeout=60) as reply:
        return reply.status


def test_a_full_run_keeps_every_promise(direct_run):
    promises = summary(direct_run)

    assert list(promises) == [
        "scored calls", "errors", "toxic texts", "ungrounded answers", "drift", "cost", "latency",
    ]  # fmt: skip
    assert all(kept for kept, _ in promises.values()), direct_run.report
    assert direct_run.code == 0, direct_run.report


def test_every_call_of_the_workload_is_scored_and_both_models_are_named(direct_run):
    seen = summary(direct_run)["scored calls"][1]

    scored, expected = map(int, re.match(r"(\d+) of (\d+)", seen).groups())
    assert scored == expected > 50
    assert re.search(r"\d+ by scripted, \d+ by smollm2-135m-instruct", seen)


def test_drift_raises_its_alarm_after_the_subject_has_changed(direct_run):
    seen = summary(direct_run)["drift"][1]
    before, after, threshold = map(float, re.findall(r"-?\d+\.\d+", seen))

    assert before < threshold < after
    assert int(re.search(r"alarm at call (\d+)", seen)[1]) > 38  # calls before the subject changes


def test_each_kind_of_fault_is_seen(direct_run):
    promises = summary(direct_run)

    assert "InternalServerError" in promises["errors"][1]
    assert "APIConnectionError" in promises["errors"][1]  # the stream that breaks midway
    assert re.match(r"\d+ answers and 1 question", promises["toxic texts"][1])
    assert "✗" in next(line for line in direct_run.output.splitlines() if "grace period" in line)


def test_the_last_view_is_saved_as_a_picture(direct_run):
    picture = (direct_run.folder / "view.svg").read_text()

    assert picture.startswith("<svg")
    assert "otel-llm&#160;demo" in picture
    assert "@font-face" not in picture  # a picture makes no requests


@needs_proc
def test_after_a_full_run_no_process_is_left(direct_run):
    assert direct_run.processes() == {}


def test_every_promise_is_kept_and_a_kept_run_ends_well(stack_run):
    assert all(kept for kept, _ in summary(stack_run).values()), stack_run.report
    assert stack_run.code == 0, stack_run.report


def test_both_alerts_are_delivered_with_what_they_say(stack_run):
    lines = re.findall(r"^alert (\w+) \((\w+)\) firing after \d+ s: (.+)$", stack_run.output, re.MULTILINE)
    alerts = {name: (severity, text) for name, severity, text in lines}

    assert alerts["LlmToxicityRateHigh"][0] == "ticket"
    assert re.match(r"help-desk: [\d.]+% .*toxic", alerts["LlmToxicityRateHigh"][1])
    assert alerts["LlmErrorRateHigh"][0] == "page"
    assert re.match(r"help-desk: [\d.]+% .*fail", alerts["LlmErrorRateHigh"][1])


def test_the_servers_stay_up_until_ctrl_c_and_no_longer(stack_run):
    assert stack_run.answers == dict.fromkeys(PATHS, 200)
    assert len(stack_run.kept) == 6  # the demo and the five servers; the application has ended
    assert stack_run.processes() == {}
