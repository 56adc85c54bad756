"""The running hub: its settings, its rows, its repositories and its courier, in one hand."""

from backend.localhub.config import Config
from backend.localhub.deliveries import Courier
from backend.localhub.faults import Faults
from backend.localhub.rate import RateLimits
from backend.localhub.repositories import Repositories
from backend.localhub.store import Store


class Hub:
    """What every handler works with. One per process."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.store = Store(config.data_dir / "hub.sqlite3")
        self.repositories = Repositories(config.data_dir / "repositories")
        self.faults = Faults(self.store)
        self.courier = Courier(self.store, self.faults)
        self.rates = RateLimits()

    def close(self) -> None:
        """Ends the courier and lets go of the files."""
        self.courier.stop()
        self.store.close()
