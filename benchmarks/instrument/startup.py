"""What it takes to import one subject and switch it on, in a process that has imported the client alone.

python startup.py WRITE_TO SUBJECT
"""

import json
import sys
import time
from pathlib import Path

import openai  # noqa: F401 - all else is measured on top of it
from subjects import SUBJECTS

SETTLED_S = 0.15


def package(module: str) -> str:
    """Return the package that a module is of; OpenTelemetry's are those below its namespace."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "opentelemetry" else parts[0]


def measure(name: str) -> dict[str, object]:
    before = set(sys.modules)
    thread, process, wall = time.thread_time(), time.process_time(), time.perf_counter()
    SUBJECTS[name].instrument(False)
    thread, wall = time.thread_time() - thread, time.perf_counter() - wall
    while True:  # until nothing works in the background any more, up to a second of it
        so_far = time.process_time() - process
        time.sleep(SETTLED_S)
        if time.process_time() - process - so_far < SETTLED_S / 50 or so_far > 1:
            break
    new = set(sys.modules) - before
    packages: dict[str, int] = {}
    for module in new:
        if (top := package(module)) not in sys.stdlib_module_names:
            packages[top] = packages.get(top, 0) + 1
    return {
        "thread_s": thread,
        "process_s": so_far,
        "wall_s": wall,
        "modules": len(new),
        "packages": packages,
    }


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(measure(sys.argv[2])), encoding="utf-8")
