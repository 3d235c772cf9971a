"""Third-party servers, which are not part of otel-llm: how they start, and how they are queried.

A Collector with `collector/tap.yaml`, a Prometheus and an Alertmanager, each on loopback, with configuration, data
and log in a work folder. The demo and the tests start the same servers. Port 0 takes any free port.
"""

from otel_llm.demo.servers.alertmanager import Alertmanager, start_alertmanager
from otel_llm.demo.servers.base import RunningServer
from otel_llm.demo.servers.collector import Collector, CollectorPorts, start_collector
from otel_llm.demo.servers.programs import ALERTMANAGER, COLLECTOR, PROMETHEUS, PROMTOOL, ServerProgram, remedy
from otel_llm.demo.servers.prometheus import Prometheus, Sample, start_prometheus

__all__ = [
    "ALERTMANAGER",
    "COLLECTOR",
    "PROMETHEUS",
    "PROMTOOL",
    "Alertmanager",
    "Collector",
    "CollectorPorts",
    "Prometheus",
    "RunningServer",
    "Sample",
    "ServerProgram",
    "remedy",
    "start_alertmanager",
    "start_collector",
    "start_prometheus",
]
