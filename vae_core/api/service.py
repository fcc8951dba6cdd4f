"""What the routes share: the store, the lanes, and the maps that are open."""

import time
from collections import OrderedDict
from collections.abc import Callable

from fastapi import Request

from vae_core import settings
from vae_core.api.lanes import Lanes
from vae_core.maps import MapSpec, OpenMap, open_map
from vae_core.store import Store

_KEPT = 32  # open maps: the same points, in other colours, are one more each
_SURE = 1.0  # seconds for which a map is taken to be that of the model's folder


class Service:
    """One for each app."""

    def __init__(self, get_store: Callable[[], Store]) -> None:
        self.get_store = get_store
        self.lanes = Lanes()
        self._maps: OrderedDict[tuple[str, MapSpec], tuple[OpenMap, float]] = OrderedDict()

    @property
    def store(self) -> Store:
        return self.get_store()

    async def open(self, request: Request | None, model: str, spec: MapSpec) -> OpenMap:
        """A map, from what is open if it is: looking it up takes longer than decoding."""
        key = (model, spec)
        opened, checked = self._maps.get(key, (None, 0.0))
        if opened is not None and time.monotonic() - checked > _SURE:
            current = opened
            known = await self.lanes.quick.run(request, lambda: self.store.model(model).key)
            if known != current.checkpoint.key:  # trained again, under the same name
                opened = None
        elif opened is not None:
            return opened
        if opened is None:
            opened = await self.lanes.heavy.run(request, lambda: self._open(model, spec))
        self._maps[key] = (opened, time.monotonic())
        self._maps.move_to_end(key)
        while len(self._maps) > _KEPT or self._places() > settings.MAX_OPEN_DATASETS:
            self._maps.popitem(last=False)
        return opened

    def _places(self) -> int:
        """How many different arrays of latents and places are held on to."""
        return len({opened.key for opened, _ in self._maps.values()})

    def _open(self, model: str, spec: MapSpec) -> OpenMap:
        opened = open_map(self.store, model, spec)
        opened.prepare()
        return opened
