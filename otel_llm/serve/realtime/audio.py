"""The input audio buffer: how much audio comes, and whether somebody speaks. The words are not recognized."""

from __future__ import annotations

import array
import base64
import sys
from typing import Final, Literal, NamedTuple

from otel_llm.serve.http.api_error import ApiError
from otel_llm.serve.realtime.request import SAMPLE_RATE

_FRAME_MS: Final = 20
_FRAME_BYTES: Final = SAMPLE_RATE * 2 * _FRAME_MS // 1000
# amplitude, of 32,768: about -30 dB, below speech into a microphone and above the noise of a room
_LOUD: Final = 1_000
_SILENT_FRAME: Final = bytes(_FRAME_BYTES)


class Heard(NamedTuple):
    """The start or the end of speech."""

    what: Literal["started", "stopped"]
    at_ms: int
    """Milliseconds since the session's audio began."""


class InputBuffer:
    """The buffer, which keeps no audio. Used by the task of one session.

    silent ──loud audio──▶ speaking ──`silence_ms` of quiet audio──▶ silent
    """

    def __init__(self) -> None:
        self.milliseconds = 0
        """Milliseconds of all audio in the session, committed or not."""
        self.has_audio = False
        self._rest = b""
        self._speaking = False
        self._silent_ms = 0

    def append(self, audio: str, silence_ms: int) -> list[Heard]:
        """Add audio in base64, and return the starts of speech, and its ends after `silence_ms` of silence.

        Raises:
            ApiError: the audio is no base64.
        """
        try:
            data = self._rest + base64.b64decode(audio, validate=True)
        except ValueError as error:  # raised for text that is not ASCII, beside binascii.Error
            raise ApiError(400, f"audio must be base64: {error}", param="audio", code="invalid_value") from error
        self.has_audio = self.has_audio or bool(data)
        whole = len(data) - len(data) % _FRAME_BYTES
        self._rest = data[whole:]
        frames = (data[start : start + _FRAME_BYTES] for start in range(0, whole, _FRAME_BYTES))
        return [heard for frame in frames if (heard := self._hear(frame, silence_ms)) is not None]

    def clear(self) -> None:
        """Forget the audio, and begin again."""
        self.has_audio = False
        self._rest = b""
        self._speaking = False

    def _hear(self, frame: bytes, silence_ms: int) -> Heard | None:
        began_ms = self.milliseconds
        self.milliseconds += _FRAME_MS
        if _is_loud(frame):
            self._silent_ms = 0
            started, self._speaking = not self._speaking, True
            return Heard("started", began_ms) if started else None
        self._silent_ms += _FRAME_MS
        if self._speaking and self._silent_ms >= silence_ms:
            self._speaking = False
            return Heard("stopped", self.milliseconds)
        return None


def spoken(_: str) -> str:
    """Return the sound of a word in base64: silence, for the model has no voice."""
    return base64.b64encode(_SILENT_FRAME).decode()


def _is_loud(frame: bytes) -> bool:
    samples = array.array("h", frame)
    if sys.byteorder == "big":
        samples.byteswap()
    return max(samples) > _LOUD or min(samples) < -_LOUD
