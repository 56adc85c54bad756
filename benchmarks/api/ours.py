"""Our API, as `backend.serve` serves it: what the imports made is not looked at again by the collector."""

import gc

from backend.api.app import app

gc.freeze()
__all__ = ["app"]
