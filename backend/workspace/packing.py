"""Diffs as they are kept: compressed piece by piece, within limits before and after, never whole in memory."""

import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

MAX_UNPACKED = 100_000_000  # bytes of a diff before it was compressed
EMPTY = len(zlib.compress(b""))  # bytes of a diff without a change, packed
MOST_PATCH = 20_000_000  # bytes of a diff that is shown as text
_BINARY = re.compile(r"^GIT binary patch\n(?:(?:literal|delta) \d+\n(?:[^\n]+\n)*\n?)+", re.MULTILINE)
_BLOBS = re.compile(r"^index [0-9a-f]+\.\.[0-9a-f]+.*\n", re.MULTILINE)
_PIECE = 64 * 1024
_FILE_HEADER = b"diff --git "


@dataclass(frozen=True)
class Packed:
    """A compressed diff; `size` is in bytes before the compression, `is_cut` says that files were left out."""

    content: bytes
    size: int
    is_cut: bool = False


def pack(file: IO[bytes], most: int) -> Packed | None:
    """The whole file; None where it is over `most` bytes compressed, or over MAX_UNPACKED before."""
    size = file.seek(0, os.SEEK_END)
    packer = zlib.compressobj()
    content = _through(packer, file, 0, size, most) if size <= MAX_UNPACKED else None
    return Packed(content + packer.flush(), size) if content is not None else None


def pack_files(file: IO[bytes], most: int, first_line: bytes) -> Packed:
    """`first_line`, and after it each file of the diff that still fits the limits of `pack` as a whole."""
    packer = zlib.compressobj()
    content, size = packer.compress(first_line), len(first_line)
    for start, end in _files_of(file):
        trial = packer.copy()
        fits = size + end - start <= MAX_UNPACKED
        more = _through(trial, file, start, end, most - len(content)) if fits else None
        if more is not None:
            packer, content, size = trial, content + more, size + end - start
    return Packed(content + packer.flush(), size, is_cut=True)


def unpack(content: bytes) -> Iterator[bytes]:
    """What was packed, in pieces of at most 64 KB, and never more than MAX_UNPACKED of it."""
    unpacker, left = zlib.decompressobj(), MAX_UNPACKED
    while left > 0 and (piece := unpacker.decompress(content, min(_PIECE, left))):
        yield piece
        left -= len(piece)
        content = unpacker.unconsumed_tail


def readable(content: bytes, most: int) -> str | None:
    """A packed diff as text, without what is in binary files; None where that would be over `most` bytes."""
    pieces, size = [], 0
    for piece in unpack(content):
        pieces.append(piece)
        size += len(piece)
        if size > most:
            return None
    return _BINARY.sub("(a binary file)\n", b"".join(pieces).decode("utf-8", "replace"))


def without_blobs(patch: str) -> str:
    """The diff without git's names of what the files held."""
    return _BLOBS.sub("", patch)


def _through(packer: Any, file: IO[bytes], start: int, end: int, room: int) -> bytes | None:
    """What a part of the file adds to the packer's stream; None where that, with the stream's end, is over `room`."""
    file.seek(start)
    content = bytearray()
    for at in range(start, end, _PIECE):
        content += packer.compress(file.read(min(_PIECE, end - at)))
        if len(content) > room:
            return None
    return bytes(content) if len(content) + len(packer.copy().flush()) <= room else None


def _files_of(file: IO[bytes]) -> Iterator[tuple[int, int]]:
    """Where each file's part of the diff begins and ends; read ahead of whoever moves in the file meanwhile."""
    starts, at, is_line_start = [], file.seek(0), True
    while piece := file.readline(_PIECE):
        if is_line_start and piece.startswith(_FILE_HEADER):
            starts.append(at)
        at += len(piece)
        is_line_start = piece.endswith(b"\n")
    return zip(starts, [*starts[1:], at], strict=True)
