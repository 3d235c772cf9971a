"""`otel-llm dashboards push`, against Grafana's HTTP API as `support.grafana_api` speaks it."""

import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from click.testing import CliRunner
from support.grafana_api import TOKEN, Grafana, grafana_api

from otel_llm.cli import group
from otel_llm.config.dashboards import PushSettings, read_push_settings
from otel_llm.dashboards.links import UID
from otel_llm.dashboards.overview import overview
from otel_llm.dashboards.push import push
from otel_llm.errors import ConfigError, GrafanaError


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    with grafana_api() as running:
        yield running


def settings(grafana: Grafana, **options: str) -> PushSettings:
    return PushSettings(**{"url": grafana.url, "token": TOKEN, **options})


def test_a_first_push_makes_the_folder_and_the_dashboard(grafana: Grafana) -> None:
    assert push(settings(grafana)) == ("created", f"{grafana.url}/d/{UID}")
    assert grafana.writes == ["folder LLM", "dashboard version 1"]
    stored = grafana.dashboards[UID]
    assert stored["meta"]["folderUid"] == grafana.folders[0]["uid"]
    assert {key: value for key, value in stored["dashboard"].items() if key not in {"id", "version"}} == overview()


def test_the_same_push_again_writes_nothing(grafana: Grafana) -> None:
    push(settings(grafana))
    grafana.writes.clear()
    assert push(settings(grafana)).outcome == "unchanged"
    assert grafana.writes == []


def test_what_someone_changed_in_grafana_becomes_ours_again(grafana: Grafana) -> None:
    push(settings(grafana))
    grafana.dashboards[UID]["dashboard"]["panels"][1]["title"] = "edited by hand"
    assert push(settings(grafana)).outcome == "updated"
    assert grafana.dashboards[UID]["dashboard"]["panels"] == overview()["panels"]


def test_another_folder_is_a_difference_and_one_that_is_there_is_used(grafana: Grafana) -> None:
    push(settings(grafana))
    grafana.create_folder("On call")
    assert push(settings(grafana, folder="On call")).outcome == "updated"
    assert grafana.dashboards[UID]["meta"]["folderUid"] == "folder-2"
    assert len(grafana.folders) == 2


@pytest.mark.parametrize("named", ["Prometheus", "prom-1"])
def test_a_data_source_is_named_by_its_name_or_its_uid(grafana: Grafana, named: str) -> None:
    push(settings(grafana, datasource=named))
    (variable,) = (
        one for one in grafana.dashboards[UID]["dashboard"]["templating"]["list"] if one["type"] == "datasource"
    )
    assert variable["current"]["value"] == "prom-1"


@pytest.mark.parametrize("named", ["Loki", "none of them"])
def test_a_data_source_that_is_no_prometheus_is_refused_with_those_that_are(grafana: Grafana, named: str) -> None:
    with pytest.raises(GrafanaError, match=f"got '{named}'; there are: Prometheus$"):
        push(settings(grafana, datasource=named))
    assert grafana.writes == []


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_grafana_below_a_path_is_reached(slash: str) -> None:
    with grafana_api(prefix="/grafana") as grafana:
        assert push(PushSettings(url=grafana.url + slash, token=TOKEN)).url == f"{grafana.url}/d/{UID}"


def test_a_password_in_the_url_is_not_shown(grafana: Grafana) -> None:
    with_password = grafana.url.replace("//", "//admin:secret@")
    assert push(PushSettings(url=with_password, token=TOKEN)).url == f"{grafana.url}/d/{UID}"


def test_a_wrong_token_is_an_error_that_says_so(grafana: Grafana) -> None:
    with pytest.raises(GrafanaError, match="the token is not valid"):
        push(settings(grafana, token="another"))


def test_a_token_that_may_not_write_is_an_error_that_names_the_role(grafana: Grafana) -> None:
    grafana.may_write = False
    with pytest.raises(GrafanaError, match="give it the role Editor"):
        push(settings(grafana))


def test_a_url_without_grafanas_path_is_an_error_that_says_so() -> None:
    with (
        grafana_api(prefix="/grafana") as grafana,
        pytest.raises(GrafanaError, match="give the URL with the path"),
    ):
        push(PushSettings(url=grafana.url.removesuffix("/grafana"), token=TOKEN))


def test_a_change_at_the_same_time_is_an_error_that_says_to_push_again(
    grafana: Grafana, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grafana, "save", lambda _: (412, {"message": "changed by someone else"}))
    with pytest.raises(GrafanaError, match="push again"):
        push(settings(grafana))


def test_a_grafana_that_fails_is_an_error_that_points_at_its_log(
    grafana: Grafana, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grafana, "save", lambda _: (500, {"message": "database is locked"}))
    with pytest.raises(GrafanaError, match=r"database is locked.*read its log"):
        push(settings(grafana))


def test_a_page_in_place_of_json_is_an_error_that_says_so() -> None:
    class Login(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>log in</html>")

        def log_message(self, *_: object) -> None:
            pass

    with socketserver.TCPServer(("127.0.0.1", 0), Login) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            with pytest.raises(GrafanaError, match="is no Grafana API"):
                push(PushSettings(url=f"http://127.0.0.1:{server.server_address[1]}", token=TOKEN))
        finally:
            server.shutdown()
            thread.join()


def test_a_grafana_that_is_not_there_is_an_error_that_says_so() -> None:
    with pytest.raises(GrafanaError, match="cannot be reached: Connection refused: does Grafana listen there"):
        push(PushSettings(url="http://127.0.0.1:1", token=TOKEN))


def test_the_command_says_what_it_did(grafana: Grafana) -> None:
    arguments = ["dashboards", "push", "--folder", "Mine"]
    environment = {"GRAFANA_URL": grafana.url, "GRAFANA_TOKEN": TOKEN}
    first, second = (CliRunner(env=environment).invoke(group, arguments).output for _ in range(2))
    assert first == f"created: {grafana.url}/d/{UID}\n"
    assert second == f"unchanged: {grafana.url}/d/{UID}\n"
    assert [folder["title"] for folder in grafana.folders] == ["Mine"]


@pytest.mark.parametrize(
    ("url", "token", "message"),
    [
        (None, TOKEN, "--url"),
        ("grafana:3000", TOKEN, "--url .* got 'grafana:3000'"),
        ("http://grafana:3000", None, "--token .* role Editor"),
    ],
)
def test_a_missing_or_wrong_setting_is_named_with_what_it_must_be(
    url: str | None, token: str | None, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        read_push_settings({}, url=url, token=token)


def test_options_come_before_the_environment_and_a_token_is_never_shown() -> None:
    environment = {"GRAFANA_URL": "http://one:3000", "GRAFANA_TOKEN": "secret-1"}
    read = read_push_settings(environment, url="http://two:3000", token=None, folder=None)
    assert (read.url, read.token, read.folder) == ("http://two:3000", "secret-1", "LLM")
    assert "secret" not in repr(read)
