"""The processes of this machine, as /proc tells them."""

from pathlib import Path


def children(parent: int, words: str = "") -> list[int]:
    """The ids of a process's children whose command holds these words, the lowest first."""
    found = []
    for pid, command in _all():
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            continue  # it ended while we looked
        if int(stat.rpartition(")")[2].split()[1]) == parent and words in command:
            found.append(pid)
    return found


def commands_with(words: str) -> list[str]:
    """The commands that hold these words."""
    return [command for _, command in _all() if words in command]


def _all() -> list[tuple[int, str]]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            found.append((int(folder.name), command))
    return sorted(found)
