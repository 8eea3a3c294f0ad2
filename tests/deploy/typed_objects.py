"""Checks plain objects against the classes that an OpenAPI generator wrote for KServe and Kubernetes."""

import re
import sys
import types
from importlib.machinery import PathFinder

import kubernetes.client

# Named by KServe's classes, written by none: each is a kind of text or number, or has a class of another name.
SCALARS = {"str": str, "int": int, "bool": bool, "float": (int, float), "ResourceQuantity": (str, int), "V1beta1MetricQuantity": str}
OTHER_NAMES = {
    "K8sIoApiAppsV1DeploymentStrategy": "V1DeploymentStrategy",
    "K8sIoApiAutoscalingV2HorizontalPodAutoscalerBehavior": "V2HorizontalPodAutoscalerBehavior",
}


def kserve_models():
    """KServe's typed objects without its server: importing the package itself would want all that the server needs."""
    package = types.ModuleType("kserve")
    package.__path__ = list(PathFinder.find_spec("kserve").submodule_search_locations)
    sys.modules["kserve"] = package
    import kserve.models

    return kserve.models


KSERVE = kserve_models()


def problems_of(value, type_name, path=""):
    """What is not as the type says, each with where it is: fields that do not exist and values of another kind."""
    nested = re.fullmatch(r"(?i:(list|dict))[\[(](?:str, )?(.+)[\])]", type_name)
    if nested is not None:
        kind, inner = nested.groups()
        if kind.lower() == "list":
            if not isinstance(value, list):
                return [f"{path}: is no list"]
            return [p for at, one in enumerate(value) for p in problems_of(one, inner, f"{path}[{at}]")]
        if not isinstance(value, dict):
            return [f"{path}: is no map"]
        return [p for key, one in value.items() for p in problems_of(one, inner, f"{path}.{key}")]
    if type_name in SCALARS:
        fits = isinstance(value, SCALARS[type_name]) and (type_name == "bool" or not isinstance(value, bool))
        return [] if fits else [f"{path}: {value!r} is no {type_name}"]
    if type_name == "object":
        return []
    return problems_of_object(value, class_of(type_name), path)


def problems_of_object(value, cls, path):
    if not isinstance(value, dict):
        return [f"{path}: is no {cls.__name__}"]
    fields = {json: cls.openapi_types[name] for name, json in cls.attribute_map.items()}
    problems = []
    for key, one in value.items():
        if key in fields:
            problems += problems_of(one, fields[key], f"{path}.{key}")
        else:
            problems.append(f"{path}.{key}: {cls.__name__} has no such field")
    return problems + missing_fields(value, cls, path)


def missing_fields(value, cls, path):
    """The generated setters refuse None for what is required."""
    problems = []
    for name, json in cls.attribute_map.items():
        if json in value:
            continue
        instance = cls.__new__(cls)
        instance.local_vars_configuration = types.SimpleNamespace(client_side_validation=True)
        try:
            setattr(instance, name, None)
        except ValueError:
            problems.append(f"{path}.{json}: is missing")
    return problems


def class_of(type_name):
    name = OTHER_NAMES.get(type_name, type_name)
    found = getattr(KSERVE, name, None) or getattr(kubernetes.client, name, None)
    if found is None:
        raise LookupError(f"no class {type_name}")
    return found
