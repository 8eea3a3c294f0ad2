"""FastAPI: `uvicorn server:app --workers 2`. A sync endpoint, so that the run has a thread of the pool."""

from fastapi import Body, FastAPI
from model import KIND, Classifier
from pydantic import BaseModel

app = FastAPI()
classifier = Classifier()


class Inputs(BaseModel):
    inputs: str


def classify(value) -> list[dict]:
    return classifier.decode(classifier.run([classifier.encode(value)])[0])


if KIND == "text":

    @app.post("/predict")
    def predict(body: Inputs) -> list[dict]:
        return classify(body.inputs)

else:

    @app.post("/predict")
    def predict(body: bytes = Body(media_type="application/octet-stream")) -> list[dict]:
        return classify(body)
