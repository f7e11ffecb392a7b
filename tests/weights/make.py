"""Weights of PyTorch, Keras and ONNX layers, with what those layers compute: data of the tests in ../weights.rs.

Needs torch, keras, onnx, onnxruntime, numpy and safetensors; writes beside itself. Everything is f32 and seeded, so
that a second run with the same versions writes the same files. What stands here was written with torch 2.15.0,
keras 3.15.1, onnx 1.23.2 and onnxruntime 1.31.1.
"""

import os
import pathlib

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

HERE = pathlib.Path(__file__).parent
STEPS, BATCH, INPUT, HIDDEN = 5, 2, 3, 4
random = numpy.random.default_rng(20261121)


def numbers(*shape):
    return random.uniform(-0.9, 0.9, shape).astype(numpy.float32)


def write(name, tensors):
    tensors = {key: numpy.ascontiguousarray(value, dtype=numpy.float32) for key, value in tensors.items()}
    save_file(tensors, HERE / f"{name}.safetensors")


def pytorch():
    cases = {
        "rnn": torch.nn.RNN(INPUT, HIDDEN),
        "rnn_relu": torch.nn.RNN(INPUT, HIDDEN, 2, nonlinearity="relu", bidirectional=True),
        "lstm": torch.nn.LSTM(INPUT, HIDDEN),
        "lstm_without_bias": torch.nn.LSTM(INPUT, HIDDEN, bias=False),
        "lstm_deep": torch.nn.LSTM(INPUT, HIDDEN, 2, bidirectional=True),
        "lstm_projected": torch.nn.LSTM(INPUT, HIDDEN, proj_size=2),
        "lstm_projected_deep": torch.nn.LSTM(INPUT, HIDDEN, 2, bidirectional=True, proj_size=2),
        "gru": torch.nn.GRU(INPUT, HIDDEN),
        "gru_without_bias": torch.nn.GRU(INPUT, HIDDEN, bias=False),
        "gru_deep": torch.nn.GRU(INPUT, HIDDEN, 3, bidirectional=True),
    }
    data = {}
    for relu in (False, True):
        modules = torch.nn.ModuleDict({k: m for k, m in cases.items() if (k == "rnn_relu") == relu})
        if not relu:
            modules["head"] = torch.nn.Linear(HIDDEN, 1)
            modules["step"] = torch.nn.LSTMCell(INPUT, HIDDEN)
        for parameter in modules.parameters():
            parameter.data = torch.from_numpy(numbers(*parameter.shape))
        name = "pytorch_relu" if relu else "pytorch"
        write(name, {k: v.numpy() for k, v in modules.state_dict().items()})
        torch.save(modules.state_dict(), HERE / f"{name}.pt")
        if not relu:
            torch.save({"epoch": 3, "model": modules.state_dict()}, HERE / "pytorch_checkpoint.pt")
    for name, module in cases.items():
        count = module.num_layers * (2 if module.bidirectional else 1)
        output = getattr(module, "proj_size", 0) or HIDDEN
        x, h = numbers(STEPS, BATCH, INPUT), numbers(count, BATCH, output)
        data |= {f"{name}.x": x, f"{name}.h0": h}
        states = torch.from_numpy(h)
        if isinstance(module, torch.nn.LSTM):
            data[f"{name}.c0"] = numbers(count, BATCH, HIDDEN)
            states = (states, torch.from_numpy(data[f"{name}.c0"]))
        with torch.no_grad():
            y, states = module(torch.from_numpy(x), states)
        data[f"{name}.y"] = y.numpy()
        states = states if isinstance(states, tuple) else (states,)
        data |= {f"{name}.{key}": state.numpy() for key, state in zip("hc", states)}
    write("pytorch_expected", data)


def keras_layers():
    layers = keras.layers
    groups = {
        "keras": {
            "lstm": layers.LSTM(HIDDEN, return_sequences=True, return_state=True),
            "lstm_without_bias": layers.LSTM(HIDDEN, return_sequences=True, return_state=True, use_bias=False),
            "gru_after": layers.GRU(HIDDEN, return_sequences=True, return_state=True),
            "gru_before": layers.GRU(HIDDEN, return_sequences=True, return_state=True, reset_after=False),
            "simple": layers.SimpleRNN(HIDDEN, return_sequences=True, return_state=True),
            "both": layers.Bidirectional(layers.LSTM(HIDDEN, return_sequences=True, return_state=True)),
        },
        "keras_choices": {
            "lstm_choices": layers.LSTM(
                HIDDEN,
                activation="softsign",
                recurrent_activation="hard_sigmoid",
                return_sequences=True,
                return_state=True,
            ),
            "gru_without_bias": layers.GRU(
                HIDDEN,
                activation="softsign",
                recurrent_activation="hard_sigmoid",
                use_bias=False,
                reset_after=False,
                return_sequences=True,
                return_state=True,
            ),
        },
    }
    data = {}
    inputs = keras.Input((STEPS, INPUT))
    for file, cases in groups.items():
        weights = {}
        for name, layer in cases.items():
            x = numbers(STEPS, BATCH, INPUT)
            layer.name = name
            layer(x.swapaxes(0, 1))
            for variable in layer.weights:
                variable.assign(numbers(*variable.shape))
                weights[f"{name}/{variable.path.split('/', 1)[1] if name != 'both' else variable.path}"] = (
                    keras.ops.convert_to_numpy(variable)
                )
            y, *states = (keras.ops.convert_to_numpy(value) for value in layer(x.swapaxes(0, 1)))
            data |= {f"{name}.x": x, f"{name}.y": y.swapaxes(0, 1)}
            data |= {f"{name}.state{at}": state for at, state in enumerate(states)}
        write(file, weights)
        outputs = [layer(inputs)[0] for layer in cases.values()]
        keras.Model(inputs, outputs, name=file).save_weights(HERE / f"{file}.weights.h5")
    write("keras_expected", data)
    # One file whose layers have different arguments, which it tells.
    cases = [layer for cases in groups.values() for layer in cases.values()]
    model = keras.Model(inputs, [layer(inputs)[0] for layer in cases], name="all")
    model.save(HERE / "keras.h5")
    model.save(HERE / "keras.keras")
    # What is refused: time reversed inside a layer, and a function that this library does not know.
    refused = [layers.LSTM(2, go_backwards=True, name="turned"), layers.LSTM(2, activation="gelu", name="other")]
    for layer in refused:
        keras.Model(inputs, layer(inputs)).save(HERE / f"keras_{layer.name}.h5")


def half():
    """Weights in 16 bits: what they are in 32 computes the same."""
    modules = torch.nn.ModuleDict({"lstm": torch.nn.LSTM(INPUT, HIDDEN), "gru": torch.nn.GRU(INPUT, HIDDEN)})
    for parameter in modules.parameters():
        parameter.data = torch.from_numpy(numbers(*parameter.shape))
    stored = {
        key: value.detach().to(torch.float16 if key.startswith("lstm") else torch.bfloat16).contiguous()
        for key, value in modules.state_dict().items()
    }
    save_torch(stored, HERE / "half.safetensors")
    torch.save(stored, HERE / "half.pt")
    modules.load_state_dict({key: value.float() for key, value in stored.items()})
    data = {}
    for name, module in modules.items():
        data[f"{name}.x"] = x = numbers(STEPS, BATCH, INPUT)
        data[f"{name}.h0"] = h = numbers(1, BATCH, HIDDEN)
        states = torch.from_numpy(h)
        if name == "lstm":
            data[f"{name}.c0"] = numbers(1, BATCH, HIDDEN)
            states = (states, torch.from_numpy(data[f"{name}.c0"]))
        with torch.no_grad():
            y, states = module(torch.from_numpy(x), states)
        data[f"{name}.y"] = y.numpy()
        states = states if isinstance(states, tuple) else (states,)
        data |= {f"{name}.{key}": state.numpy() for key, state in zip("hc", states)}
    write("half_expected", data)


def counts():
    """A state_dict with integers and truth values beside the layer, as batch normalisation has them."""
    norm = torch.nn.BatchNorm1d(HIDDEN)
    norm.num_batches_tracked += 7
    modules = torch.nn.ModuleDict({"lstm": torch.nn.LSTM(INPUT, HIDDEN), "norm": norm})
    for parameter in modules["lstm"].parameters():
        parameter.data = torch.full(parameter.shape, 0.5)
    torch.save(modules.state_dict() | {"mask": torch.tensor([True, False])}, HERE / "counts.pt")


GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def node(kind, data, name, bias=True, peephole=False, initial=False, lengths=None, reference=False, scale=1.0, **attributes):
    """One model of one node, run with random input."""
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    batch_major = attributes.get("layout", 0) == 1
    gates = GATES[kind]
    constants = {
        "W": scale * numbers(directions, gates * HIDDEN, INPUT),
        "R": scale * numbers(directions, gates * HIDDEN, HIDDEN),
    }
    if bias:
        constants["B"] = numbers(directions, 2 * gates * HIDDEN)
    given = {"X": numbers(STEPS, BATCH, INPUT)}
    state = lambda: numbers(directions, BATCH, HIDDEN)
    if lengths is not None:
        given["sequence_lens"] = numpy.array(lengths, dtype=numpy.int32)
    if initial:
        # One as a constant of the model, one as an input, so that both ways are tested.
        constants["initial_h"] = state()
        if kind == "LSTM":
            given["initial_c"] = state()
    if peephole:
        constants["P"] = numbers(directions, 3 * HIDDEN)
    if batch_major:
        given["X"] = given["X"].swapaxes(0, 1)
        constants |= {k: v.swapaxes(0, 1) for k, v in constants.items() if k == "initial_h"}
        given |= {k: v.swapaxes(0, 1) for k, v in given.items() if k == "initial_c"}
    order = ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"]
    inputs = [key if key in constants or key in given else "" for key in order]
    while not inputs[-1]:
        inputs.pop()
    outputs = ["Y", "Y_h"] + (["Y_c"] if kind == "LSTM" else [])
    rank = {"Y": 4, "Y_h": 3, "Y_c": 3}
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, outputs, name=name, hidden_size=HIDDEN, **attributes)],
        name,
        [
            helper.make_tensor_value_info(
                key, TensorProto.INT32 if key == "sequence_lens" else TensorProto.FLOAT, value.shape
            )
            for key, value in given.items()
        ],
        [helper.make_tensor_value_info(key, TensorProto.FLOAT, [None] * rank[key]) for key in outputs],
        [numpy_helper.from_array(numpy.ascontiguousarray(value), key) for key, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path = HERE / "onnx" / f"{name}.onnx"
    path.write_bytes(model.SerializeToString())
    runner = ReferenceEvaluator(model) if reference else onnxruntime.InferenceSession(path)
    results = dict(zip(outputs, runner.run(None, given)))
    data |= {f"{name}.{key}": value for key, value in (given | results).items()}


def lstm_by_specification(data):
    """The node `lstm_everything` by the equations of the specification: ONNX Runtime leaves one clip out."""
    name, limit = "lstm_everything", lambda u: numpy.clip(u, -0.7, 0.7)
    graph = onnx.load(HERE / "onnx" / f"{name}.onnx").graph
    constants = {tensor.name: numpy_helper.to_array(tensor)[:] for tensor in graph.initializer}
    elu = lambda u: numpy.where(u >= 0, u, 0.6 * (numpy.exp(u) - 1))
    activations = [
        (lambda u: 1 / (1 + numpy.exp(-u)), lambda u: numpy.where(u >= 0, u, 0.2 * u), numpy.tanh),
        (lambda u: numpy.clip(0.15 * u + 0.45, 0, 1), lambda u: 0.9 * u + 0.1, elu),
    ]
    x, lengths = data[f"{name}.X"], data[f"{name}.sequence_lens"]
    results = {}
    for clipped in (True, False):
        y = numpy.zeros((STEPS, 2, BATCH, HIDDEN))
        for direction, (f, g, h) in enumerate(activations):
            w, r, b, p = (constants[key][direction] for key in "WRBP")
            pi, po, pf = p.reshape(3, HIDDEN)
            for sample in range(BATCH):
                state = constants["initial_h"][direction, sample]
                memory = data[f"{name}.initial_c"][direction, sample]
                steps = range(lengths[sample])
                for step in steps if direction == 0 else reversed(steps):
                    sums = w @ x[step, sample] + r @ state + b[: 4 * HIDDEN] + b[4 * HIDDEN :]
                    i, o, forget, c = sums.reshape(4, HIDDEN)
                    i, forget, c = f(limit(i + pi * memory)), f(limit(forget + pf * memory)), g(limit(c))
                    memory = forget * memory + i * c
                    o = f(limit(o + po * memory))
                    state = o * h(limit(memory) if clipped else memory)
                    y[step, direction, sample] = state
        results[clipped] = y
    assert numpy.abs(results[False] - data[f"{name}.Y"]).max() < 1e-6
    assert numpy.abs(results[True] - data[f"{name}.Y"]).max() > 1e-3
    data["lstm_by_specification.Y"] = results[True]


def onnx_nodes():
    data = {}
    node("RNN", data, "rnn")
    node("RNN", data, "rnn_without_bias", bias=False)
    node("RNN", data, "rnn_reverse", direction="reverse", activations=["Relu"], initial=True)
    node("RNN", data, "rnn_lengths", direction="bidirectional", lengths=[3, 5], initial=True)
    node("RNN", data, "rnn_two_activations", direction="bidirectional", activations=["LeakyRelu", "Elu"],
         activation_alpha=[0.3, 0.7])
    node("RNN", data, "rnn_clip", clip=0.4)
    given = {
        "Relu": ([], []),
        "LeakyRelu": ([0.25], []),
        "ThresholdedRelu": ([0.375], []),
        "Tanh": ([], []),
        "ScaledTanh": ([0.75], [1.5]),
        "Sigmoid": ([], []),
        "HardSigmoid": ([0.25], [0.375]),
        "Elu": ([0.5], []),
        "Softsign": ([], []),
        "Softplus": ([], []),
        "Affine": ([-0.5], [-0.25]),
    }
    for activation, (alpha, beta) in given.items():
        attributes = {}
        if alpha:
            attributes["activation_alpha"] = alpha
        if beta:
            attributes["activation_beta"] = beta
        node("RNN", data, f"rnn_{activation.lower()}", activations=[activation], **attributes)
    for activation in ["LeakyRelu", "ThresholdedRelu", "HardSigmoid", "Elu"]:
        node("RNN", data, f"rnn_{activation.lower()}_default", activations=[activation])

    node("LSTM", data, "lstm")
    node("LSTM", data, "lstm_without_bias", bias=False)
    node("LSTM", data, "lstm_reverse", direction="reverse", initial=True)
    node("LSTM", data, "lstm_peephole", peephole=True)
    node("LSTM", data, "lstm_coupled", peephole=True, input_forget=1)
    node("LSTM", data, "lstm_clip", clip=0.3, peephole=True, scale=2.0)
    node("LSTM", data, "lstm_activations", activations=["HardSigmoid", "ScaledTanh", "Softsign"],
         activation_alpha=[0.3, 0.8], activation_beta=[0.4, 1.2])
    node("LSTM", data, "lstm_everything", direction="bidirectional", peephole=True, initial=True, lengths=[4, 2], clip=0.7,
         activations=["Sigmoid", "LeakyRelu", "Tanh", "HardSigmoid", "Affine", "Elu"],
         activation_alpha=[0.2, 0.15, 0.9, 0.6], activation_beta=[0.45, 0.1])
    node("LSTM", data, "lstm_batch_major", layout=1, reference=True)

    node("GRU", data, "gru")
    node("GRU", data, "gru_after", linear_before_reset=1)
    node("GRU", data, "gru_without_bias", bias=False, linear_before_reset=1)
    node("GRU", data, "gru_reverse", direction="reverse", initial=True, linear_before_reset=1)
    node("GRU", data, "gru_clip", clip=0.5)
    node("GRU", data, "gru_clip_after", clip=0.5, linear_before_reset=1)
    node("GRU", data, "gru_everything", direction="bidirectional", initial=True, lengths=[2, 5], clip=0.8,
         activations=["HardSigmoid", "Softsign", "Sigmoid", "ScaledTanh"],
         activation_alpha=[0.3, 0.8], activation_beta=[0.4, 1.2])
    node("GRU", data, "gru_batch_major", layout=1, reference=True)

    lstm_by_specification(data)

    # What PyTorch itself writes: two layers, both directions.
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = torch.nn.LSTM(INPUT, HIDDEN, 2, bidirectional=True)
            self.gru = torch.nn.GRU(2 * HIDDEN, HIDDEN)

        def forward(self, x):
            return self.gru(self.lstm(x)[0])[0]

    model = Model()
    for parameter in model.parameters():
        parameter.data = torch.from_numpy(numbers(*parameter.shape))
    x = numbers(STEPS, BATCH, INPUT)
    path = HERE / "onnx" / "exported.onnx"
    torch.onnx.export(model, (torch.from_numpy(x),), path, dynamo=False, opset_version=17, input_names=["x"],
                      output_names=["y"])
    y = onnxruntime.InferenceSession(path).run(None, {"x": x})[0]
    data |= {"exported.x": x, "exported.y": y}
    write("onnx_expected", data)


pytorch()
keras_layers()
onnx_nodes()
half()
counts()
for module in (torch, keras, onnx, onnxruntime):
    print(module.__name__, module.__version__)
