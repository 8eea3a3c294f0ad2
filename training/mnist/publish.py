"""The held-out digits as one picture, so that the running server can be evaluated without Python."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.mnist.digits import PACKAGE, SIDE, Digits

COLUMNS = 50

LICENCE = f"""# Licence of the held-out digits

`test.png` holds 2,000 of the 10,000 handwritten digits of the npm package `{PACKAGE}` by Juan Cazala (MIT licence,
<https://github.com/cazala/mnist>), unchanged, put side by side. The digits are a part of the MNIST database, a derivative of NIST's
original data sets. Yann LeCun and Corinna Cortes hold its copyright, and TensorFlow's documentation of the database says that
it is available under Creative Commons Attribution-ShareAlike 3.0 (<https://creativecommons.org/licenses/by-sa/3.0/>).

The MIT licence of the package:

> Copyright (c) 2015 Juan Cazala
>
> Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
> files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
> modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
> Software is furnished to do so, subject to the following conditions:
>
> The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.
>
> THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
> WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
> COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
> OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def publish_test_part(folder: Path, digits: Digits) -> None:
    """test.png: a grid of tiles, 8-bit grey, row by row; test.json: its shape and the labels in the same order."""
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grid(digits.pixels)).save(folder / "test.png", optimize=True)
    content = {"tile": SIDE, "columns": COLUMNS, "rows": len(digits) // COLUMNS, "labels": digits.labels.tolist()}
    (folder / "test.json").write_text(json.dumps(content) + "\n", "utf-8")
    (folder / "LICENCE.md").write_text(LICENCE, "utf-8")


def grid(tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[items, 28, 28] to [rows · 28, columns · 28]"""
    rows = len(tiles) // COLUMNS
    return tiles.reshape(rows, COLUMNS, SIDE, SIDE).swapaxes(1, 2).reshape(rows * SIDE, COLUMNS * SIDE)
