"""`otel-llm dashboards`: build the dashboard and the alert rules, push the dashboard to a Grafana."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from otel_llm.config.dashboards import read_push_settings
from otel_llm.dashboards import links
from otel_llm.extras import needs


@click.group()
def command() -> None:
    """Build or push the Grafana dashboard and the alert rules."""


@command.command("build")
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), default=Path("dashboards"), show_default=True,
    help="The folder to write to.",
)  # fmt: skip
@click.option("--check", is_flag=True, help="Write nothing; show what differs, and fail if anything does.")
@click.option(
    "--grafana-url", default=links.GRAFANA_URL, show_default=True, help="Where the links in the alerts lead."
)
@click.option("--runbook-url", help="Where you keep the runbook; else it is the dashboard's panel.")
def build_command(output: Path, check: bool, grafana_url: str, runbook_url: str | None) -> None:
    """Write the dashboard (JSON, for Grafana) and the alert rules (YAML, for Prometheus)."""
    with needs("otel-llm dashboards", "dashboards"):
        from otel_llm.dashboards.build import rendered, stale, write
    files = rendered(grafana_url=grafana_url, runbook_url=runbook_url)
    if not check:
        write(output, files)
        click.echo(f"{output}: {', '.join(files)}")
    elif difference := stale(output, files):
        click.echo(difference, nl=False)
        click.echo(f"{output} is stale: run `otel-llm dashboards build`", err=True)
        sys.exit(1)


@command.command("push")
@click.option("--url", help="Where Grafana is; else GRAFANA_URL.")
@click.option(
    "--token", help="A service account's token; else GRAFANA_TOKEN, which other users' `ps` does not show."
)
@click.option("--folder", help="The title of the folder it goes into.  [default: LLM]")
@click.option("--datasource", help="The name or uid of the Prometheus data source that is chosen at first.")
def push_command(url: str | None, token: str | None, folder: str | None, datasource: str | None) -> None:
    """Bring the dashboard into a Grafana; nothing changes if it is there as it is."""
    settings = read_push_settings(url=url, token=token, folder=folder, datasource=datasource)
    with needs("otel-llm dashboards", "dashboards"):
        from otel_llm.dashboards.push import push
    pushed = push(settings)
    click.echo(f"{pushed.outcome}: {pushed.url}")
