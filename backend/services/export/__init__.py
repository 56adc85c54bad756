"""A task to take away: one HTML page that opens anywhere, or JSON lines that `asynccoder replay` runs again.

Secrets are taken out of both. Whoever may read the task may have them.
"""

from backend.services.export.facts import Facts, read
from backend.services.export.lines import as_lines
from backend.services.export.page import as_page

__all__ = ["Facts", "as_lines", "as_page", "read"]
