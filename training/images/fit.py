"""One recipe for the small networks: AdamW with a one-cycle learning rate, images changed a little each time they are seen."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

Augment = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class LabelledImages:
    pixels: Tensor
    """[items, channels, height, width], float32, preprocessed."""
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Recipe:
    epochs: int
    learning_rate: float
    batch_items: int = 64
    weight_decay: float = 0.01
    seed: int = 0


def fit(build: Callable[[], nn.Module], train: LabelledImages, validation: LabelledImages, recipe: Recipe, augment: Augment) -> nn.Module:
    """The network after the last epoch; the accuracy on `validation` is shown and decides nothing."""
    torch.manual_seed(recipe.seed)
    model = build()
    optimiser = torch.optim.AdamW(model.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    steps = recipe.epochs * -(-len(train) // recipe.batch_items)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.learning_rate, total_steps=steps)
    with tqdm(total=steps, desc=type(model).__name__, unit="step") as progress:
        for _ in range(recipe.epochs):
            model.train()
            for rows in torch.randperm(len(train)).split(recipe.batch_items):
                loss = functional.cross_entropy(model(augment(train.pixels[rows])), train.labels[rows])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
                progress.update()
            progress.set_postfix(validation=f"{accuracy(model, validation):.4f}")
    return model.eval()


@torch.no_grad()
def accuracy(model: nn.Module, images: LabelledImages) -> float:
    model.eval()
    hits = [(model(pixels).argmax(1) == labels) for pixels, labels in zip(images.pixels.split(500), images.labels.split(500), strict=True)]
    return torch.cat(hits).float().mean().item()


def turned_and_shifted(pixels: Tensor, degrees: float, shift: float, scale: float) -> Tensor:
    """Each image turned, moved and scaled by its own random amount.

    @param shift: largest move, as a share of the side
    @param scale: largest change of size, as a share of it
    """
    def uniform(limit: float) -> Tensor:
        return (torch.rand(len(pixels)) * 2 - 1) * limit

    angle, size = uniform(np.deg2rad(degrees)), 1 + uniform(scale)
    cosine, sine = torch.cos(angle) * size, torch.sin(angle) * size
    # affine_grid measures in half sides: a move by the share s is 2 s.
    first = torch.stack([cosine, -sine, uniform(2 * shift)], dim=1)
    second = torch.stack([sine, cosine, uniform(2 * shift)], dim=1)
    grid = functional.affine_grid(torch.stack([first, second], dim=1), list(pixels.shape), align_corners=False)
    return functional.grid_sample(pixels, grid, align_corners=False)
