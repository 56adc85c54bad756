"""Files beneath a root, from outside the jail: no path the agent can name or plant leads elsewhere.

Every component is opened by itself, relative to its folder's descriptor, with O_NOFOLLOW. A symlink that is swapped in
between two steps is met by the same refusal as one that was there before.
"""

import os
import secrets
import stat as modes
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

from backend.errors import InvalidInput

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_DEPTH = 100  # folders; deeper ones are hostile and hold one descriptor each while walking

Kind = Literal["file", "folder", "symlink", "other"]


@dataclass(frozen=True)
class Entry:
    """One thing in the tree: `path` is relative to the root."""

    path: str
    kind: Kind


def read_bytes(root: Path, rel: str, limit: int) -> bytes:
    """The contents of a regular file of at most `limit` bytes. Raises InvalidInput."""
    parts = _parts(rel)
    with _folder(root, parts[:-1], rel) as folder, _opened(folder, parts[-1], rel) as descriptor:
        size = os.fstat(descriptor).st_size
        data = _read_up_to(descriptor, limit + 1)
    if len(data) > limit:
        raise InvalidInput(f"{rel!r} has {max(size, len(data)):,} bytes; at most {limit:,} can be read.", field="path")
    return data


def write_bytes(
    root: Path, rel: str, data: bytes, owner: tuple[int, int] | None = None, mode: int | None = None
) -> None:
    """Writes beside and replaces; makes missing folders.

    `owner` is the (uid, gid) that the file and new folders get; `mode` None keeps an existing file's bits, else 0644.
    Raises InvalidInput.
    """
    parts = _parts(rel)
    with _folder(root, parts[:-1], rel, make_for=owner, may_make=True) as folder:
        bits = mode if mode is not None else _bits_of(folder, parts[-1], rel)
        beside = f".{secrets.token_hex(8)}.tmp"
        try:
            _write_new(folder, beside, data, owner, bits)
            os.replace(beside, parts[-1], src_dir_fd=folder, dst_dir_fd=folder)
        except OSError as error:
            _discard(folder, beside)
            _refuse(rel, error)


def stat(root: Path, rel: str) -> Entry | None:
    """What is at that path, a symlink being itself; None where nothing is. Raises InvalidInput for a forbidden path."""
    if rel in ("", "."):
        return _entry("", os.lstat(root))
    parts = _parts(rel)
    try:
        with _folder(root, parts[:-1], rel) as folder:
            return _entry("/".join(parts), _status(folder, parts[-1], rel))
    except InvalidInput as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise


def list_dir(root: Path, rel: str = "") -> list[Entry]:
    """A folder's entries in order of name, without `.git`. Raises InvalidInput."""
    parts = [] if rel in ("", ".") else _parts(rel)
    with _folder(root, parts, rel or ".") as folder:
        return _entries(folder, "/".join(parts))


def walk(root: Path, rel: str = "", *, closed: Collection[str] = ()) -> Iterator[Entry]:
    """Everything beneath that is no folder, in order of path, without `.git`; symlinks are named, not followed.

    Folders of the names in `closed` are named, not entered.
    """
    parts = [] if rel in ("", ".") else _parts(rel)
    with _folder(root, parts, rel or ".") as folder:
        yield from _walk(folder, "/".join(parts), 0, closed)


def _walk(folder: int, prefix: str, depth: int, closed: Collection[str]) -> Iterator[Entry]:
    for entry in _entries(folder, prefix):
        name = entry.path.rsplit("/", 1)[-1]
        if entry.kind != "folder" or name in closed:
            yield entry
        elif depth < _MAX_DEPTH:
            try:
                inner = os.open(name, _FOLDER, dir_fd=folder)
            except OSError:
                continue  # it went away, or became a symlink, since it was listed
            try:
                yield from _walk(inner, entry.path, depth + 1, closed)
            finally:
                os.close(inner)


def _entries(folder: int, prefix: str) -> list[Entry]:
    found = []
    for name in sorted(os.listdir(folder)):
        if _is_git(name):
            continue
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            continue
        found.append(_entry(f"{prefix}/{name}" if prefix else name, status))
    return found


def _entry(path: str, status: os.stat_result) -> Entry:
    kind: Kind = "other"
    if modes.S_ISREG(status.st_mode):
        kind = "file"
    elif modes.S_ISDIR(status.st_mode):
        kind = "folder"
    elif modes.S_ISLNK(status.st_mode):
        kind = "symlink"
    return Entry(path, kind)


def _parts(rel: str) -> list[str]:
    """The path's components. Raises InvalidInput for whatever could leave the root or reach `.git`."""
    if "\0" in rel:
        raise InvalidInput("A path cannot hold a NUL character.", field="path")
    if rel.startswith("/"):
        raise InvalidInput(f"{rel!r} is absolute; paths are relative to the repository's root.", field="path")
    try:
        os.fsencode(rel)
    except UnicodeEncodeError as error:
        raise InvalidInput("The path holds characters that no file name can have.", field="path") from error
    parts = [part for part in rel.split("/") if part not in ("", ".")]
    if not parts:
        raise InvalidInput("Name a file, not the repository's root.", field="path")
    if ".." in parts:
        raise InvalidInput(f"{rel!r} leaves the repository: '..' is not allowed.", field="path")
    if any(_is_git(part) for part in parts):
        raise InvalidInput(f"{rel!r} is inside .git, which is off limits.", field="path")
    return parts


def _is_git(name: str) -> bool:
    # Git itself treats these spellings alike where a file system folds case or drops trailing dots.
    return name.casefold().rstrip(". ") in (".git", "git~1")


@contextmanager
def _folder(
    root: Path, parts: list[str], rel: str, make_for: tuple[int, int] | None = None, may_make: bool = False
) -> Iterator[int]:
    """The descriptor of a folder beneath the root, closed at the end."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            if may_make:
                _make_folder(descriptor, part, rel, make_for)
            try:
                inner = os.open(part, _FOLDER, dir_fd=descriptor)
            except OSError as error:
                _refuse(rel, error, descriptor, part)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _make_folder(folder: int, name: str, rel: str, owner: tuple[int, int] | None) -> None:
    try:
        os.mkdir(name, 0o755, dir_fd=folder)
        if owner:
            os.chown(name, *owner, dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return
    except OSError as error:
        _refuse(rel, error)


@contextmanager
def _opened(folder: int, name: str, rel: str) -> Iterator[int]:
    try:
        descriptor = os.open(name, _FILE, dir_fd=folder)
    except OSError as error:
        _refuse(rel, error, folder, name)
    try:
        if not modes.S_ISREG(os.fstat(descriptor).st_mode):
            raise InvalidInput(f"{rel!r} is not a file.", field="path")
        yield descriptor
    finally:
        os.close(descriptor)


def _read_up_to(descriptor: int, count: int) -> bytes:
    chunks = []
    while count > 0 and (chunk := os.read(descriptor, min(count, 1 << 20))):
        chunks.append(chunk)
        count -= len(chunk)
    return b"".join(chunks)


def _status(folder: int, name: str, rel: str) -> os.stat_result:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        _refuse(rel, error)


def _bits_of(folder: int, name: str, rel: str) -> int:
    try:
        status = _status(folder, name, rel)
    except InvalidInput as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return 0o644
        raise
    if not modes.S_ISREG(status.st_mode):
        what = "a symlink" if modes.S_ISLNK(status.st_mode) else "not a file"
        raise InvalidInput(f"{rel!r} is {what}; only regular files can be written.", field="path")
    return modes.S_IMODE(status.st_mode) & 0o777


def _write_new(folder: int, name: str, data: bytes, owner: tuple[int, int] | None, bits: int) -> None:
    descriptor = os.open(name, _NEW_FILE, 0o600, dir_fd=folder)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        if owner:
            os.fchown(descriptor, *owner)
        os.fchmod(descriptor, bits)
    finally:
        os.close(descriptor)


def _discard(folder: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return


def _refuse(rel: str, error: OSError, folder: int | None = None, name: str = "") -> NoReturn:
    """Turns the system's answer into a sentence that the model can act on."""
    if isinstance(error, FileNotFoundError):
        sentence = f"There is no {rel!r}."
    elif folder is not None and _is_symlink(folder, name):
        sentence = f"{rel!r} goes through a symbolic link ({name!r}), which is not followed."
    elif isinstance(error, NotADirectoryError):
        sentence = f"{rel!r}: {name or 'a part of it'!r} is not a folder."
    elif isinstance(error, IsADirectoryError):
        sentence = f"{rel!r} is a folder."
    else:
        sentence = f"{rel!r} cannot be used: {error.strerror}."
    raise InvalidInput(sentence, field="path") from error


def _is_symlink(folder: int, name: str) -> bool:
    try:
        return modes.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False
