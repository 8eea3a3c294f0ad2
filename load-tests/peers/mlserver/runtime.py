"""MLServer: a custom runtime, as its documentation describes for own inference code."""

import base64

from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse
from model import KIND, Classifier


class ClassifierRuntime(MLModel):
    async def load(self) -> bool:
        self.classifier = Classifier()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        values = StringCodec.decode_input(payload.inputs[0])
        items = [self.classifier.encode(v if KIND == "text" else base64.b64decode(v)) for v in values]
        rows = [self.classifier.decode(logits) for logits in self.classifier.run(items)]
        return InferenceResponse(
            model_name=self.name,
            outputs=[
                StringCodec.encode_output("label", [row[0]["label"] for row in rows]),
                StringCodec.encode_output("score", [str(row[0]["score"]) for row in rows]),
            ],
        )
