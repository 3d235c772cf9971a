"""The order in which parts of the service start and stop."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

import pytest
from support.service import LengthPipeline, service

from otel_llm.service.stages.base import Deadline, Stage, Stages
from otel_llm.service.stages.base import stage as as_stage


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def stage(said: list[str]) -> Callable[..., Stage[str]]:
    def stage(name: str, start: Exception | None = None, stop: Exception | None = None) -> Stage[str]:
        @as_stage(name)
        async def run() -> AsyncIterator[str]:
            if start:
                raise start
            said.append(f"start {name}")
            try:
                yield name
            finally:
                said.append(f"stop {name}")
                if stop:
                    raise stop

        return run()

    return stage


def test_stages_stop_in_the_reverse_order(said: list[str], stage: Callable[..., Stage[str]]) -> None:
    async def run() -> None:
        async with Stages() as stages:
            assert await stages.start(stage("queue")) == "queue"
            await stages.start(stage("receivers"))
            said.append("ready")

    asyncio.run(run())
    assert said == ["start queue", "start receivers", "ready", "stop receivers", "stop queue"]


def test_where_a_stage_cannot_start_those_before_it_stop(
    said: list[str], stage: Callable[..., Stage[str]]
) -> None:
    async def run() -> None:
        async with Stages() as stages:
            await stages.start(stage("queue"))
            await stages.start(stage("receivers", start=OSError("no port")))

    with pytest.raises(OSError, match="no port"):
        asyncio.run(run())
    assert said == ["start queue", "stop queue"]


def test_a_stage_that_fails_to_stop_keeps_no_other_from_it(
    said: list[str], stage: Callable[..., Stage[str]]
) -> None:
    async def run() -> None:
        async with Stages() as stages:
            await stages.start(stage("queue"))
            await stages.start(stage("receivers", stop=OSError("hung")))

    with pytest.raises(OSError, match="hung"):
        asyncio.run(run())
    assert said == ["start queue", "start receivers", "stop receivers", "stop queue"]


def test_a_deadline_that_has_not_begun_leaves_no_time() -> None:
    async def left() -> tuple[float, float]:
        deadline = Deadline(60)
        before = deadline.left_s()
        deadline.start()
        return before, deadline.left_s()

    before, after = asyncio.run(left())
    assert before == 0
    assert 0 < after <= 60
    assert Deadline(2).last_s == 0.5


def test_the_service_receives_last_and_stops_receiving_first(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "otel_llm.service.stages.base")
    with service(LengthPipeline()):
        pass
    names = [record.getMessage() for record in caplog.records if record.name == "otel_llm.service.stages.base"]
    order = [
        "ports", "metrics", "telemetry port", "own spans", "queue", "deliveries", "evaluators", "consumer",
        "receivers", "readiness",
    ]  # fmt: skip
    assert names == [f"started: {name}" for name in order] + [f"stopping: {name}" for name in reversed(order)]
