"""Pictures as people paste them: known by their bytes, bounded, and written anew from the blocks that draw them.

What is left out on the way says where, when and with what a picture was made, or is no picture at all: EXIF with its
GPS position, XMP, IPTC, colour profiles, comments, embedded previews, whatever follows the picture's end. Of an
animation the first frame stays. The formats are read as their standards have them: PNG (W3C, third edition), JPEG
(ITU-T T.81, Exif 2.32), GIF (89a), WebP (RFC 9649).
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from backend.errors import InvalidInput

MAX_SIDE = 8_000  # pixels: Anthropic's API refuses longer ones
MAX_PIXELS = 40_000_000  # decoded, four bytes each: a few kilobytes may claim gigabytes
_NO_PICTURE = "This is no PNG, JPEG, WebP or GIF picture, whatever its name says."
_BROKEN = "This picture is damaged or cut off."
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_PNG_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"IDAT", b"IEND")
_JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_JPEG_KEPT = frozenset({*_JPEG_FRAMES, 0xC4, 0xCC, 0xDA, 0xDB, 0xDD, 0xEE})  # 0xEE, Adobe's, tells the colours
_JPEG_NEXT = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # the first marker after a scan's data
_MOST_SCANS = 100
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Picture:
    """A picture without its metadata; sizes in pixels."""

    media_type: str
    width: int
    height: int
    content: bytes


def read(content: bytes) -> Picture:
    """The picture in these bytes, written anew. Raises InvalidInput for anything else, and for what is too large."""
    try:
        if content.startswith(_PNG):
            return _picture("image/png", *_png(content))
        if content.startswith(_JPEG):
            return _picture("image/jpeg", *_jpeg(content))
        if content.startswith((b"GIF87a", b"GIF89a")):
            return _picture("image/gif", *_gif(content))
        if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
            return _picture("image/webp", *_webp(content))
    except (struct.error, IndexError) as error:
        raise InvalidInput(_BROKEN) from error
    raise InvalidInput(_NO_PICTURE)


def _picture(media_type: str, width: int, height: int, content: bytes) -> Picture:
    if not width or not height:
        raise InvalidInput(_BROKEN)
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise InvalidInput(
            f"This picture is {width:,} × {height:,} pixels. At most {MAX_SIDE:,} a side and"
            f" {MAX_PIXELS // 1_000_000} million in all are taken: make it smaller."
        )
    return Picture(media_type, width, height, content)


def _require(is_right: bool) -> None:
    if not is_right:
        raise InvalidInput(_BROKEN)


def _png(content: bytes) -> tuple[int, int, bytes]:
    chunks = list(_png_chunks(content))
    names = [name for name, _ in chunks]
    _require(names[0] == b"IHDR" and names.count(b"IHDR") == 1 and b"IDAT" in names and len(chunks[-1][1]) == 12)
    width, height = struct.unpack_from(">II", chunks[0][1], 8)
    return width, height, _PNG + b"".join(whole for name, whole in chunks if name in _PNG_KEPT)


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at, name = len(_PNG), b""
    while name != b"IEND":
        size, name = struct.unpack_from(">I4s", content, at)
        (checksum,) = struct.unpack_from(">I", content, at + 8 + size)
        _require(zlib.crc32(content[at + 4 : at + 8 + size]) == checksum)
        yield name, content[at : at + 12 + size]
        at += 12 + size


def _jpeg(content: bytes) -> tuple[int, int, bytes]:
    kept, at, sizes, turned = [b"\xff\xd8"], 2, list[tuple[int, int]](), 1
    while content[at + 1] != 0xD9:
        _require(content[at] == 0xFF)
        marker = content[at + 1]
        if marker == 0xFF:  # fill
            at += 1
            continue
        (size,) = struct.unpack_from(">H", content, at + 2)
        end = at + 2 + size
        if marker == 0xDA:
            found = _JPEG_NEXT.search(content, end)
            _require(found is not None)
            end = found.start() if found else end
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", content, at + 5)
            sizes.append((width, height))
        if marker == 0xE1:
            turned = _orientation(content[at + 4 : end]) or turned
        if marker == 0xE0 and content[at + 4 : at + 9] == b"JFIF\0":
            kept.append(b"\xff\xe0\0\x10" + content[at + 4 : at + 16] + b"\0\0")  # without its preview
        elif marker in _JPEG_KEPT:
            kept.append(content[at:end])
        at = end
    scans = sum(each[1] == 0xDA for each in kept)  # each is drawn over the whole picture
    _require(content[at] == 0xFF and len(sizes) == 1 and 1 <= scans <= _MOST_SCANS)
    if turned != 1:
        kept.insert(1, _turned(turned))
    return *sizes[0], b"".join([*kept, b"\xff\xd9"])


def _orientation(segment: bytes) -> int | None:
    """How the camera was held, 1 to 8, if this is EXIF that says so."""
    if not segment.startswith(b"Exif\0\0"):
        return None
    tiff = segment[6:]
    order = ">" if tiff[:2] == b"MM" else "<"
    try:
        (at,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, at)
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
            if tag == _ORIENTATION:
                return value if 1 <= value <= 8 else None
    except struct.error:  # what cannot be read turns nothing
        return None
    return None


def _turned(orientation: int) -> bytes:
    """An EXIF segment that says only how the picture is turned: without it phones' pictures lie on their side."""
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, _ORIENTATION, 3, 1, orientation, 0, 0)
    return b"\xff\xe1" + struct.pack(">H", 8 + len(tiff)) + b"Exif\0\0" + tiff


def _gif(content: bytes) -> tuple[int, int, bytes]:
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    at = 13 + _gif_colours(flags)
    kept = [content[:at]]
    while content[at] != 0x2C:
        _require(content[at] == 0x21)  # an extension: of those only the one that makes a colour transparent draws
        end = _gif_blocks_end(content, at + 2)
        if content[at + 1] == 0xF9:
            kept.append(content[at:end])
        at = end
    left, top, wide, high, flags = struct.unpack_from("<HHHHB", content, at + 1)
    _require(left + wide <= width and top + high <= height)
    end = _gif_blocks_end(content, at + 11 + _gif_colours(flags))
    return width, height, b"".join([*kept, content[at:end], b";"])


def _gif_colours(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _gif_blocks_end(content: bytes, at: int) -> int:
    while content[at]:
        at += 1 + content[at]
    return at + 1


def _webp(content: bytes) -> tuple[int, int, bytes]:
    chunks = dict(_webp_chunks(content))
    if b"ANIM" in chunks or b"ANMF" in chunks:
        raise InvalidInput("This is an animation. Paste a still picture.")
    drawn = [name for name in (b"VP8 ", b"VP8L") if name in chunks]
    _require(len(drawn) == 1)
    data = chunks[drawn[0]]
    size = _vp8_size(data) if drawn == [b"VP8 "] else _vp8l_size(data)
    if b"ALPH" not in chunks or drawn == [b"VP8L"]:
        return *size, _riff((drawn[0], data))
    canvas = struct.pack("<II", size[0] - 1, size[1] - 1)
    header = struct.pack("<I", 0x10) + canvas[:3] + canvas[4:7]  # 0x10: it has an alpha channel
    return *size, _riff((b"VP8X", header), (b"ALPH", chunks[b"ALPH"]), (drawn[0], data))


def _webp_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    (size,) = struct.unpack_from("<I", content, 4)
    _require(12 <= 8 + size <= len(content))
    at = 12
    while at < 8 + size:
        name, length = struct.unpack_from("<4sI", content, at)
        _require(at + 8 + length <= len(content))
        yield name, content[at + 8 : at + 8 + length]
        at += 8 + length + (length & 1)


def _vp8_size(data: bytes) -> tuple[int, int]:
    _require(data[3:6] == b"\x9d\x01\x2a")
    width, height = struct.unpack_from("<HH", data, 6)
    return width & 0x3FFF, height & 0x3FFF


def _vp8l_size(data: bytes) -> tuple[int, int]:
    _require(data[0] == 0x2F)
    (bits,) = struct.unpack_from("<I", data, 1)
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


def _riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body
