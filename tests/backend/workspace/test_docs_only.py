"""What counts as words, and what of a work tree is taken back."""

import os
from pathlib import Path

import pytest

from backend.workspace import checkpoint, docs_only
from backend.workspace.checkout import Checkout

CODE = b'"""Totals."""\n\n\ndef total(lines):\n    """Their sum."""\n    return sum(lines)  # all of them\n'


@pytest.mark.parametrize(
    "path",
    [
        "README",
        "README.md",
        "docs/a.css",
        "Docs/x/y.py",
        "a/b/notes.RST",
        "pkg/CHANGES.txt",
        "documentation/x",
        "a.adoc",
    ],
)
def test_documentation_is_known_by_its_path(path: str) -> None:
    assert docs_only.is_documentation(path)
    assert docs_only.fault(path, None, b"x") is None and docs_only.fault(path, b"x", None) is None


@pytest.mark.parametrize(
    "path",
    [
        "requirements.txt", "CMakeLists.txt", ".ci/install", "src/docs/handlers.py", "docs", "README.py", "a.md.py",
        "Makefile", "docs.py", "x/readme", "index.html", "a.mdx",
    ],
)  # fmt: skip
def test_what_only_looks_like_documentation_is_none(path: str) -> None:
    assert not docs_only.is_documentation(path)
    assert docs_only.fault(path, None, b"x = 1\n")


@pytest.mark.parametrize(
    "after",
    [
        CODE.replace(b"Their sum.", b"Their sum.\n\n    In cents.\n    "),
        CODE.replace(b'    """Their sum."""\n', b""),
        CODE.replace(b"# all of them", b"# every line"),
        b"# A word before.\n" + CODE,
        CODE.replace(b'"""Totals."""\n', b""),
        CODE + b'"""An afterthought."""\n# The end.\n',
        CODE.replace(b"    return", b'    "in passing"\n    return'),
    ],
)
def test_comments_and_docstrings_of_python_may_change(after: bytes) -> None:
    assert docs_only.fault("shop/totals.py", CODE, after) is None


@pytest.mark.parametrize(
    "after",
    [
        CODE.replace(b"sum(lines)", b"sum(lines) + 0"),
        CODE.replace(b"return", b"return (0,"),
        CODE.replace(b'"""Their sum."""', b'f"""Their {lines}."""'),
        b"#!/bin/sh\n" + CODE,
        b"# coding: unicode_escape\n# \\nimport os\n" + CODE,
        CODE + b"\nfrom __future__ import annotations\n",
        CODE + b"\0",
        b"x = " + b"(" * 5_000 + b")" * 5_000,
        b"# " + b"x" * docs_only.MOST_BYTES + b"\n" + CODE,
        b"",
    ],
)
def test_code_in_python_may_not_change(after: bytes) -> None:
    assert docs_only.fault("shop/totals.py", CODE, after)


def test_code_files_are_neither_made_nor_removed_and_other_languages_are_left_alone() -> None:
    assert "new file of code" in (docs_only.fault("a.py", None, CODE) or "")
    assert "removed file of code" in (docs_only.fault("a.py", CODE, None) or "")
    assert "Python alone" in (docs_only.fault("a.js", b"f()\n", b"f() // call\n") or "")


def test_an_empty_body_and_a_lone_docstring_are_the_same() -> None:
    assert docs_only.fault("a.py", b'class A:\n    """A."""\n', b"class A:\n    pass\n") is None
    assert docs_only.fault("a.py", b"def f():\n    pass\n", b'def f():\n    """F."""\n') is None


def test_what_is_no_words_is_taken_back_and_the_rest_stays(checkout: Checkout) -> None:
    before = git_files(checkout, "HEAD")
    root = checkout.work_tree
    write(root, "README.md", b"# New words\n")
    write(root, "docs/guide.md", b"How to.\n")
    write(root, "evil.py", b"print('hi')\n")
    write(root, "docs/tool.sh", b"rm -rf /\n").chmod(0o755)
    os.symlink("../evil.py", root / "docs/link.md")
    tree, why = docs_only.held_back(checkout, checkpoint.write(checkout), checkout.base_sha)
    assert sorted(why) == ["docs/link.md", "docs/tool.sh", "evil.py"]
    assert git_files(checkout, tree) == before | {"README.md": b"# New words\n", "docs/guide.md": b"How to.\n"}
    assert docs_only.held_back(checkout, tree, checkout.base_sha) == (tree, {})


def test_a_folder_in_the_place_of_a_file_takes_everything_back(checkout: Checkout) -> None:
    before = git_files(checkout, "HEAD")
    root = checkout.work_tree
    name = next(path for path in before if "/" in path and not docs_only.is_documentation(path))
    top = root / name.split("/")[0]
    for path in sorted(top.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    top.rmdir()
    top.write_bytes(b"I am a file now.\n")
    tree, why = docs_only.held_back(checkout, checkpoint.write(checkout), checkout.base_sha)
    assert name in why and git_files(checkout, tree) == before


def git_files(checkout: Checkout, tree: str) -> dict[str, bytes]:
    names = checkout.git(["ls-tree", "-r", "-z", "--name-only", tree]).decode().split("\0")
    return {name: checkout.git(["cat-file", "blob", f"{tree}:{name}"]) for name in names if name}


def write(root: Path, path: str, content: bytes) -> Path:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return target
