"""What is a picture, how large it may be, and what is left of it."""

import struct

import pytest

from backend import images
from backend.errors import InvalidInput
from tests.pictures import gif, jpeg, png, secretive_png, webp

PICTURES = {
    "png": (png(), "image/png"),
    "png with comments": (secretive_png(), "image/png"),
    "jpeg": (jpeg(), "image/jpeg"),
    "gif": (gif(), "image/gif"),
    "webp": (webp(), "image/webp"),
    "webp with alpha": (webp("alpha"), "image/webp"),
    "webp without loss": (webp("lossless"), "image/webp"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_known_by_its_bytes_and_written_without_what_does_not_draw_it(name: str) -> None:
    content, media_type = PICTURES[name]
    read = images.read(content)
    assert (read.media_type, read.width, read.height) == (media_type, 8, 6)
    assert b"SECRET" not in read.content and b"<html" not in read.content
    assert images.read(read.content) == read, "what was written is read as it is"


def test_a_turned_photograph_stays_turned() -> None:
    segment = images.read(jpeg()).content[2:40]
    assert b"Exif" in segment and struct.pack(">HHIH", 0x0112, 3, 1, 6) in segment


def test_of_an_animation_the_first_frame_stays_or_it_is_refused() -> None:
    assert images.read(gif()).content.count(b"\x2c") == 1
    with pytest.raises(InvalidInput, match="animation"):
        images.read(webp("animated"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html><script>alert(1)</script>",
        b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
        b'<?xml version="1.0"?><svg/>',
        b"\x89PNG",
        b"%PDF-1.7",
        b"BM" + bytes(60),
        b"II*\0" + bytes(60),
        b"\0\0\1\0\1\0" + bytes(60),
        b"\0\0\0\x1cftypavif" + bytes(60),
        b"RIFF\x04\0\0\0AVI ",
        b" " + png(),
    ],
)
def test_anything_else_is_no_picture(content: bytes) -> None:
    with pytest.raises(InvalidInput, match="no PNG, JPEG, WebP or GIF"):
        images.read(content)


@pytest.mark.parametrize("name", PICTURES)
def test_what_is_cut_off_or_damaged_is_refused_and_never_breaks_the_reader(name: str) -> None:
    content = images.read(PICTURES[name][0]).content
    for end in range(12, len(content) - 1):
        with pytest.raises(InvalidInput):
            images.read(content[:end])
    for at in range(len(content)):
        for changed in (0, 0xFF, content[at] ^ 1):
            try:
                images.read(content[:at] + bytes([changed]) + content[at + 1 :])
            except InvalidInput:
                continue


@pytest.mark.parametrize(
    "bomb",
    [
        png(8_001, 1),
        png(1, 8_001),
        png(8_000, 8_000, body=b""),
        png(2**31, 2**31, body=b""),
        png(0, 6, body=b""),
        gif()[:6] + struct.pack("<HH", 65_535, 65_535) + gif()[10:],
        jpeg().replace(struct.pack(">HH", 6, 8) + b"\x03", struct.pack(">HH", 65_535, 65_535) + b"\x03"),
        webp().replace(struct.pack("<HH", 8, 6), struct.pack("<HH", 16_383, 16_383)),
        jpeg()[:-2] + b"\xff\xda\0\2" * 100 + b"\xff\xd9",
        webp("lossless").replace(b"\x2f\x07\x40\x01", b"\x2f\xff\xff\xff"),
    ],
)
def test_a_picture_that_unpacks_into_a_bomb_is_refused(bomb: bytes) -> None:
    with pytest.raises(InvalidInput):
        images.read(bomb)
