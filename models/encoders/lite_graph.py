"""EfficientNet-Lite2 as an ONNX graph, written from its weights (Tan & Le 2019, arXiv:1905.11946; the Lite variants: no
squeeze-and-excitation, ReLU6, stem and head of fixed width).

Each batch normalisation is folded into the convolution before it: w' = w·γ/√(σ²+ε), b' = β − μ·γ/√(σ²+ε).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

GRAPH_VERSION = 1
"""Goes up with every change of the graph, so that cached ones are built anew."""
CHANNELS = 1280
CLASSES = 1000
STRIDE = 32

_OPSET, _IR = 13, 8
_EPSILON = 1e-3
_STAGES = ((1, 3, 1), (3, 3, 2), (3, 5, 2), (4, 3, 2), (4, 5, 1), (5, 5, 2), (1, 3, 1))
"""Of each stage: blocks, kernel, stride of the first block. Base depths 1,2,2,3,3,4,1 times 1.2, rounded up; the first and last stay 1."""

State = Mapping[str, NDArray[Any]]


@dataclass
class _Writer:
    """Collects nodes and weights."""

    state: State
    nodes: list[Any] = field(default_factory=list)
    weights: list[Any] = field(default_factory=list)

    def constant(self, name: str, values: NDArray[np.floating]) -> str:
        """Keep an array as a weight of the graph."""
        from onnx import numpy_helper

        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype=np.float32), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node with one output."""
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def convolution(self, x: str, conv: str, norm: str, stride: int = 1, relu6: bool = True) -> str:
        """Convolution with its batch normalisation folded in, padded as TensorFlow does (the odd pixel at the end), and ReLU6."""
        weight, bias = folded(self.state, conv, norm)
        wide = weight.shape[1] == 1 and weight.shape[2] > 1
        inputs = [x, self.constant(f"{conv}.weight", weight), self.constant(f"{conv}.bias", bias)]
        groups = weight.shape[0] if wide else 1
        y = self.node("Conv", inputs, conv, auto_pad="SAME_UPPER", strides=[stride, stride], group=groups)
        return self.node("Clip", [y, "zero", "six"], f"{conv}.relu6") if relu6 else y


def folded(state: State, conv: str, norm: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Kernel [out, in, k, k] and bias [out] of a convolution with the batch normalisation after it."""
    gamma, beta, mean, var = (
        np.asarray(state[f"{norm}.{part}"], dtype=np.float64) for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / np.sqrt(var + _EPSILON)
    return np.asarray(state[f"{conv}.weight"], dtype=np.float64) * scale[:, None, None, None], beta - mean * scale


def build_graph(state: State) -> bytes:
    """The network as a serialized ONNX model.

    Input `pictures` float32 [n, 3, height, width], normalised; outputs `map` [n, 1280, ⌈height/32⌉, ⌈width/32⌉] (after the
    1x1 head convolution) and `logits` [n, 1000] (of the map's average). Raises KeyError or ValueError for other weights.
    """
    from onnx import TensorProto, helper

    writer = _Writer(state)
    writer.constant("zero", np.zeros(()))
    writer.constant("six", np.full((), 6.0))
    x = writer.convolution("pictures", "_conv_stem", "_bn0", stride=2)
    strides = [stride if first == 0 else 1 for blocks, _, stride in _STAGES for first in range(blocks)]
    for index, stride in enumerate(strides):
        x = _block(writer, x, f"_blocks.{index}", stride)
    x = writer.convolution(x, "_conv_head", "_bn1")
    writer.node("Identity", [x], "map")
    average = writer.node("Flatten", [writer.node("GlobalAveragePool", [x], "average")], "flat")
    fc = [writer.constant("fc.weight", state["_fc.weight"]), writer.constant("fc.bias", state["_fc.bias"])]
    writer.node("Gemm", [average, *fc], "logits", transB=1)
    tensor = helper.make_tensor_value_info
    graph = helper.make_graph(
        writer.nodes,
        "efficientnet_lite2",
        [tensor("pictures", TensorProto.FLOAT, ["n", 3, "height", "width"])],
        [
            tensor("map", TensorProto.FLOAT, ["n", CHANNELS, "rows", "columns"]),
            tensor("logits", TensorProto.FLOAT, ["n", CLASSES]),
        ],
        writer.weights,
    )
    model = helper.make_model(graph, producer_name="geosleuth", ir_version=_IR, opset_imports=[helper.make_opsetid("", _OPSET)])
    return bytes(model.SerializeToString())


def _block(writer: _Writer, x: str, name: str, stride: int) -> str:
    """Inverted bottleneck: widen, depthwise, narrow; added to its input where shapes agree."""
    y = x
    if f"{name}._expand_conv.weight" in writer.state:
        y = writer.convolution(y, f"{name}._expand_conv", f"{name}._bn0")
    y = writer.convolution(y, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride)
    y = writer.convolution(y, f"{name}._project_conv", f"{name}._bn2", relu6=False)
    narrow = writer.state[f"{name}._project_conv.weight"].shape[0]
    first = "_expand_conv" if f"{name}._expand_conv.weight" in writer.state else "_depthwise_conv"
    wide = writer.state[f"{name}.{first}.weight"].shape[1 if first == "_expand_conv" else 0]
    return writer.node("Add", [x, y], f"{name}.sum") if stride == 1 and narrow == wide else y
