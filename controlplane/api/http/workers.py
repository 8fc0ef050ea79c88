"""Threads for what blocks: reads of the cache apart from writes to etcd, so that reads go on while etcd is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from controlplane.api.http.problem import ApiError, unavailable
from taskyard.store.api import OutcomeUnknown, RequestRefused, StoreFull, StoreUnavailable

T = TypeVar("T")

READERS = 2
WRITERS = 16
MAX_WAITING = 256
"""Writes under way or waiting; when etcd is slow, more of them would only wait for their turn to time out."""


READERS_OF_THE_PAST = 2
MAX_IN_THE_PAST = 16
"""Each may list the whole cluster, so they wait for each other and not writes for them."""


class Workers:
    """Starts a thread when there is work for it; `close` ends them all."""

    def __init__(self, on_unavailable: Callable[[str], None]) -> None:
        self._readers = ThreadPoolExecutor(READERS, "api-read")
        self._writers = ThreadPoolExecutor(WRITERS, "api-write")
        self._past = ThreadPoolExecutor(READERS_OF_THE_PAST, "api-past")
        self._on_unavailable = on_unavailable
        self._writing = self._in_the_past = 0

    async def read(self, call: Callable[[], T]) -> T:
        """For what reads the cache."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, call)

    async def etcd(self, call: Callable[[], T]) -> T:
        """For what speaks to etcd; its failures become 503 problems that say what is known."""
        if self._writing >= MAX_WAITING:
            raise unavailable(f"{MAX_WAITING} writes are waiting for etcd already: etcd is slow or away", "Busy")
        self._writing += 1
        try:
            return await self._answer(self._writers, call)
        finally:
            self._writing -= 1

    async def past(self, call: Callable[[], T]) -> T:
        """For what reads etcd's history. Fails as `etcd` does."""
        if self._in_the_past >= MAX_IN_THE_PAST:
            raise unavailable(f"{MAX_IN_THE_PAST} reads of the past are waiting already", "Busy")
        self._in_the_past += 1
        try:
            return await self._answer(self._past, call, "what was cannot be read")
        finally:
            self._in_the_past -= 1

    async def _answer(self, pool: ThreadPoolExecutor, call: Callable[[], T], follows: str = "nothing was changed") -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, call)
        except OutcomeUnknown as error:
            self._on_unavailable(str(error))
            detail = f"it is unknown whether this was done: etcd did not answer ({error}); read it again, then decide"
            raise unavailable(detail, "OutcomeUnknown") from error
        except StoreFull as error:
            raise unavailable(f"etcd takes no writes, so nothing was changed: {error}", "EtcdFull") from error
        except StoreUnavailable as error:
            self._on_unavailable(str(error))
            raise unavailable(f"etcd does not answer, so {follows}: {error}", "EtcdUnavailable") from error
        except RequestRefused as error:
            raise ApiError(500, "EtcdRefused", f"etcd refused the request: {error}") from error

    def close(self) -> None:
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._writers.shutdown(wait=False, cancel_futures=True)
        self._past.shutdown(wait=False, cancel_futures=True)
