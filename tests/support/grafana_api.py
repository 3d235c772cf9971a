"""A loopback server with the few endpoints of Grafana's HTTP API that a push uses.

There is no Grafana among the packages that tests can install. What this one answers, and what it adds to what it
stores, was read off a Grafana 12.2: status codes, error bodies, `id` and `version`, the version that rises with
every save, and the refusal of a folder whose title is taken.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "glsa_of_the_test"
DATASOURCES = [
    {"id": 1, "uid": "prom-1", "name": "Prometheus", "type": "prometheus", "url": "http://127.0.0.1:9090"},
    {"id": 2, "uid": "loki-1", "name": "Loki", "type": "loki", "url": "http://127.0.0.1:3100"},
]


@dataclass
class Grafana:
    """What it holds, and which writes it took."""

    url: str = ""
    prefix: str = ""
    folders: list[dict[str, Any]] = field(default_factory=list)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    may_write: bool = True

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        match method, path.removeprefix(f"{self.prefix}/api/").split("/"):
            case "GET", ["datasources"]:
                return 200, DATASOURCES
            case "GET", ["folders"]:
                return 200, self.folders
            case "GET", ["dashboards", "uid", uid] if uid in self.dashboards:
                return 200, self.dashboards[uid]
            case "POST", what if what in (["folders"], ["dashboards", "db"]):
                return self.write(what[0], body)
            case _:
                return 404, _said("Not found")

    def write(self, what: str, body: dict[str, Any]) -> tuple[int, Any]:
        if not self.may_write:
            return 403, _said("You'll need additional permissions to perform this action.")
        return self.create_folder(body["title"]) if what == "folders" else self.save(body)

    def create_folder(self, title: str) -> tuple[int, Any]:
        if any(folder["title"] == title for folder in self.folders):
            return 412, _said("the folder has been changed by someone else")
        folder = {"id": len(self.folders) + 1, "uid": f"folder-{len(self.folders) + 1}", "title": title}
        self.folders.append(folder)
        self.writes.append(f"folder {title}")
        return 200, folder

    def save(self, body: dict[str, Any]) -> tuple[int, Any]:
        uid = body["dashboard"]["uid"]
        there = self.dashboards.get(uid)
        if there and not body.get("overwrite"):
            return 412, {"message": "The dashboard has been changed by someone else", "status": "version-mismatch"}
        version = there["dashboard"]["version"] + 1 if there else 1
        stored = {**body["dashboard"], "id": 7, "version": version}
        meta = {
            "slug": "llm-overview",
            "url": f"/d/{uid}/llm-overview",
            "folderUid": body["folderUid"],
            "version": version,
        }
        self.dashboards[uid] = {"meta": meta, "dashboard": stored}
        self.writes.append(f"dashboard version {version}")
        return 200, {"id": 7, "uid": uid, "status": "success", "version": version, "url": meta["url"]}


def _said(message: str) -> dict[str, str]:
    return {"message": message}


@contextmanager
def grafana_api(prefix: str = "") -> Iterator[Grafana]:
    """Run it on a free port, served below the path `prefix`."""
    grafana = Grafana(prefix=prefix)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.handle_call(None)

        def do_POST(self) -> None:
            self.handle_call(json.loads(self.rfile.read(int(self.headers["content-length"]))))

        def handle_call(self, body: Any) -> None:
            if self.headers["authorization"] != f"Bearer {TOKEN}":
                status, answer = 401, _said("Invalid API key")
            else:
                status, answer = grafana.answer(self.command, self.path.split("?")[0], body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json; charset=UTF-8")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    grafana.url = f"http://127.0.0.1:{server.server_port}{prefix}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield grafana
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
