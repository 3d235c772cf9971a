"""When a breaker lets calls through, on a fixed clock."""

import logging

from otel_llm.evaluate.run.breaker import Breaker


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_the_breaker_lets_one_trial_through_per_cool_down(caplog):
    caplog.set_level(logging.INFO)
    clock = Clock()
    breaker = Breaker("moody", max_failures=2, cool_down_s=30, clock=clock)
    breaker.failed(ValueError())
    breaker.succeeded()
    breaker.failed(ValueError())
    assert breaker.admits()  # not two in a row
    breaker.failed(ValueError())
    assert not breaker.admits()
    clock.now += 30
    assert [breaker.admits(), breaker.admits()] == [True, False]
    breaker.failed(ValueError())
    clock.now += 29
    assert not breaker.admits()
    clock.now += 1
    assert breaker.admits()
    clock.now += 30  # nothing came of that trial
    assert breaker.admits()
    breaker.succeeded()
    assert [breaker.admits(), breaker.admits()] == [True, True]
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
