"""LitServe with two workers; MAX_BATCH_SIZE over 1 turns its batching on."""

import base64
import os

import litserve
from model import KIND, Classifier

MAX_BATCH_SIZE = int(os.environ["MAX_BATCH_SIZE"])


class ClassifierApi(litserve.LitAPI):
    def setup(self, device):
        self.classifier = Classifier()

    def decode_request(self, request):
        value = request["inputs"]
        return self.classifier.encode(value if KIND == "text" else base64.b64decode(value))

    def predict(self, inputs):
        if MAX_BATCH_SIZE > 1:
            return list(self.classifier.run(inputs))
        return self.classifier.run([inputs])[0]

    def batch(self, inputs):
        return inputs

    def unbatch(self, output):
        return output

    def encode_response(self, output):
        return self.classifier.decode(output)


if __name__ == "__main__":
    api = ClassifierApi(max_batch_size=MAX_BATCH_SIZE, batch_timeout=0.005 if MAX_BATCH_SIZE > 1 else 0.0)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=2)
    server.run(host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning", generate_client_file=False)
