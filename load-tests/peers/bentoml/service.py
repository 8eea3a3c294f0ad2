"""BentoML: `bentoml serve service:ClassifierService`, two workers."""

from pathlib import Path

import bentoml
from model import KIND, Classifier


@bentoml.service(workers=2, traffic={"timeout": 60}, logging={"access": {"enabled": False}})
class ClassifierService:
    def __init__(self) -> None:
        self.classifier = Classifier()

    def classify(self, value) -> list[dict]:
        return self.classifier.decode(self.classifier.run([self.classifier.encode(value)])[0])

    if KIND == "text":

        @bentoml.api
        def predict(self, inputs: str) -> list[dict]:
            return self.classify(inputs)

    else:

        @bentoml.api
        def predict(self, image: Path) -> list[dict]:
            return self.classify(image.read_bytes())
