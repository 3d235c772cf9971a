"""The demo through the servers of others."""

import re
import signal
import urllib.request

import pytest
from support.demo_run import summary
from support.servers import need

from otel_llm.demo import servers

PATHS = {"model server": "/healthz", "Prometheus": "/-/ready", "Alertmanager": "/-/ready"}


@pytest.fixture(scope="module")
def run(full_runs):
    """A demo that was kept up after its workload until it was looked at, and ended with Ctrl-C."""
    need(servers.COLLECTOR, servers.PROMETHEUS, servers.ALERTMANAGER)
    _, run = full_runs
    run.wait_for("^The workload is done. The servers run on until Ctrl-C.", 300)
    run.kept = run.processes()
    run.answers = {name: status(run.address(name) + path) for name, path in PATHS.items()}
    run.signal(signal.SIGINT)
    run.code = run.wait()
    return run


def status(url):
    with urllib.request.urlopen(url, timeout=10) as reply:
        return reply.status


def test_every_promise_is_kept_and_a_kept_run_ends_well(run):
    assert all(kept for kept, _ in summary(run).values()), run.output
    assert run.code == 0


def test_both_alerts_are_delivered_with_what_they_say(run):
    lines = re.findall(r"^alert (\w+) \((\w+)\) firing after \d+ s: (.+)$", run.output, re.MULTILINE)
    alerts = {name: (severity, text) for name, severity, text in lines}

    assert alerts["LlmToxicityRateHigh"][0] == "ticket"
    assert re.match(r"help-desk: [\d.]+% .*toxic", alerts["LlmToxicityRateHigh"][1])
    assert alerts["LlmErrorRateHigh"][0] == "page"
    assert re.match(r"help-desk: [\d.]+% .*fail", alerts["LlmErrorRateHigh"][1])


def test_the_servers_stay_up_until_ctrl_c_and_no_longer(run):
    assert run.answers == dict.fromkeys(PATHS, 200)
    assert len(run.kept) == 6  # the demo and the five servers; the application has ended
    assert run.processes() == {}
