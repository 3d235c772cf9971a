"""Programs, and the ways in which they end."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from delivered import Delivered, counted, environment
from otlp_sink import otlp_sink

LIMIT_S = 240
BIN = Path(sys.executable).parent
BEGIN = "import os, signal, subprocess, sys, time\nfrom shop import ask\n"
KILLER = "killer = subprocess.Popen(['sh', '-c', f'kill -{number} {os.getpid()}'])"


class End(NamedTuple):
    """A program, and how it ends."""

    title: str
    """As the docs' table says. Empty: not in the table."""
    code: str
    calls: int
    status: int = 0
    """The exit status, which is that of the program without us."""
    output: str = ""
    """The last line of stdout."""


def killed_by(number: int, wait: str = "time.sleep(60)") -> str:
    """Return code that makes three calls and waits, until another process kills it."""
    return f"ask(3)\n{KILLER.replace('{number}', str(int(number)))}\n{wait}"


def forked(code: str, start: str = "fork") -> str:
    """Return code of a module, as processes that are spawned import it."""
    return f"import multiprocessing\nprocesses = multiprocessing.get_context({start!r})\n{code}"


LOCK = "import threading\nthreading.Event().wait()"
GEVENT = "from gevent import monkey\nmonkey.patch_all()\n"
POOL = "pool = processes.Pool(2)\nassert sum(pool.map(ask, [1] * 6)) == 6\n"
EXECUTOR = (
    "import concurrent.futures\n"
    "with concurrent.futures.ProcessPoolExecutor(2, mp_context=processes) as pool:\n"
    "    assert sum(pool.map(ask, [1] * 6)) == 6"
)
THREAD = "import threading\nthreading.Thread(target=lambda: (time.sleep(0.5), ask(2))).start()"
TERMINATED = (
    "def work(queue): ask(2); queue.put(1); time.sleep(60)\n"
    "queue = processes.SimpleQueue()\n"
    "process = processes.Process(target=work, args=(queue,))\n"
    "process.start(); queue.get(); process.terminate(); process.join(); print(process.exitcode)"
)
FORK = "ask(2)\nif os.fork() == 0:\n    ask()\n    {end}\nos.wait()"
ENDS = [
    End("its last line", "ask(3)", 3),
    End("`sys.exit(4)`", "ask(3)\nsys.exit(4)", 3, 4),
    End("an uncaught exception", "ask(3)\nraise ValueError", 3, 1),
    End("`asyncio.run` that returns", "import asyncio\nasync def main(): ask(3)\nasyncio.run(main())", 3),
    End("a thread that is not joined", THREAD, 2),
    End("an exit handler that makes calls", "import atexit\natexit.register(ask, 2)\nask()", 3),
    End("", "import atexit\natexit.register(ask, 2)", 2),  # the process's first call is made at its exit
    End("", "from concurrent.futures import ThreadPoolExecutor\nThreadPoolExecutor().submit(ask, 3)", 3),
    End("SIGTERM", killed_by(signal.SIGTERM), 3, -signal.SIGTERM),
    End("SIGTERM while it waits for a lock", killed_by(signal.SIGTERM, LOCK), 3, -signal.SIGTERM),
    End("SIGTERM while it computes", killed_by(signal.SIGTERM, "while True: pass"), 3, -signal.SIGTERM),
    End("SIGTERM under gevent, `monkey.patch_all()`", GEVENT + killed_by(signal.SIGTERM), 3, -signal.SIGTERM),
    End("", GEVENT + killed_by(signal.SIGTERM, "while True: pass"), 3, -signal.SIGTERM),
    End("", GEVENT + "ask(3)\nos._exit(6)", 3, 6),
    End("SIGHUP", killed_by(signal.SIGHUP), 3, -signal.SIGHUP),
    End("SIGINT (Ctrl+C)", killed_by(signal.SIGINT), 3, -signal.SIGINT),
    End(
        "SIGTERM, which a handler of its own turns into `sys.exit(5)`",
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n" + killed_by(signal.SIGTERM), 3, 5,
    ),
    End(
        "SIGTERM, after which a handler of its own sets the default again and kills its process",
        "def stop(*_): signal.signal(signal.SIGTERM, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGTERM)\n"
        "signal.signal(signal.SIGTERM, stop)\n" + killed_by(signal.SIGTERM), 3, -signal.SIGTERM,
    ),
    End("", "ask(3)\nsignal.raise_signal(signal.SIGTERM)", 3, -signal.SIGTERM),
    End("", "ask(3)\nos.kill(os.getpid(), signal.SIGKILL)", 3, -signal.SIGKILL),
    End("`os._exit(6)`", "ask(3)\nos._exit(6)", 3, 6),
    End("`os.execv`", "ask(3)\nos.execv('/bin/sh', ['sh', '-c', 'exit 7'])", 3, 7),
    End("", "ask(3)\nos.execlp('sh', 'sh', '-c', 'exit 7')", 3, 7),
    End("children by `os.fork` that end by `os._exit`", FORK.format(end="os._exit(0)"), 3),
    End("", FORK.format(end="sys.exit(0)"), 3),
    End("", "ask(2)\nif os.fork(): os._exit(0)\nask()", 3),  # as daemons do
    End("`multiprocessing.Pool`, `close` and `join`", forked(POOL + "pool.close(); pool.join(); ask()"), 7),
    End("`with multiprocessing.Pool()`, which terminates its processes", forked(
        "with processes.Pool(2) as pool: pool.map(ask, [1] * 6)"), 6,
    ),
    End("`multiprocessing.Process`", forked(
        "process = processes.Process(target=ask, args=(2,))\n"
        "process.start(); process.join(); print(process.exitcode)"
    ), 2, output="0"),
    End("`multiprocessing.Process`, terminated", forked(TERMINATED), 2, output="-15"),
    End("", forked(f"def work():\n    {THREAD.replace(chr(10), '; ')}\n"
                   "process = processes.Process(target=work); process.start(); process.join()"), 2),
    End("`ProcessPoolExecutor`", forked(EXECUTOR), 6),
    End("`ProcessPoolExecutor` of spawned processes", forked(EXECUTOR, "spawn"), 6),
    End("`ProcessPoolExecutor` of a fork server", forked(EXECUTOR, "forkserver"), 6),
]  # fmt: skip


def delivered_by(end: End, folder: Path, *, copies: int = 1, nice: int = 0, **variables: str) -> Delivered:
    """Run copies of the program at once under `otel-llm run`, and return what came of them together."""
    with otlp_sink() as sink:
        run = [BIN / "otel-llm", "run", "--endpoint", sink.endpoint, "--", sys.executable, "-c", BEGIN + end.code]
        processes = [
            subprocess.Popen(
                ["nice", "-n", str(nice), *run], env=environment(**variables), cwd=folder, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
            for _ in range(copies)
        ]  # fmt: skip
        outputs = [process.communicate(timeout=LIMIT_S) for process in processes]
        (status,) = {process.returncode for process in processes}
        return Delivered(status, *counted(sink), "".join(out + err for out, err in outputs))
