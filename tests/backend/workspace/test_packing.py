"""Diffs of any size are packed and unpacked in little memory."""

import os
import tracemalloc
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

from backend.workspace import checkpoint, diff, packing
from backend.workspace.checkout import Checkout
from backend.workspace.packing import MAX_UNPACKED, pack, pack_files, unpack

MOST = 1_000_000


def part(name: str, content: bytes) -> bytes:
    return f"diff --git a/{name} b/{name}\n".encode() + content + b"\n"


def peak(work: Callable[[], Any]) -> tuple[Any, int]:
    """What `work` gives, and the most bytes that it had in memory at once."""
    tracemalloc.start()
    try:
        return work(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_what_is_packed_is_unpacked_byte_for_byte() -> None:
    for content in (b"", b"x", os.urandom(300_000)):
        packed = pack(BytesIO(content), MOST)
        assert packed is not None and b"".join(unpack(packed.content)) == content
        assert packed.size == len(content) and not packed.is_cut


def test_what_is_too_large_before_or_after_the_compression_is_not_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pack(BytesIO(os.urandom(MOST)), MOST) is None
    monkeypatch.setitem(vars(packing), "MAX_UNPACKED", 5_000)
    assert pack(BytesIO(b"x" * 5_000), MOST) is not None
    assert pack(BytesIO(b"x" * 5_001), MOST) is None


def test_files_are_kept_whole_or_not_at_all_whatever_a_line_of_them_says(monkeypatch: pytest.MonkeyPatch) -> None:
    small = part("a", b"+one\n+diff --git a/no b/no"), part("z", b"-two")
    long_line = part("b", b"+" + b"x" * 65_534 + b"diff --git a/inside b/line")
    whole = BytesIO(small[0] + part("noise", os.urandom(2 * MOST).replace(b"\n", b"")) + long_line + small[1])
    packed = pack_files(whole, MOST, b"# cut\n")
    assert b"".join(unpack(packed.content)) == b"# cut\n" + small[0] + long_line + small[1]
    assert packed.is_cut and packed.size == len(b"# cut\n" + small[0] + long_line + small[1])
    monkeypatch.setitem(vars(packing), "MAX_UNPACKED", 1_000)
    assert b"".join(unpack(pack_files(whole, MOST, b"# cut\n").content)) == b"# cut\n" + small[0] + small[1]


def test_many_files_together_stay_within_the_limit() -> None:
    packed = pack_files(
        BytesIO(b"".join(part(str(n), os.urandom(9_000).hex().encode()) for n in range(300))), MOST, b""
    )
    assert 0.98 * MOST < len(packed.content) <= MOST


def test_what_a_row_of_the_table_inflates_to_is_bounded_and_never_in_memory_at_once() -> None:
    packer = zlib.compressobj()
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(120)) + packer.flush()
    size, most = peak(lambda: sum(len(piece) for piece in unpack(bomb)))
    assert size == MAX_UNPACKED
    assert most < 1_000_000


def test_a_checkpoint_and_a_patch_of_any_size_take_little_memory(checkout: Checkout) -> None:
    with (checkout.work_tree / "large.txt").open("wb") as file:
        for _ in range(20):
            file.write(b"a line of text\n" * 70_000)

    def kept() -> tuple[bytes | None, packing.Packed | None]:
        tree = checkpoint.write(checkout)
        with diff.patch(checkout, checkout.base_sha, tree) as patch:
            return checkpoint.export(checkout, tree, MOST), pack(patch, MOST)

    (exported, patch), most = peak(kept)
    assert exported and patch and patch.size > 21_000_000
    assert most < 3_000_000


def test_a_file_that_is_left_out_takes_no_other_with_it(checkout: Checkout) -> None:
    for name in ("large*", "large one", "ünï"):
        (checkout.work_tree / name).write_text("x\n")
    tree = checkpoint.write(checkout)
    with diff.patch(checkout, checkout.base_sha, tree, without=["large*", "ünï"]) as patch:
        told = patch.read()
    assert b"large one" in told and b"large*" not in told and "ünï".encode() not in told
