"""How often a line of the log is worth writing that a peer can bring about."""

from datetime import datetime, timedelta


class Seldom:
    """Lets something through once in a period for each key, so that no peer can fill the log."""

    def __init__(self, period: timedelta, keys: int = 1000) -> None:
        self._period = period
        self._keys = keys
        self._last: dict[str, datetime] = {}

    def due(self, key: str, now: datetime) -> bool:
        """Whether this key was not let through within the period before ``now``; if so, it is now."""
        last = self._last.get(key)
        if last is not None and last <= now < last + self._period:
            return False
        if last is None and len(self._last) >= self._keys:
            self._last.clear()
        self._last[key] = now
        return True
