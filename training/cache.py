"""Where downloads, checkpoints and fp32 exports live: outside version control (`.cache/` is ignored)."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
CACHE = REPOSITORY / "training" / ".cache"
