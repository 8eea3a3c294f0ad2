"""An ONNX graph that can be looked up by tensor name and rewritten piece by piece."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

MICROSOFT = "com.microsoft"

Attribute = int | float | str | list[int] | onnx.TensorProto | None


class Graph:
    """
    Wraps a model's graph with look-ups in both directions.

    A rewrite takes over the name of the tensor that it replaces, so that neither its consumers nor the graph's outputs
    change. Nodes that nothing reads any more disappear with `prune`, which every pass ends with.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self._names = _all_names(model.graph)
        self._index()

    @property
    def nodes(self) -> list[onnx.NodeProto]:
        return list(self.model.graph.node)

    @property
    def inputs(self) -> dict[str, onnx.ValueInfoProto]:
        """The inputs that a caller feeds, without initializers listed as inputs (IR version 3)."""
        return {value.name: value for value in self.model.graph.input if value.name not in self._constants}

    def producer(self, tensor: str) -> onnx.NodeProto | None:
        return self._producers.get(tensor)

    def consumers(self, tensor: str) -> list[onnx.NodeProto]:
        return self._consumers.get(tensor, [])

    def is_output(self, tensor: str) -> bool:
        return tensor in self._outputs

    def is_read_once(self, tensor: str) -> bool:
        """Whether one node reads the tensor and the graph does not answer with it."""
        return len(self.consumers(tensor)) == 1 and tensor not in self._outputs

    def constant(self, tensor: str) -> NDArray[np.generic] | None:
        initializer = self._constants.get(tensor)
        return None if initializer is None else numpy_helper.to_array(initializer)

    def constant_shape(self, tensor: str) -> tuple[int, ...] | None:
        initializer = self._constants.get(tensor)
        return None if initializer is None else tuple(initializer.dims)

    def scalar(self, tensor: str) -> float | None:
        """The value of a constant that holds exactly one number."""
        value = self.constant(tensor)
        return float(value.reshape(-1)[0]) if value is not None and value.size == 1 else None

    def add_constant(self, hint: str, value: NDArray[np.generic]) -> str:
        name = self._fresh(hint)
        tensor = numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), name)
        self.model.graph.initializer.append(tensor)
        self._constants[name] = self.model.graph.initializer[-1]
        return name

    def add(
        self,
        operator: str,
        inputs: list[str],
        *,
        output: str | None = None,
        outputs: int = 1,
        domain: str = "",
        **attributes: Attribute,
    ) -> list[str]:
        """Adds a node and gives its outputs' names; with `output` it takes over that tensor from its producer."""
        if output is None:
            names = [self._fresh(f"{inputs[0]}_{operator}") for _ in range(outputs)]
        else:
            self._detach(output)
            names = [output]
        node = self.model.graph.node.add()
        node.CopyFrom(onnx.helper.make_node(operator, inputs, names, self._fresh(operator), domain=domain, **attributes))
        self._attach(node)
        return names

    def rename(self, tensor: str) -> str:
        """Gives a tensor a new name, for its producer and its readers; the old one is free to be taken over."""
        name = self._fresh(f"{tensor}_inner")
        producer, readers = self._producers.pop(tensor), self._consumers.pop(tensor, [])
        producer.output[list(producer.output).index(tensor)] = name
        self._producers[name] = producer
        self.redirect(readers, tensor, name)
        return name

    def redirect(self, readers: list[onnx.NodeProto], tensor: str, replacement: str) -> None:
        """Makes these nodes read `replacement` instead of `tensor`."""
        for node in readers:
            for index, name in enumerate(node.input):
                if name == tensor:
                    node.input[index] = replacement
        self._consumers[tensor] = [node for node in self.consumers(tensor) if node not in readers]
        self._consumers.setdefault(replacement, []).extend(readers)

    def prune(self) -> None:
        """Drops what the outputs do not need and puts each node behind those that it reads from."""
        graph = self.model.graph
        ordered: list[onnx.NodeProto] = []
        entered: set[int] = set()
        stack: list[tuple[onnx.NodeProto, bool]] = [(p, False) for p in map(self.producer, self._outputs) if p]
        while stack:
            node, inputs_are_done = stack.pop()
            if inputs_are_done:
                ordered.append(node)
            elif id(node) not in entered:
                entered.add(id(node))
                stack.append((node, True))
                stack.extend((p, False) for p in map(self.producer, _reads(node)) if p and id(p) not in entered)
        read = {name for node in ordered for name in _reads(node)} | self._outputs
        kept = [tensor for tensor in graph.initializer if tensor.name in read]
        pruned = onnx.helper.make_graph(ordered, graph.name, graph.input, graph.output, kept, graph.doc_string)
        graph.CopyFrom(pruned)
        self._index()

    def use_opset(self, domain: str, version: int) -> None:
        """Imports an operator set, or raises its version to at least this one."""
        for opset in self.model.opset_import:
            if opset.domain == domain:
                opset.version = max(opset.version, version)
                return
        self.model.opset_import.append(onnx.helper.make_opsetid(domain, version))

    def _index(self) -> None:
        graph = self.model.graph
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._outputs = {value.name for value in graph.output}
        self._producers: dict[str, onnx.NodeProto] = {}
        self._consumers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            self._attach(node)

    def _attach(self, node: onnx.NodeProto) -> None:
        for name in node.output:
            self._producers[name] = node
        for name in _reads(node):
            self._consumers.setdefault(name, []).append(node)

    def _detach(self, tensor: str) -> None:
        node = self._producers.pop(tensor, None)
        if node is None:
            return
        for name in _reads(node):
            self._consumers[name] = [other for other in self._consumers[name] if other is not node]

    def _fresh(self, hint: str) -> str:
        name, number = hint, 1
        while name in self._names:
            number += 1
            name = f"{hint}_{number}"
        self._names.add(name)
        return name


def attribute(node: onnx.NodeProto, name: str, default: Attribute = None) -> Attribute:
    """An attribute's value, strings decoded."""
    for item in node.attribute:
        if item.name == name:
            value = onnx.helper.get_attribute_value(item)
            return value.decode() if isinstance(value, bytes) else value
    return default


def is_operator(node: onnx.NodeProto | None, *operators: str) -> bool:
    return node is not None and node.op_type in operators


def _reads(node: onnx.NodeProto) -> Iterator[str]:
    """The tensors that a node needs, those that its subgraphs take from outside included."""
    yield from filter(None, node.input)
    for item in node.attribute:
        for graph in (item.g, *item.graphs):
            yield from (name for inner in graph.node for name in _reads(inner))


def _all_names(graph: onnx.GraphProto) -> set[str]:
    values: Iterable[str] = (value.name for value in (*graph.input, *graph.output, *graph.initializer))
    nodes = (name for node in graph.node for name in (node.name, *node.input, *node.output))
    return {*values, *nodes}
