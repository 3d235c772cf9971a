"""benchmarks/kills.py, shortened: the real Collector in front, the service killed again and again."""

import sys
from pathlib import Path

from support.servers import need

from otel_llm.demo import servers

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))


def test_no_acknowledged_span_is_lost_over_kills_under_load() -> None:
    need(servers.COLLECTOR)
    from kills import run

    report = run(kills=5, seed=1)
    assert report.spans > 100
    assert report.lost == 0
    assert report.results == report.spans * 4
