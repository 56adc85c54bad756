"""Small pictures as cameras, phones and attackers make them; what must not be kept of them says SECRET."""

import base64
import struct
import zlib

_JPEG = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/4QB6RXhpZgAATU0AKgAAAAgAAwEPAAIAAAAKAAAAMgESAAMAAAABAAYAAIglAAQAAAABAAAAPAAAAABT"
    "RUNSRVRDQU0AAAIAAQACAAAAAk4AAAAAAgAFAAAAAwAAAFoAAAAAAAAAMAAAAAEAAAAMAAAAAQAAAAMAAAAB//4ACFNFQ1JFVP/bAEMAUDc8"
    "RjwyUEZBRlpVUF94yIJ4bm549a+5kcj////////////////////////////////////////////////////bAEMBVVpaeGl464KC6///////"
    "///////////////////////////////////////////////////////////////////AABEIAAYACAMBIgACEQEDEQH/xAAfAAABBQEBAQEB"
    "AQAAAAAAAAAAAQIDBAUGBwgJCgv/xAC1EAACAQMDAgQDBQUEBAAAAX0BAgMABBEFEiExQQYTUWEHInEUMoGRoQgjQrHBFVLR8CQzYnKCCQoW"
    "FxgZGiUmJygpKjQ1Njc4OTpDREVGR0hJSlNUVVZXWFlaY2RlZmdoaWpzdHV2d3h5eoOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3"
    "uLm6wsPExcbHyMnK0tPU1dbX2Nna4eLj5OXm5+jp6vHy8/T19vf4+fr/xAAfAQADAQEBAQEBAQEBAAAAAAAAAQIDBAUGBwgJCgv/xAC1EQAC"
    "AQIEBAMEBwUEBAABAncAAQIDEQQFITEGEkFRB2FxEyIygQgUQpGhscEJIzNS8BVictEKFiQ04SXxFxgZGiYnKCkqNTY3ODk6Q0RFRkdISUpT"
    "VFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqCg4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2dri4+Tl"
    "5ufo6ery8/T19vf4+fr/2gAMAwEAAhEDEQA/AIqKKKg6D//Z"
)
_WEBP = (
    "UklGRswAAABXRUJQVlA4WAoAAAAMAAAABwAABQAAVlA4ICYAAABwAQCdASoIAAYAB0CWJaACdAFAAAD+5AFjCaSdH8zfhR8nUAAAAEVYSUZy"
    "AAAATU0AKgAAAAgAAwEPAAIAAAAKAAAAMgESAAMAAAABAAYAAIglAAQAAAABAAAAPAAAAABTRUNSRVRDQU0AAAIAAQACAAAAAk4AAAAAAgAF"
    "AAAAAwAAAFoAAAAAAAAAMAAAAAEAAAAMAAAAAQAAAAMAAAABWE1QIAYAAABTRUNSRVQ="
)
_WEBP_ALPHA = (
    "UklGRtYAAABXRUJQVlA4WAoAAAAYAAAABwAABQAAQUxQSA8AAAABB1DAiAgABOF/20RE/0MAVlA4ICYAAABwAQCdASoIAAYAB0CWJaACdAFA"
    "AAD+5AFjCaSdH8zfhR8nUAAAAEVYSUZyAAAATU0AKgAAAAgAAwEPAAIAAAAKAAAAMgESAAMAAAABAAYAAIglAAQAAAABAAAAPAAAAABTRUNS"
    "RVRDQU0AAAIAAQACAAAAAk4AAAAAAgAFAAAAAwAAAFoAAAAAAAAAMAAAAAEAAAAMAAAAAQAAAAMAAAAB"
)
_WEBP_LOSSLESS = "UklGRiIAAABXRUJQVlA4TBYAAAAvB0ABAAdQjyLXo/8BgCD8b5uI6H8I"
_WEBP_ANIMATED = (
    "UklGRq4AAABXRUJQVlA4WAoAAAACAAAABwAABQAAQU5JTQYAAAAAAAAAAABBTk1GPgAAAAAAAAAAAAcAAAUAAAAAAAJWUDggJgAAADABAJ0B"
    "KggABgAMwM4loAADcAD+3FH/SXS5Df/6u/O36ntgAAAAQU5NRjwAAAAAAAAAAAAHAAAFAAAAAAAAVlA4ICQAAAA0AQCdASoIAAYAAADOJaAA"
    "A3AA/ulpH/8OfbH72Sv5Uk0AAAA="
)


def png(width: int = 8, height: int = 6, *more: tuple[bytes, bytes], body: bytes | None = None) -> bytes:
    """A black picture; `more` are further chunks, `body` what stands in place of its pixels."""
    pixels = b"".join(b"\0" + b"\0\0\0" * width for _ in range(height)) if body is None else b""
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        *more,
        (b"IDAT", zlib.compress(pixels) if body is None else body),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def secretive_png() -> bytes:
    """A PNG with comments, EXIF and a page of HTML behind its end."""
    chunks = ((b"tEXt", b"Comment\0SECRET"), (b"eXIf", b"MM\0*SECRET"), (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0SECRET"))
    return png(8, 6, *chunks) + b"<html><script>SECRET</script>PK\x03\x04"


def large_png(size: int) -> bytes:
    """A picture of about that many bytes; its pixels make no sense."""
    return png(100, 100, body=bytes(size))


def jpeg() -> bytes:
    """8 × 6, turned by EXIF that names a camera and a place, with a comment."""
    return base64.b64decode(_JPEG)


def gif() -> bytes:
    """Two frames of 8 × 6 with a comment between them."""
    screen = b"GIF89a" + struct.pack("<HHBBB", 8, 6, 0x80, 0, 0) + b"\xff\0\0\0\0\xff"
    frame = b"\x21\xf9\x04\0\x0a\0\0\0" + b"\x2c" + struct.pack("<HHHHB", 0, 0, 8, 6, 0) + b"\x02\x02\x84\x51\0"
    return screen + b"\x21\xfe\x06SECRET\0" + frame + frame + b";"


def webp(kind: str = "") -> bytes:
    """8 × 6: with EXIF and XMP, or `alpha`, `lossless`, `animated`."""
    return base64.b64decode(
        {"": _WEBP, "alpha": _WEBP_ALPHA, "lossless": _WEBP_LOSSLESS, "animated": _WEBP_ANIMATED}[kind]
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
