"""Times what other programs take for the rows of a suite: the lines that `gatewright bench --suite FILE --peers PEERS.csv` reads.

    pip install torch jax onnx onnxruntime numpy
    python runtime/benches/peers/peers.py --peer torch --only S3 --cell lstm,gru --mode fwd,train > peers.csv

torch        nn.LSTM, nn.GRU
onnxruntime  its LSTM and GRU, of one layer; forward alone, the weights given when the session is made
jax          lax.scan over the cell, compiled, the product with all inputs before the loop; any of the cells
Forward gives all outputs. Training goes forward and back from fixed gradients by the outputs, and gives the gradients by inputs,
initial states and all parameters. f32, random numbers; calls for 0.3 s first, then for --budget seconds: median, least and most.
`--memory` prints instead by how many MiB the largest resident size grows in one training step of torch (Linux), for one row:
what an earlier one has freed would be used again.
"""

import argparse
import csv
import os
import pathlib
import statistics
import sys
import time

GATES = {"lstm": 4, "peephole": 4, "gru": 3, "mgu": 2}


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=["torch", "onnxruntime", "jax"], required=True)
    parser.add_argument("--suite", default=str(pathlib.Path(__file__).parent.parent / "suite.csv"))
    parser.add_argument("--only", help="labels of the suite, with commas between them")
    parser.add_argument("--cell", default="lstm,gru", help="of lstm, gru (reset after), mgu, peephole")
    parser.add_argument("--mode", default="fwd,train")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--budget", type=float, default=1.0)
    parser.add_argument("--memory", action="store_true")
    given = parser.parse_args()
    if given.memory and (given.peer != "torch" or given.cell not in ("lstm", "gru") or len(list(rows(given))) != 1):
        parser.error("--memory is of --peer torch and one row: --only LABEL --cell lstm, or gru")
    return given


def rows(given):
    """Label, cell, steps, samples, inputs and units of each row that is asked for."""
    with open(given.suite, encoding="utf-8") as file:
        for row in csv.DictReader(file):
            sizes = dict(size.split("=") for size in row["dims"].split())
            if row["name"] in given.cell.split(",") and (not given.only or row["label"] in given.only.split(",")):
                yield row["label"], row["name"], int(row["steps"]), int(row["batch"]), int(sizes["x"]), int(sizes["h"])


def torch_run(given, cell, mode, steps, batch, inputs, units):
    import torch

    torch.set_num_threads(given.threads)
    layer = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell](inputs, units)
    training = mode == "train"
    x = torch.randn(steps, batch, inputs, requires_grad=training)
    states = [torch.zeros(1, batch, units, requires_grad=training) for _ in range(2 if cell == "lstm" else 1)]
    by_output = torch.randn(steps, batch, units)
    start = tuple(states) if cell == "lstm" else states[0]
    wanted = [x, *states, *layer.parameters()]

    def forward():
        with torch.inference_mode():
            layer(x, start)

    def train():
        torch.autograd.grad(layer(x, start)[0], wanted, by_output)

    return train if training else forward


def onnxruntime_run(given, cell, mode, steps, batch, inputs, units):
    import numpy
    import onnx
    import onnxruntime

    if mode == "train":
        raise KeyError("onnxruntime does not train")
    random = numpy.random.default_rng(1)
    numbers = lambda *shape: random.standard_normal(shape, dtype=numpy.float32) * 0.1
    columns = {"lstm": 4, "gru": 3}[cell] * units
    weights = {"W": numbers(1, columns, inputs), "R": numbers(1, columns, units), "B": numbers(1, 2 * columns)}
    reset = {"linear_before_reset": 1} if cell == "gru" else {}
    node = onnx.helper.make_node(cell.upper(), ["x", "W", "R", "B"], ["y"], hidden_size=units, **reset)
    port = lambda name, shape: onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
    graph = onnx.helper.make_graph(
        [node], "cell", [port("x", [steps, batch, inputs])], [port("y", [steps, 1, batch, units])],
        [onnx.numpy_helper.from_array(values, name) for name, values in weights.items()])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 14)], ir_version=8)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = given.threads, 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings, ["CPUExecutionProvider"])
    x = numbers(steps, batch, inputs)
    return lambda: session.run(None, {"x": x})


def jax_run(given, cell, mode, steps, batch, inputs, units):
    # Threads are those of the cores that the process may run on.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given.threads])
    import jax
    import jax.numpy as jnp

    keys = iter(jax.random.split(jax.random.PRNGKey(1), 16))
    numbers = lambda *shape: jax.random.normal(next(keys), shape) * 0.1
    columns = GATES[cell] * units
    weights = {"W": numbers(inputs, columns), "U": numbers(units, columns), "b": numbers(columns), "p": numbers(3, units)}
    states = [jnp.zeros((batch, units)) for _ in range(2 if cell in ("lstm", "peephole") else 1)]

    def step(weights, states, of_input):
        h, U = states[0], weights["U"]
        if cell in ("lstm", "peephole"):
            c = states[1]
            i, f, g, o = jnp.split(of_input + h @ U, 4, axis=1)
            peep = (lambda gate, c: weights["p"][gate] * c) if cell == "peephole" else (lambda gate, c: 0.0)
            new = jax.nn.sigmoid(f + peep(1, c)) * c + jax.nn.sigmoid(i + peep(0, c)) * jnp.tanh(g)
            h = jax.nn.sigmoid(o + peep(2, new)) * jnp.tanh(new)
            return [h, new], h
        if cell == "gru":
            (xz, xr, xn), (hz, hr, hn) = jnp.split(of_input, 3, axis=1), jnp.split(h @ U, 3, axis=1)
            z, n = jax.nn.sigmoid(xz + hz), jnp.tanh(xn + jax.nn.sigmoid(xr + hr) * hn)
        else:
            xz, xn = jnp.split(of_input, 2, axis=1)
            z = jax.nn.sigmoid(xz + h @ U[:, :units])
            n = jnp.tanh(xn + (z * h) @ U[:, units:])
        h = n + z * (h - n) if cell == "gru" else h + z * (n - h)
        return [h], h

    def forward(weights, x, states):
        return jax.lax.scan(lambda states, row: step(weights, states, row), states, x @ weights["W"] + weights["b"])[1]

    x, by_output = numbers(steps, batch, inputs), numbers(steps, batch, units)
    if mode == "train":
        loss = lambda weights, x, states: jnp.vdot(forward(weights, x, states), by_output)
        run = jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2)))
    else:
        run = jax.jit(forward)
    return lambda: jax.block_until_ready(run(weights, x, states))


def milliseconds(run, budget):
    """Calls for 0.3 s and then for so many seconds, three at the least: median, least and most of these."""
    end = time.perf_counter() + 0.3
    while time.perf_counter() < end:
        run()
    times, end = [], time.perf_counter() + budget
    while time.perf_counter() < end or len(times) < 3:
        begun = time.perf_counter()
        run()
        times.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(times), min(times), max(times)


def status(name):
    with open("/proc/self/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith(name))


def main():
    given = options()
    make = {"torch": torch_run, "onnxruntime": onnxruntime_run, "jax": jax_run}[given.peer]
    for label, cell, *sizes in rows(given):
        if given.memory:
            torch_run(given, cell, "train", 2, 2, 8, 8)()
            run = torch_run(given, cell, "train", *sizes)
            with open("/proc/self/clear_refs", "w", encoding="utf-8") as file:
                file.write("5")
            before = status("VmRSS")
            run()
            print(f"torch,{cell},{label},growth_MiB,{status('VmHWM') - before:.1f}", flush=True)
            continue
        for mode in given.mode.split(","):
            try:
                run = make(given, cell, mode, *sizes)
            except KeyError as error:
                print(f"# {given.peer} has no row {label}, {cell}, {mode}: {error}", file=sys.stderr)
                continue
            median, least, most = milliseconds(run, given.budget)
            print(f"{given.peer},{cell},{label},{mode},{given.threads},{median:.4f},{least:.4f},{most:.4f}", flush=True)


if __name__ == "__main__":
    main()
