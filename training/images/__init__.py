"""What the image models share: the reference preprocessing, the fit, the figures of a card and the files of a model folder."""
