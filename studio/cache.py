"""What was measured before on this computer, by key; to lose it costs time and nothing else."""

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

MOST_KEPT = 200  # files; the oldest go first
_SUM = hashlib.sha256().digest_size


def cache_folder() -> Path:
    """Where it lies: ``mdm-oc-studio`` in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(home) / "mdm-oc-studio"


def cache_key(*parts: object) -> str:
    """A name for what plain values say."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def recall(key: str) -> bytes | None:
    """What was kept under a key, or None; what was damaged since is as good as none."""
    try:
        content = (cache_folder() / key).read_bytes()
    except OSError:
        return None
    whole = hashlib.sha256(content[_SUM:]).digest() == content[:_SUM]
    return content[_SUM:] if whole else None


def keep(key: str, content: bytes) -> None:
    """Keep some bytes for this user alone; a disk that refuses them is not an error."""
    folder = cache_folder()
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(prefix=".new-", dir=folder)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(hashlib.sha256(content).digest() + content)
            Path(name).replace(folder / key)
        finally:
            Path(name).unlink(missing_ok=True)
        kept = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime_ns)
        for old in kept[:-MOST_KEPT]:
            old.unlink()
