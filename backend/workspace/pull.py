"""What a pull request changes: its head against the commit where it left its target."""

from dataclasses import dataclass
from functools import cached_property

from backend.errors import InvalidInput
from backend.workspace import diff
from backend.workspace.checkout import Checkout

_MOST = 4_000_000  # bytes of one file's diff
_LISTED = 2_000


@dataclass(frozen=True)
class PullChanges:
    """The changes from `base` to `head`, read by the worker's git, which the checkout's files have no say in."""

    checkout: Checkout
    base: str
    head: str

    @cached_property
    def paths(self) -> dict[str, str | None]:
        """The changed files by their name in `head`; a renamed one with its old name."""
        return diff.changed_paths(self.checkout, self.base, self.head)

    def stat(self) -> str:
        """The files with their counts, the first hundred of them."""
        return diff.stat(self.checkout, self.base, self.head)

    def beginning(self, most: int) -> tuple[str, int]:
        """The first `most` bytes of the whole diff, and how many there are."""
        return diff.excerpt(self.checkout, self.base, self.head, most)

    def listing(self) -> str:
        """The files by name."""
        listed = [f"{path} (was {old})" if old else path for path, old in self.paths.items()]
        more = [f"({len(listed) - _LISTED} more)"] if len(listed) > _LISTED else []
        return "\n".join([*listed[:_LISTED], *more]) or "(no file differs)"

    def of(self, path: str) -> str:
        """One file's diff. Raises InvalidInput for a file that is not changed."""
        if path not in self.paths:
            raise InvalidInput(f"The pull request does not change {path!r}.")
        names = [name for name in (self.paths[path], path) if name]
        text, size = diff.excerpt(self.checkout, self.base, self.head, _MOST, names)
        return text if size <= _MOST else f"{text}\n(cut here: {size:,} bytes are too many)"
