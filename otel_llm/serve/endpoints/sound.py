"""Silence, in the formats that need no encoder."""

from __future__ import annotations

import io
import wave
from typing import Final

RATE_BYTES: Final = 16_000  # bytes per second: of PCM as made here, and of an MP3 of 128 kbit/s
_FRAME_RATE: Final = 8_000
_SAMPLE_BYTES: Final = 2
# one frame of MPEG-1 Layer III, 128 kbit/s, 44.1 kHz, mono: a header and zeros, 26 ms of silence
# (ISO/IEC 11172-3, section 2.4.1)
_MP3_FRAME: Final = b"\xff\xfb\x90\xc4" + bytes(413)
_WORD_FRAMES: Final = 10


def silence(audio_format: str, words: int) -> list[bytes]:
    """Return a quarter of a second of silence per word, in pieces that join to an mp3, wav or pcm file."""
    if audio_format == "mp3":
        return [_MP3_FRAME * _WORD_FRAMES] * words
    samples = bytes(RATE_BYTES // 4)
    return [*([_wav_header(len(samples) * words)] if audio_format == "wav" else []), *[samples] * words]


def _wav_header(data_bytes: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(_SAMPLE_BYTES)
        sound.setframerate(_FRAME_RATE)
        sound.writeframes(bytes(data_bytes))
    whole = file.getvalue()
    return whole[: len(whole) - data_bytes]
