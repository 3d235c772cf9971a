from contextlib import ExitStack

import pytest
from support.demo_run import DemoRun, need_weights

from otel_llm.demo import servers

STACK = (servers.COLLECTOR, servers.PROMETHEUS, servers.ALERTMANAGER)
CALLS_S = 300  # a run takes one minute by itself on two cores


@pytest.fixture(scope="session")
def full_runs(tmp_path_factory):
    """Demos that run to their end, both at once: alone, and through the servers of others where they are here."""
    need_weights()
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("direct")
        direct = stack.enter_context(DemoRun(folder, "--save-svg", str(folder / "view.svg")))
        through = None
        if all(program.find() for program in STACK):
            through = stack.enter_context(DemoRun(tmp_path_factory.mktemp("stack"), "--with", "all", "--keep"))
        yield direct, through


@pytest.fixture(scope="session")
def direct_run(full_runs):
    """A demo without other servers, which has ended by itself."""
    direct, _ = full_runs
    direct.code = direct.wait(CALLS_S)
    return direct
