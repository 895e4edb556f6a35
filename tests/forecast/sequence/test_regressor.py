"""What SequenceRegressor trains, step by step, against loops written by hand in PyTorch."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
import torch
from native.oracle import make_module

from rollcast import SequenceRegressor, Training, engine
from rollcast.forecast.feeding import free, scheduled
from rollcast.forecast.sequence import fit as sequence_fit
from rollcast.train.order import InOrder, Order
from rollcast.train.problem import on_all_windows

STEPS, RATE = 7, 0.1


def table(lengths, seed=0, columns=("a", "b")):
    """Series with noise enough that no two windows are alike."""
    draw = np.random.default_rng(seed)
    rows = [
        {"unique_id": id, "ds": time} | {name: draw.normal() for name in columns}
        for id, length in enumerate(lengths)
        for time in range(length)
    ]
    return pl.DataFrame(rows)


def training(**options):
    given = {
        "steps": STEPS, "learning_rate": RATE, "optimizer": "sgd", "schedule": "constant",
        "clip_norm": None, "dtype": "float64",
    } | options  # fmt: skip
    return Training(**given)


class Oracle:
    """The same stack in PyTorch, trained by plain gradient descent on whatever loss it is told."""

    def __init__(self, model, inputs):
        weights = model.at_step(0).weights_
        self.layers, at = [], 0
        sizes = (inputs, *model.hidden)
        for width, units in pairwise(sizes):
            self.layers.append(make_module(model.cell, width, units))
        self.head = torch.nn.Linear(sizes[-1], 1).double() if model.readout else torch.nn.Identity()
        self.leaves = [p for part in (*self.layers, self.head) for p in part.parameters()]
        for leaf in self.leaves:
            leaf.data.copy_(torch.tensor(weights[at : at + leaf.numel()]).view_as(leaf))
            at += leaf.numel()

    def __call__(self, x, states=None):
        """Outputs (time, batch, 1) of x (time, batch, inputs), and the states after it."""
        after = []
        for index, layer in enumerate(self.layers):
            x, state = layer(x, None if states is None else states[index])
            after.append(state)
        return self.head(x), after

    def step(self, loss):
        for leaf in self.leaves:
            leaf.grad = None
        loss.backward()
        with torch.no_grad():
            for leaf in self.leaves:
                leaf -= RATE * leaf.grad
        return loss.item()

    def weights(self):
        return torch.cat([leaf.detach().ravel() for leaf in self.leaves]).numpy()


def detached(states):
    return [
        tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
        for state in states
    ]


def column(frame, id, name):
    return torch.tensor(frame.filter(pl.col("unique_id") == id)[name].to_numpy())[:, None, None]


def agree(model, oracle, losses):
    np.testing.assert_allclose(model.history_.loss, losses, rtol=1e-11)
    np.testing.assert_allclose(model.at_step(STEPS).weights_, oracle.weights(), rtol=1e-9)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn_tanh"])
@pytest.mark.parametrize("recorded", [True, False])
def test_stateful_windows_are_truncated_back_propagation_through_time(cell, recorded):
    # the second series ends before the first; burn-in is of the first window alone
    frame, window, burn_in = table([11, 6]), 4, 2
    model = SequenceRegressor(
        "a", "b", cell=cell, hidden=(5, 3), stateful=True, window=window, burn_in=burn_in,
        record_burn_in=recorded, scaling="none", check_every=1, training=training(),
    ).fit(frame)  # fmt: skip
    oracle, losses, states = Oracle(model, 1), [], {}
    for step in range(STEPS):
        number = step % 3
        errors = []
        for id in (0, 1):
            x, y = (column(frame, id, name)[4 * number : 4 * number + 4] for name in "ab")
            if not len(x):
                continue
            state = states[id] if number else None
            skipped = burn_in if number == 0 else 0
            if skipped and not recorded:
                _, state = oracle(x[:skipped])
                state, x, y, skipped = detached(state), x[skipped:], y[skipped:], 0
            output, after = oracle(x, state)
            states[id] = detached(after)
            errors.append((output - y)[skipped:].ravel())
        losses.append(oracle.step(torch.cat(errors).square().mean()))
    agree(model, oracle, losses)


def test_the_last_layer_can_be_the_output_and_the_last_step_the_loss():
    frame = table([4] * 6)
    model = SequenceRegressor(
        "a", "b", hidden=(4, 6, 1), readout=False, loss_steps="last", scaling="none",
        check_every=1, training=training(),
    ).fit(frame)  # fmt: skip
    oracle = Oracle(model, 1)
    x, y = (torch.cat([column(frame, id, name) for id in range(6)], 1) for name in "ab")
    losses = [oracle.step((oracle(x)[0] - y)[-1].square().mean()) for _ in range(STEPS)]
    agree(model, oracle, losses)


@pytest.mark.parametrize("feeding", ["free(warm_up=3)", "free(warm_up=4, least=2, first=1)",
                                     "scheduled(start=0.2, end=0.9)"])  # fmt: skip
@pytest.mark.parametrize("loss_steps", ["all", "last"])
def test_what_is_fed_back_is_learnt_through_the_loop(feeding, loss_steps):
    frame, rows = table([10] * 3), 9
    model = SequenceRegressor(
        ("b", "a"), "a", ahead=1, hidden=(5,), feeding=feeding, loss_steps=loss_steps, burn_in=1,
        scaling="none", check_every=1, training=training(), seed=3,
    ).fit(frame)  # fmt: skip
    oracle, losses = Oracle(model, 2), []
    a, b = (torch.cat([column(frame, id, name) for id in range(3)], 1) for name in "ab")
    for step in range(STEPS):
        row = {"f": free, "s": scheduled}[feeding[0]]
        options = dict(part.split("=") for part in feeding[:-1].partition("(")[2].split(", "))
        kind = float if feeding[0] == "s" else int
        made = row(**{name: kind(value) for name, value in options.items()})
        fed = made.mask(rows, 3, 3, step, STEPS)
        said, state, outputs = None, None, []
        for time in range(len(fed)):
            value = a[time]
            if time:
                value = torch.where(torch.tensor(fed[time])[:, None], said, value)
            # the column that is fed is the first that the network reads
            output, state = oracle(torch.cat([value, b[time]], 1)[None], state)
            said = output[0]
            outputs.append(said)
        error = torch.stack(outputs) - a[1 : len(fed) + 1]
        error = error[-1:] if loss_steps == "last" else error[1:]
        losses.append(oracle.step(error.square().mean()))
    agree(model, oracle, losses)


def test_states_may_be_carried_across_windows_that_do_not_follow_each_other():
    frame = table([5, 5])
    model = SequenceRegressor(
        "a", "b", cell="rnn_tanh", hidden=(3,), stateful="always", scaling="none", check_every=1,
        training=training(batch_size=1), seed=1,
    ).fit(frame)  # fmt: skip
    seen = []
    for step in range(STEPS):
        seen.append(int(_order(2, 1).batch(step)[0]))
    oracle, losses, state = Oracle(model, 1), [], None
    for id in seen:
        output, after = oracle(column(frame, id, "a"), state)
        state = detached(after)
        losses.append(oracle.step((output - column(frame, id, "b")).square().mean()))
    agree(model, oracle, losses)


def _order(windows, seed):
    from rollcast.train.order import Order

    return Order(windows, 1, seed)


def test_a_missing_target_has_no_loss_and_short_series_count_what_they_have():
    frame = table([6, 3])
    frame = frame.with_columns(
        b=pl.when((pl.col("ds") == 1) & (pl.col("unique_id") == 0)).then(None).otherwise("b")
    )
    model = SequenceRegressor(
        "a", "b", hidden=(3,), scaling="none", check_every=1, training=training()
    ).fit(frame)
    oracle, losses = Oracle(model, 1), []
    for _ in range(STEPS):
        one = oracle(column(frame, 0, "a"))[0].ravel()[[0, 2, 3, 4, 5]]
        two = oracle(column(frame, 1, "a"))[0].ravel()
        truth = torch.tensor(frame["b"].drop_nulls().to_numpy())
        losses.append(oracle.step((torch.cat([one, two]) - truth).square().mean()))
    agree(model, oracle, losses)


SETTINGS = {
    "stateful": {"stateful": True, "window": 5},
    "always": {"stateful": "always", "window": 5, "stride": 2},
    "free": {"feeding": "free(warm_up=4, least=2, first=1)", "burn_in": 1, "dropout": 0.3},
    "scheduled": {"feeding": "scheduled", "loss_steps": "last"},
    "linear path": {"skip": "ridge(rows=4)", "stateful": True, "window": 5},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_an_interrupted_fit_goes_on_to_the_same_bits(name, tmp_path):
    frame = table([23] * 5)

    def make():
        return SequenceRegressor(
            "a", "a", ahead=1, hidden=(5, 4), held_out=1, restore="closed_loop", check_every=4,
            training=Training(steps=30, batch_size=2), **SETTINGS[name],
        )  # fmt: skip

    whole = make().fit(frame)

    def stop(event):
        if getattr(event, "step", 0) == 17:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make().fit(frame, checkpoint=tmp_path / "run", listeners=[stop])
    resumed = make().fit(frame, checkpoint=tmp_path / "run")
    np.testing.assert_array_equal(whole.weights_, resumed.weights_)
    np.testing.assert_array_equal(whole.history_.loss, resumed.history_.loss)
    assert resumed.scores_ == [score for score in whole.scores_ if score["step"] > 17]


@pytest.mark.parametrize("name", SETTINGS)
def test_threads_change_no_bit(name):
    found = []
    try:
        for count in (1, 2):
            engine.set_threads(count)
            model = SequenceRegressor(
                "a", "a", ahead=1, hidden=(17, 9), training=Training(steps=5), **SETTINGS[name]
            ).fit(table([40] * 33))
            found.append(model.weights_)
    finally:
        engine.set_threads(None)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    "setting",
    [
        {"stateful": True, "window": 4},
        {"stateful": True, "window": 5, "burn_in": 2, "record_burn_in": False, "dropout": 0.3},
        {"window": 6, "burn_in": 3, "record_burn_in": False},
    ],
)
def test_within_a_step_of_lbfgs_the_gradient_is_that_of_the_loss(setting, monkeypatch):
    """Gradients end where a window begins: what came before must stay as it was."""
    found = []
    train = sequence_fit.run
    monkeypatch.setattr(
        sequence_fit, "run", lambda *all, **by: found.append(all) or train(*all, **by)
    )
    SequenceRegressor(
        "a", "b", hidden=(4, 3), training=training(optimizer="lbfgs", steps=1), **setting
    ).fit(table([13, 9]))
    problem, batch = found[0][0], found[0][1].batch_size
    windows = problem.data
    order = InOrder(windows.groups(batch)) if windows.stateful else Order(windows.count, batch, 0)
    draw, weights = np.random.default_rng(0), problem.initial(0)

    def loss_at(change, step):
        return on_all_windows(problem, order, weights + change, step)

    for step in (7, 8):
        _, gradient = loss_at(0.0, step)
        for _ in range(3):
            way = draw.normal(size=weights.size)
            up, down = (loss_at(sign * 1e-6 * way, step)[0] for sign in (1, -1))
            assert (up - down) / 2e-6 == pytest.approx(gradient @ way, rel=1e-6)
        weights = weights + 0.1 * draw.normal(size=weights.size)


def test_lbfgs_does_not_stall_where_states_are_carried():
    rows = np.arange(240)
    frame = pl.DataFrame({"ds": rows, "a": np.sin(rows / 5), "b": np.cos(rows / 5)})
    model = SequenceRegressor(
        "a", "b", cell="rnn_tanh", hidden=(8,), window=15, stateful=True, scaling="none",
        training=Training(steps=12, optimizer="lbfgs(line_search=wolfe)", dtype="float64"),
    ).fit(frame)  # fmt: skip
    assert min(model.history_.loss) < 5e-5  # 1.1e-4 where the gradient is not that of the loss
