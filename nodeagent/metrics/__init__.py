"""What tasks tell of themselves over HTTP, in the text format of Prometheus: read, and never trusted."""

from nodeagent.metrics.fetch import Unreadable, fetch
from nodeagent.metrics.scraper import ASK_BEFORE, NOTHING, Scraper, Target, Told
from nodeagent.metrics.targets import targets_of

__all__ = ["ASK_BEFORE", "NOTHING", "Scraper", "Target", "Told", "Unreadable", "fetch", "targets_of"]
