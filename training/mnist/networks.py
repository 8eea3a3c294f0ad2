"""[batch, 1, 28, 28] with ink near 1 and paper 0, to [batch, 10] logits."""

from torch import nn


class DenseNetwork(nn.Sequential):
    """784-256-10"""

    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Dropout(0.2), nn.Linear(256, 10))


class ConvolutionalNetwork(nn.Sequential):
    """32-64-64 filters of 3×3, dense 64-10; the sides go 28, 26, 13, 11, 5, 3."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(64, 64, 3), nn.ReLU(),
            nn.Flatten(), nn.Dropout(0.3),
            nn.Linear(576, 64), nn.ReLU(), nn.Linear(64, 10),
        )  # fmt: skip
