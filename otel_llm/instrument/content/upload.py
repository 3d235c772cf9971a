"""Content in files, on a file system or an object store, with references to the files on the span.

File names, attributes and formats are the same as those of opentelemetry-util-genai's upload hook. Decision 0007
says why that hook itself is not used.
"""

from __future__ import annotations

import _thread
import contextlib
import json
import marshal
import queue
import threading
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import uuid4

from otel_llm import names
from otel_llm.instrument.guard import log, report
from otel_llm.instrument.worker import after_fork_in_child

Item = dict[str, Any]

Prepare = Callable[[Item], Item]
"""Makes a message, a part or a definition ready to be recorded."""

_QUEUE_LIMIT: Final = 256  # calls that may wait
_THREADS: Final = 4
_KNOWN_LIMIT: Final = 1_024  # shared files that are remembered

_FILES: Final = {
    names.INPUT_MESSAGES: (names.INPUT_MESSAGES_REF, "inputs"),
    names.OUTPUT_MESSAGES: (names.OUTPUT_MESSAGES_REF, "outputs"),
    names.SYSTEM_INSTRUCTIONS: (names.SYSTEM_INSTRUCTIONS_REF, "system_instruction"),
    names.TOOL_DEFINITIONS: (names.TOOL_DEFINITIONS_REF, "tool.definitions"),
}
# content that is equal in many calls, and is written once in a process
_SHARED: Final = frozenset({names.SYSTEM_INSTRUCTIONS, names.TOOL_DEFINITIONS})

_uploaders: dict[tuple[str, str], Uploader] = {}


def uploader(base_path: str, file_format: str) -> Uploader | None:
    """Return the process's uploader to a place. None, with a line in the log, means that a library is missing."""
    try:
        # slow imports, here and not on a thread: a child process forked during the import could never import them
        from fsspec import get_filesystem_class  # noqa: PLC0415 - of an extra

        get_filesystem_class(base_path.partition("://")[0] if "://" in base_path else "file")
    except (ImportError, ValueError) as error:
        log.warning(
            "otel-llm: nothing is uploaded to %s: %s; pip install 'otel-llm[upload]', and for an object store its "
            "own library, such as s3fs or gcsfs",
            base_path,
            error,
        )
        return None
    key = (base_path, file_format)
    if key not in _uploaders:
        _uploaders[key] = Uploader(base_path, file_format)
    return _uploaders[key]


def flush(timeout_s: float) -> bool:
    """Return True when all uploads are done; False after the timeout."""
    deadline = time.monotonic() + timeout_s
    done = True
    for each in _uploaders.values():
        done &= each.flush(max(0.0, deadline - time.monotonic()))
    return done


def flush_at_exit(timeout_s: float, run: Callable[[Callable[[], None]], None]) -> None:
    """Wait for all uploads, at most for the timeout, and log the losses.

    Args:
        timeout_s: the timeout in seconds.
        run: runs a task on a running thread, as from Python 3.12 on no thread can start during the exit.
    """
    for each in _uploaders.values():
        run(each.work_off)
    flush(timeout_s)
    for each in _uploaders.values():
        each.report_lost()


class _Upload(NamedTuple):
    """One file to write."""

    url: str
    items: list[Item]
    prepare: Prepare
    is_shared: bool


class _Shared(NamedTuple):
    """The origin of a shared file."""

    digest: bytes
    prepare: Prepare


class Uploader:
    """Writes content to a store, on threads of its own.

    Any thread may submit. At most `_QUEUE_LIMIT` calls wait: the content of further calls is dropped and counted.
    A forked child starts without waiting calls and without threads: the parent uploads its own calls.
    """

    def __init__(self, base_path: str, file_format: str) -> None:
        # like the path of a file in fsspec: with its protocol, and without escapes
        local = "://" not in base_path
        self._base = f"file://{Path(base_path).absolute().as_posix()}" if local else base_path.rstrip("/")
        # a missing folder is made; a missing bucket is not, as its creation is up to the user
        self._options = {"auto_mkdir": True} if self._base.startswith("file://") else {}
        self._format = file_format
        self.dropped = 0
        """Calls whose content was dropped, as too many calls waited."""
        self.failed = 0
        """Files that could not be written."""
        self._reset()
        # the threads and the waiting calls are the parent's, which uploads these calls
        after_fork_in_child(self._reset)

    def _reset(self) -> None:
        self._waiting: queue.SimpleQueue[list[_Upload]] = queue.SimpleQueue()
        self._threads = 0
        self._starting = threading.RLock()  # the garbage collector may end another call inside this block
        self._pending = 0
        self._idle = threading.Condition()
        self._known: dict[_Shared, str] = {}
        self._unwritten: set[str] = set()

    def submit(self, content: Mapping[str, list[Item]], prepare: Prepare) -> dict[str, str]:
        """Queue a call's content for upload; return the attributes that refer to its files, none if it is dropped.

        Args:
            content: the content by attribute name. The caller must not change it afterwards.
            prepare: prepares each item, on the upload's thread.
        """
        if not content:
            return {}
        if self._pending >= _QUEUE_LIMIT:
            self._drop()
            return {}
        call = str(uuid4())
        references: dict[str, str] = {}
        uploads: list[_Upload] = []
        for name, items in content.items():
            reference, kind = _FILES[name]
            if name in _SHARED:
                references[reference] = self._share(items, kind, prepare, uploads)
            else:
                references[reference] = url = self._url(call, kind)
                uploads.append(_Upload(url, items, prepare, is_shared=False))
        with self._idle:
            self._pending += 1
        self._waiting.put(uploads)
        self._start()
        return references

    def _share(self, items: list[Item], kind: str, prepare: Prepare, uploads: list[_Upload]) -> str:
        """Return the file of these items; it is uploaded if it is new or could not be written before."""
        shared = _Shared(_digest(items), prepare)
        url = self._known.get(shared)
        if url is None:
            if len(self._known) >= _KNOWN_LIMIT:
                self._known.clear()
                self._unwritten.clear()
            # the name contains no hash: redacted content could be guessed from a hash
            url = self._known[shared] = self._url(str(uuid4()), kind)
        elif url not in self._unwritten:
            return url
        self._unwritten.discard(url)
        uploads.append(_Upload(url, items, prepare, is_shared=True))
        return url

    def _url(self, name: str, kind: str) -> str:
        return f"{self._base}/{name}_{kind}.{self._format}"

    def flush(self, timeout_s: float) -> bool:
        """Return True when all submitted content is uploaded; False after the timeout."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._pending, timeout_s)

    def _drop(self) -> None:
        self.dropped += 1
        if self.dropped == 1:
            log.warning(
                "otel-llm: content is not uploaded: %d calls wait for %s, which is too slow, or does not answer",
                _QUEUE_LIMIT,
                self._base,
            )

    def _start(self) -> None:
        if self._threads >= min(_THREADS, self._pending):
            return
        with self._starting:
            if self._threads < _THREADS:
                # no exit waits for these threads, as a store may hang; not threading.Thread: see worker.py
                try:
                    _thread.start_new_thread(self._work, (self._waiting,))
                except RuntimeError as error:  # no thread can start: the next call tries again
                    log.debug(
                        "otel-llm: no thread can be started for an upload, %d are up: %s", self._threads, error
                    )
                else:
                    self._threads += 1

    def _work(self, waiting: queue.SimpleQueue[list[_Upload]]) -> None:
        while True:
            self._upload_all(waiting.get())

    def work_off(self) -> None:
        """Upload the waiting content, on the calling thread."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._upload_all(self._waiting.get_nowait())

    def _upload_all(self, uploads: list[_Upload]) -> None:
        try:
            for upload in uploads:
                self._upload(upload)
        finally:
            with self._idle:
                self._pending -= 1
                self._idle.notify_all()

    def _upload(self, upload: _Upload) -> None:
        try:
            self._write(upload)
        except Exception as error:
            self.failed += 1
            if upload.is_shared:
                self._unwritten.add(upload.url)  # the next call that shares this file uploads it again
            report("uploading content", error)

    def _write(self, upload: _Upload) -> None:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - of an extra, and slow

        items = [upload.prepare(item) for item in upload.items]
        if self._format == "jsonl":
            text = "".join(f"{_json({**item, 'index': index})}\n" for index, item in enumerate(items))
        else:
            text = f"{_json(items)}\n"
        # fsspec keeps one file system for each thread
        filesystem, path = url_to_fs(upload.url, **self._options)
        filesystem.pipe_file(path, text.encode(errors="replace"))

    def report_lost(self) -> None:
        """Log the number of calls whose content was not uploaded, if any."""
        if lost := self._pending + self.dropped:
            log.warning("otel-llm: not uploaded to %s: the content of %d call(s)", self._base, lost)


def _digest(items: list[Item]) -> bytes:
    # On the app's thread: marshal takes a quarter of the time of JSON. Version 2 of its format writes equal values
    # equally; later versions write references to identical objects.
    try:
        raw = marshal.dumps(items, 2)
    except ValueError:  # a value of a class that marshal does not know
        raw = _json(items).encode(errors="replace")
    return sha256(raw, usedforsecurity=False).digest()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
