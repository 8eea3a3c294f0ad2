import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from training.quantize.embedding import quantise_embeddings, quantise_rows
from training.quantize.graph import Graph

TABLE = (np.random.default_rng(0).standard_normal((4096, 128)) * np.logspace(-2, 2, 4096)[:, None]).astype(np.float32)


def graph_with(table: np.ndarray) -> Graph:
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "ids"], ["rows"])],
        "graph",
        [helper.make_tensor_value_info("ids", onnx.TensorProto.INT64, ["batch", "tokens"])],
        [helper.make_tensor_value_info("rows", onnx.TensorProto.FLOAT, ["batch", "tokens", 128])],
        [numpy_helper.from_array(table, "table")],
    )
    return Graph(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10))


def test_each_row_is_within_half_a_step_of_its_own_scale() -> None:
    integers, scales = quantise_rows(TABLE)
    steps = np.abs(TABLE).max(axis=1, keepdims=True) / 127
    assert np.all(np.abs(integers * scales - TABLE) <= 0.5001 * steps)


def test_a_look_up_gives_the_same_rows_at_a_quarter_of_the_size() -> None:
    graph = graph_with(TABLE)
    before = graph.model.ByteSize()
    assert quantise_embeddings(graph) == 1
    assert graph.model.ByteSize() < 0.27 * before
    ids = np.array([[0, 4095, 7], [7, 7, 2048]])
    found = onnxruntime.InferenceSession(graph.model.SerializeToString()).run(None, {"ids": ids})[0]
    integers, scales = quantise_rows(TABLE)
    assert np.array_equal(found, (integers * scales)[ids])


def test_a_small_table_stays_in_float() -> None:
    graph = graph_with(TABLE[:100])
    assert quantise_embeddings(graph) == 0
    assert [node.op_type for node in graph.nodes] == ["Gather"]
