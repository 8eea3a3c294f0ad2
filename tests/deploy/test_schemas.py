"""deploy/'s objects against the schemas of the APIs that they are for, without a cluster."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from cloudcoil.models.keda.v1alpha1 import ScaledObject
from cloudcoil.models.prometheus_operator.v1 import ServiceMonitor

from typed_objects import problems_of

DEPLOY = Path(__file__).parents[2] / "deploy"
KUBECTL = Path(sys.executable).parent / "kubectl"
# Releases that are supported, and the oldest that has all the fields.
KUBERNETES = ["1.31", "1.34", "1.37"]
MODELS = {"ScaledObject": ScaledObject, "ServiceMonitor": ServiceMonitor}
VARIANTS = {
    "base": {"Namespace", "Deployment", "Service", "PodDisruptionBudget"},
    "hpa": {"Namespace", "Deployment", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler", "ServiceMonitor"},
    "keda": {"Namespace", "Deployment", "Service", "PodDisruptionBudget", "ScaledObject", "ServiceMonitor"},
}


@cache
def text_of(variant):
    command = [KUBECTL, "kustomize", DEPLOY / "kubernetes" / variant]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def built(variant):
    """What `kubectl apply -k` would send."""
    return list(yaml.safe_load_all(text_of(variant)))


def check_typed(value):
    """Fields that the model does not know are gone when it is written again."""
    model = MODELS[value["kind"]].model_validate(value)
    assert model.model_dump(by_alias=True, exclude_unset=True, mode="json") == value


def check(value, version):
    if value["kind"] in MODELS:
        check_typed(value)
    else:
        kubernetes_validate.validate(value, version, strict=True)


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_variant(variant, version):
    objects = built(variant)
    assert {value["kind"] for value in objects} == VARIANTS[variant]
    for value in objects:
        check(value, version)


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_place_decides_on_replicas(variant):
    (deployment,) = (value for value in built(variant) if value["kind"] == "Deployment")
    assert ("replicas" in deployment["spec"]) == (variant == "base")


@pytest.mark.parametrize("variant", VARIANTS)
def test_selectors_find_the_pods(variant):
    objects = built(variant)
    (deployment,) = (value for value in objects if value["kind"] == "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    selectors = [value["spec"]["selector"] for value in objects if value["kind"] == "Service"]
    selectors += [value["spec"]["selector"]["matchLabels"] for value in objects if value["kind"] in ("Deployment", "PodDisruptionBudget")]
    assert len(selectors) == 4
    for selector in selectors:
        assert selector.items() <= labels.items()


@pytest.mark.parametrize(
    ("file", "type_name"),
    [
        ("serving-runtime.yaml", "V1alpha1ServingRuntime"),
        ("inference-service.yaml", "V1beta1InferenceService"),
    ],
)
def test_kserve(file, type_name):
    assert problems_of(yaml.safe_load((DEPLOY / "kserve" / file).read_text()), type_name) == []


def test_what_is_wrong_is_seen():
    (deployment,) = (value for value in built("base") if value["kind"] == "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["readinessProb"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        check(deployment, KUBERNETES[0])
    (scaled,) = (value for value in built("keda") if value["kind"] == "ScaledObject")
    scaled["spec"]["maxReplicas"] = 3
    with pytest.raises(AssertionError):
        check(scaled, KUBERNETES[0])
    service = yaml.safe_load((DEPLOY / "kserve" / "inference-service.yaml").read_text())
    service["spec"]["predictor"]["model"]["storageURI"] = service["spec"]["predictor"]["model"].pop("storageUri")
    service["spec"]["predictor"]["minReplicas"] = "two"
    assert problems_of(service, "V1beta1InferenceService", "service") == [
        "service.spec.predictor.minReplicas: 'two' is no int",
        "service.spec.predictor.model.storageURI: V1beta1ModelSpec has no such field",
    ]
    runtime = yaml.safe_load((DEPLOY / "kserve" / "serving-runtime.yaml").read_text())
    del runtime["spec"]["containers"][0]["name"]
    assert problems_of(runtime, "V1alpha1ServingRuntime", "runtime") == ["runtime.spec.containers[0].name: is missing"]
