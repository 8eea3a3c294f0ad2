"""[batch, 3, 32, 32] to [batch, labels] logits."""

from torch import nn


class SmallNetwork(nn.Sequential):
    """conv-pool-conv-pool-dense: 32 and 64 filters of 3×3, dense 128."""

    def __init__(self, labels: int) -> None:
        super().__init__(
            nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Dropout(0.3),
            nn.Linear(64 * 8 * 8, 128), nn.ReLU(), nn.Linear(128, labels),
        )  # fmt: skip
