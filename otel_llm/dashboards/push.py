"""The dashboard -> a Grafana that runs, through its HTTP API; a push of what is there already changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException

from otel_llm.config.dashboards import PushSettings
from otel_llm.dashboards.overview import Json, overview
from otel_llm.errors import GrafanaError

_NOT_FOUND: Final = 404
_REMEDIES: Final = {
    401: "the token is not valid: it may be revoked or of another Grafana",
    403: "the token's service account may not do this: give it the role Editor",
    404: "no Grafana API is there: give the URL with the path that Grafana is served below",
    409: "someone else changed it at the same time: push again",
    412: "someone else changed it at the same time: push again",
}


class Pushed(NamedTuple):
    """The outcome of a push, with the dashboard's URL."""

    outcome: Literal["created", "updated", "unchanged"]
    url: str


def push(settings: PushSettings) -> Pushed:
    """Bring the dashboard into Grafana; what it holds is compared first, as an identical push adds a version.

    A dashboard that someone changed in Grafana becomes ours again; its version history keeps what it was.

    Raises:
        GrafanaError: Grafana cannot be reached, or refuses; the message gives the remedy.
    """
    address = _address(settings.url)
    grafana = GrafanaApi.from_url(address, settings.token)
    try:
        return _push(settings, grafana, address)
    finally:
        grafana.client.s.close()


def _push(settings: PushSettings, grafana: GrafanaApi, address: str) -> Pushed:
    ask = partial(_ask, address)
    datasource = _datasource(settings, ask(grafana.datasource.list_datasources)) if settings.datasource else None
    model = overview(datasource=datasource)
    folder = _folder(settings.folder, grafana, ask)
    there = ask(grafana.dashboard.get_dashboard, model["uid"], missing={})
    url = f"{address}d/{model['uid']}"
    if there and there["meta"].get("folderUid") == folder and _content(there["dashboard"]) == _content(model):
        return Pushed("unchanged", url)
    ask(
        grafana.dashboard.update_dashboard,
        {"dashboard": model, "folderUid": folder, "overwrite": True, "message": "otel-llm dashboards push"},
    )
    return Pushed("updated" if there else "created", url)


def _address(url: str) -> str:
    """Return the URL as the client needs it, which appends "api" to the path as it is; without a password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/") + "/", "", ""))


def _folder(title: str, grafana: GrafanaApi, ask: Callable[..., Any]) -> str:
    """Return the folder's uid. It is looked for first: creating one that is there is refused."""
    for folder in ask(grafana.folder.get_all_folders):
        if folder["title"] == title:
            return str(folder["uid"])
    return str(ask(grafana.folder.create_folder, title)["uid"])


def _datasource(settings: PushSettings, sources: list[Json]) -> str:
    prometheus = [source for source in sources if source["type"] == "prometheus"]
    for source in prometheus:
        if settings.datasource in {source["uid"], source["name"]}:
            return str(source["uid"])
    names = ", ".join(source["name"] for source in prometheus) or "none"
    raise GrafanaError(
        f"--datasource must name a Prometheus data source of {settings.url}, got {settings.datasource!r}; "
        f"there are: {names}"
    )


def _content(dashboard: Json) -> Json:
    """Return a dashboard without what Grafana itself puts in when it stores it."""
    return {key: value for key, value in dashboard.items() if key not in {"id", "version"}}


def _ask(address: str, request: Callable[..., Any], *arguments: object, missing: object = None) -> Any:
    """Return the answer to a request, or `missing`, if there is such a thing, when Grafana has none.

    Raises:
        GrafanaError: Grafana cannot be reached, or refuses.
    """
    try:
        return request(*arguments)
    except GrafanaClientError as error:
        if error.status_code == _NOT_FOUND and missing is not None:
            return missing
        remedy = _REMEDIES.get(error.status_code, "read Grafana's log for more")
        raise GrafanaError(f"{address}: {error.message}: {remedy}") from error
    except GrafanaException as error:
        raise GrafanaError(f"{address}: {error.message}: is Grafana well? read its log") from error
    except ValueError as error:  # a page in place of JSON: another server, or a proxy's log-in
        raise GrafanaError(f"{address} is no Grafana API: {error}: {_REMEDIES[_NOT_FOUND]}") from error
    except OSError as error:  # the HTTP library's other errors are of this kind
        raise GrafanaError(f"{address} cannot be reached: {_reason(error)}: does Grafana listen there?") from error


def _reason(error: BaseException) -> str:
    """Return the system's words for the cause; the HTTP library's own message is a nest of its objects."""
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        last, cause = cause, cause.__cause__ or cause.__context__
    return f"{type(last).__name__}: {last}"
