"""The servers that we run but do not bring: how each starts on given ports, and what it is asked.

A Collector with `collector/tap.yaml`, a Prometheus and an Alertmanager, each on loopback, with its configuration,
data and log in a work folder. The demo and the tests start them alike. Port 0 takes any free one.
"""

from otel_llm.demo.servers.alertmanager import Alertmanager, start_alertmanager
from otel_llm.demo.servers.base import Server
from otel_llm.demo.servers.collector import Collector, CollectorPorts, start_collector
from otel_llm.demo.servers.programs import ALERTMANAGER, COLLECTOR, PROMETHEUS, PROMTOOL, Program, remedy
from otel_llm.demo.servers.prometheus import Prometheus, Sample, start_prometheus

__all__ = [
    "ALERTMANAGER",
    "COLLECTOR",
    "PROMETHEUS",
    "PROMTOOL",
    "Alertmanager",
    "Collector",
    "CollectorPorts",
    "Program",
    "Prometheus",
    "Sample",
    "Server",
    "remedy",
    "start_alertmanager",
    "start_collector",
    "start_prometheus",
]
