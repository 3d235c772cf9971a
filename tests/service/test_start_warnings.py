"""What is said at the start: of queues that nobody works on, of what is open to strangers."""

from pathlib import Path

import pytest

from otel_llm.config.service import ServiceSettings
from otel_llm.queue.durable import DurableQueue
from otel_llm.service.start_warnings import warn_of_left_over, warn_of_strangers


@pytest.mark.parametrize(("processes", "named"), [(1, ["1", "12"]), (2, ["12"]), (13, [])])
def test_what_fewer_processes_leave_behind_is_said(
    tmp_path: Path, processes: int, named: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("0", "1", "12", "notes"):
        queue = DurableQueue(tmp_path / name, max_bytes=1 << 20)
        queue.append(b"waits").result(10)
        queue.close()
    DurableQueue(tmp_path / "14", max_bytes=1 << 20).close()  # nothing is in it
    warn_of_left_over(ServiceSettings.model_validate({"processes": processes, "queue": {"folder": tmp_path}}))
    assert [record.args[0] for record in caplog.records] == [tmp_path / name for name in named]


def test_without_a_folder_nothing_is_left(caplog: pytest.LogCaptureFixture) -> None:
    warn_of_left_over(ServiceSettings())
    assert not caplog.records


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, []),
        ({"debug_calls": True, "host": "localhost"}, []),
        ({"host": "0.0.0.0"}, ["may send"]),
        ({"host": "0.0.0.0", "receive": {"bearer_tokens_file": "tokens"}}, []),
        ({"host": "0.0.0.0", "debug_calls": True}, ["may send", "reads what was said"]),
        ({"host": "::", "debug_calls": True, "telemetry_host": "::1"}, ["may send"]),
    ],
)
def test_what_is_open_to_strangers_is_said(
    settings: dict[str, object], said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    warn_of_strangers(ServiceSettings.model_validate(settings))
    assert len(caplog.records) == len(said)
    assert all(part in record.message for part, record in zip(said, caplog.records, strict=True))
