"""What every test stands on."""

import contextlib
import signal
from pathlib import Path

import pytest

with contextlib.suppress(ModuleNotFoundError):  # .venv-export is without hypothesis
    from hypothesis import HealthCheck, settings

    # no deadline for an example, and none for its making: elapsed time says nothing on a loaded machine
    settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("any machine")

pytest_plugins = ("support.programs",)
LONGEST_FIRST = (
    "demo/test_full_runs.py",
    "models/test_in_own_environment.py",
    "instrument/conformance/test_conformance.py",
    "instrument/beside/test_other_instrumentations.py",
    "backends/test_phoenix.py",
    "service/test_service.py",
    "stack/test_overload.py",
    "demo/test_demo.py",
    "e2e/test_straight_line.py",
    "evaluate/definition/test_third_party.py",
    "serve/test_serve_command.py",
    "stack/test_kills.py",
    "service/test_collector_command.py",
    "service/processes/test_signals.py",
    "instrument/lifecycle/test_processes.py",
    "packaging/test_wheel.py",
    "stack/test_alert.py",
)
"""The files of tests that take longest: each takes 10 s or more."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In one of several processes, start with the longest files: none is left when other processes are done."""
    places = {Path(__file__).parent / file: place for place, file in enumerate(LONGEST_FIRST)}
    if gone := [str(path) for path in places if not path.exists()]:
        raise pytest.UsageError(f"LONGEST_FIRST names files that are not there: {', '.join(gone)}")
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session", autouse=True)
def _signals_are_heard():
    """Let SIGINT and SIGHUP interrupt: a shell ignores SIGINT in the background, and nohup ignores SIGHUP.

    Children inherit that a signal is ignored.
    """
    actions = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, action) for number, action in actions.items()}
    yield
    for number, action in before.items():
        signal.signal(number, action)
