"""Prometheus: scrapes, evaluates rules, answers queries."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from otel_llm.demo.servers.base import HOST, RunningServer, duration, free_ports, start, write_yaml
from otel_llm.demo.servers.programs import PROMETHEUS
from otel_llm.errors import ServerError

_POLL_S: Final = 0.1


class Sample(NamedTuple):
    """One element in the result of an instant query."""

    labels: dict[str, str]
    value: float


@dataclass(frozen=True, kw_only=True)
class Prometheus(RunningServer):
    """A Prometheus; `url` is its web page and its API."""

    def query(self, expression: str) -> list[Sample]:
        """Return the current value of the expression, an instant vector.

        Raises:
            urllib.error.HTTPError: the expression is no PromQL.
        """
        data = self.api("query", query=expression)
        return [Sample(one["metric"], float(one["value"][1])) for one in data["result"]]

    def wait_for(self, expression: str, timeout_s: float) -> list[Sample]:
        """Return the value of the expression once it has one.

        Prometheus scrapes some five seconds after its start at the earliest: wait for `up == 1` before events that
        it must see from the beginning.

        Raises:
            ServerError: Prometheus exited, or the expression has no value after `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        while not (samples := self.query(expression)):
            self.process.is_ready(self.url)
            if time.monotonic() > deadline:
                raise ServerError(f"prometheus has no value for {expression} after {timeout_s:g} s")
            time.sleep(_POLL_S)
        return samples

    def api(self, path: str, **parameters: str) -> Any:
        """Return the `data` of an answer of the HTTP API, as in `api("targets")`."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310 - our own loopback URL
            return json.load(reply)["data"]


def start_prometheus(
    folder: Path,
    *,
    targets: Mapping[str, str],
    rule_files: Sequence[Path] = (),
    alertmanager: str | None = None,
    interval_s: float = 15,
    port: int = 0,
) -> Prometheus:
    """Return Prometheus once it answers.

    Args:
        folder: the folder for its configuration, data and log.
        targets: by job name, host and port to scrape at `/metrics`.
        rule_files: recording and alerting rules.
        alertmanager: host and port to send alerts to.
        interval_s: seconds between scrapes, and between evaluations of rules.
        port: the port to listen on.

    Raises:
        ServerError: Prometheus is not installed, or did not become ready.
        PortTakenError: a port is in use.
    """
    address = f"{HOST}:{free_ports({'--prometheus-port': port})[0]}"
    configuration: dict[str, Any] = {
        "global": {
            "scrape_interval": duration(interval_s),
            "scrape_timeout": duration(min(interval_s, 10)),
            "evaluation_interval": duration(interval_s),
        },
        "rule_files": [str(path.resolve()) for path in rule_files],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()
        ],
    }
    if alertmanager:
        configuration["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    url = f"http://{address}"
    command = [
        str(PROMETHEUS.require()),
        f"--config.file={write_yaml(folder / 'prometheus.yml', configuration)}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address={address}",
        f"--web.external-url={url}",
        "--log.level=warn",
    ]
    return Prometheus(process=start("prometheus", command, folder, ready_url=f"{url}/-/ready"), url=url)
