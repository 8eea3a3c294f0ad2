"""Files inside installed packages, read without importing the package (whose own dependencies are not installed)."""

from importlib.metadata import distribution
from pathlib import Path


def packaged(package: str, file: str) -> Path:
    path = Path(str(distribution(package).locate_file(file)))
    if not path.is_file():
        raise FileNotFoundError(f"{package} {distribution(package).version} has no {file}")
    return path
