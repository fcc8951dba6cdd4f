"""Numbers of a training as a person reads them."""

import datetime


def size(count: float) -> str:
    """Bytes: `740 bytes`, `7.3 MB`, `128 MB`, `1.9 GB`."""
    unit = "bytes"
    for larger in ("kB", "MB", "GB"):
        if count < 999.5:
            break
        count, unit = count / 1000, larger
    return f"{count:.1f} {unit}" if count < 100 and unit != "bytes" else f"{count:.0f} {unit}"


def duration(seconds: float) -> str:
    """Seconds, in two units at most: `4.2 s`, `1 min 20 s`, `2 h 5 min`, `1.5 days`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes / 1440:.1f} days"


def ago(moment: float, now: float) -> str:
    """A moment in Unix seconds, as seen from `now`: `just now`, `5 min ago`, `3 h ago`, a date."""
    passed = now - moment
    if passed < 60:
        return "just now"
    if passed < 3600:
        return f"{passed // 60:.0f} min ago"
    if passed < 24 * 3600:
        return f"{passed // 3600:.0f} h ago"
    day = datetime.datetime.fromtimestamp(moment)
    return f"{day.day} {day:%b %Y}"
