"""Keras 3 on TensorFlow: its recurrent layers in a ``tf.function``, with XLA or without, whichever
is faster. Batch-major, as Keras is; its gates and biases are turned into torch's and back."""

import itertools
import os

import numpy as np
from workloads import Array, Task, Workload

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

from incumbents import fastest

LAYERS = {
    "lstm": (keras.layers.LSTM, keras.layers.LSTMCell),
    "gru": (keras.layers.GRU, keras.layers.GRUCell),
    "rnn_tanh": (keras.layers.SimpleRNN, keras.layers.SimpleRNNCell),
}


def start(threads: int, variant: str) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def swapped(cell: str, part: Array) -> Array:
    """Gates along the first axis in the other library's order: Keras has GRU's update gate first,
    torch the reset gate. Its own inverse."""
    if cell != "gru":
        return part
    reset, update, new = np.split(part, 3)
    return np.concatenate([update, reset, new])


def to_keras(cell: str, parts: tuple) -> list[Array]:
    """Kernel, recurrent kernel and bias: one, but for GRU, which has one for each product."""
    w, u, b, d = (swapped(cell, part) for part in parts)
    return [w.T, u.T, np.stack([b, d]) if cell == "gru" else b + d]


def from_keras(cell: str, parts: list[Array]) -> Array:
    """Gradients in torch's layout, flat; where Keras has one bias, both of torch's get its own."""
    w, u, b = parts
    biases = b if cell == "gru" else (b, b)
    both = (w.T, u.T, *biases)
    return np.concatenate([swapped(cell, np.asarray(part)).ravel() for part in both])


def build(work: Workload, mode: str, variant: str) -> Task:
    if mode == "one":
        return _one(work)
    layers = [
        LAYERS[work.cell][0](units, return_sequences=not work.last or units_left > 0)
        for units_left, units in zip(
            range(len(work.sizes) - 2, -1, -1), work.sizes[1:], strict=True
        )
    ]
    head = [] if work.last or mode == "infer" else [keras.layers.Dense(1)]
    net = keras.Sequential(
        [keras.Input((work.time, work.sizes[0]), batch_size=work.batch), *layers, *head]
    )
    parts = work.split(work.weights())
    for layer, each in zip(layers, work.layers(parts), strict=True):
        layer.set_weights(to_keras(work.cell, each))
    if head:
        head[0].set_weights([parts[-2].T, parts[-1]])
    x = tf.constant(work.inputs().transpose(1, 0, 2))
    if mode == "infer":
        return _infer(net, x)
    target = tf.constant(work.targets().transpose(1, 0, 2))
    return _train(work, net, x, target[:, 0] if work.last else target)


def _infer(net: keras.Model, x: tf.Tensor) -> Task:
    ways = {
        f"XLA {xla}": tf.function(lambda x: net(x, training=False), jit_compile=xla)
        for xla in (False, True)
    }
    runs = {name: (lambda way=way: way(x).numpy()) for name, way in ways.items()}
    note = fastest(runs)
    return Task(runs[note], lambda: {"outputs": runs[note]().transpose(1, 0, 2)}, note)


def _train(work: Workload, net: keras.Model, x: tf.Tensor, target: tf.Tensor) -> Task:
    def learn(x: tf.Tensor, target: tf.Tensor) -> tuple:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((net(x, training=True) - target) ** 2)
        return loss, tape.gradient(loss, net.trainable_variables)

    ways = {f"XLA {xla}": tf.function(learn, jit_compile=xla) for xla in (False, True)}

    def run_of(way):
        def run() -> tuple:
            loss, gradient = way(x, target)
            # The last to be computed is the lowest layer's; reading it waits for all the others.
            return loss.numpy(), [part.numpy() for part in gradient]

        return run

    runs = {name: run_of(way) for name, way in ways.items()}
    note = fastest(runs)

    def check() -> dict[str, Array]:
        loss, gradient = runs[note]()
        count = 3 * (len(work.sizes) - 1)
        flat = [from_keras(work.cell, gradient[k : k + 3]) for k in range(0, count, 3)]
        flat += [part.ravel() for part in gradient[count:]]
        return {"loss": np.asarray(loss), "gradient": np.concatenate(flat)}

    return Task(runs[note], check, note)


def _one(work: Workload) -> Task:
    cells = [LAYERS[work.cell][1](units) for units in work.sizes[1:]]
    layers = work.layers(work.split(work.weights()))
    for cell, width, each in zip(cells, work.sizes, layers, strict=False):
        cell.build((work.batch, width))
        cell.set_weights(to_keras(work.cell, each))

    def on(x: tf.Tensor, states: list) -> tuple:
        after = []
        for cell, state in zip(cells, states, strict=True):
            x, state = cell(x, state)
            after.append(state)
        return x, after

    def task_of(xla: bool) -> Task:
        way = tf.function(on, jit_compile=xla)
        kinds = 2 if work.cell == "lstm" else 1
        states = [[tf.zeros((work.batch, units))] * kinds for units in work.sizes[1:]]
        inputs = itertools.cycle([tf.constant(each) for each in work.inputs()])

        def run() -> Array:
            nonlocal states
            y, states = way(next(inputs), states)
            return y.numpy()

        return Task(run, lambda: {"outputs": np.stack([run() for _ in range(3)])})

    note = fastest({f"XLA {xla}": task_of(xla).run for xla in (False, True)})
    task = task_of(note == "XLA True")
    return Task(task.run, task.check, note)
