"""The command `otel-llm doctor`."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable

import click

from otel_llm.config.sdk_environment import run_environment
from otel_llm.doctor.finding import Finding

_MARKS = {
    "ok": click.style("✓", "green"),
    "note": click.style("·", "yellow"),
    "wrong": click.style("✗", "red", bold=True),
}
_SERVICES = ("http://localhost:8888", "http://localhost:9464")
"""Pages of the service: by default, and where a Collector of the same machine has the first port."""
_PROMETHEUS = "http://localhost:9090"


@click.command("doctor")
@click.option("--endpoint", metavar="URL", help="Where telemetry goes, as with `otel-llm run`.")
@click.option(
    "--service",
    metavar="URL",
    help=f"Telemetry port of the evaluation service.  [default: {_SERVICES[0]}, else {_SERVICES[1]}]",
)
@click.option("--prometheus", metavar="URL", help=f"The Prometheus that scrapes.  [default: {_PROMETHEUS}]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a finding.")
def command(endpoint: str | None, service: str | None, prometheus: str | None, as_json: bool) -> None:
    """Look at what is installed, instrumented, exported, reachable, evaluated and scraped.

    Run it in the environment and with the variables of the application. Each thing that is missing comes with its
    remedy. An empty export is sent to the endpoint of each signal; nothing else is sent or changed.

    Exits with 1 where something is wrong.
    """
    from otel_llm.doctor.evaluated import evaluated
    from otel_llm.doctor.exported import exported
    from otel_llm.doctor.installed import installed
    from otel_llm.doctor.instrumented import instrumented
    from otel_llm.doctor.pages import base_url
    from otel_llm.doctor.scraped import scraped

    environment = run_environment(os.environ, endpoint=endpoint)
    counts: Counter[str] = Counter()
    for title, findings in (
        ("installed", installed()),
        ("instrumented", instrumented(environment)),
        ("exported", exported(environment)),
        ("evaluated", evaluated(*([base_url(service)] if service else _SERVICES), asked=bool(service))),
        ("scraped", scraped(base_url(prometheus or _PROMETHEUS), asked=bool(prometheus))),
    ):
        counts.update(_show(title, findings, as_json=as_json))
    if not as_json:
        click.echo(f"{counts['wrong']} wrong, {counts['note']} to know, {counts['ok']} as it should be")
    sys.exit(1 if counts["wrong"] else 0)


def _show(title: str, findings: Iterable[Finding], *, as_json: bool) -> list[str]:
    """Print the findings as they come; return their levels."""
    levels: list[str] = []
    if not as_json:
        click.secho(title, bold=True)
    for finding in findings:
        levels.append(finding.level)
        if as_json:
            click.echo(json.dumps({"about": title, **finding._asdict()}))
            continue
        click.echo(f"  {_MARKS[finding.level]} {finding.text}")
        if finding.remedy:
            click.echo(f"      → {finding.remedy}")
    return levels
