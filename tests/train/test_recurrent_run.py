"""A recurrent network with dropout through the loop: the native engine keeps the promise too."""

import numpy as np
import pytest

from rollcast import engine
from rollcast.nn.heads import make_head
from rollcast.nn.recurrent import Recurrent
from rollcast.train.events import StepDone
from rollcast.train.loop import run
from rollcast.train.training import Training

SIZES = (2, 7, 5)
SIGNS = np.array([1.0, -1.0, 1.0, -1.0, 1.0])  # a relu has no other way to a negative output


class SequenceProblem:
    """Predict a sum over the sequence from the last state of a small stack."""

    def __init__(self, cell, dtype="float32"):
        rng = np.random.default_rng(0)
        self.cell, self.dtype, self.windows = cell, dtype, 90
        self.x = rng.standard_normal((12, self.windows, 2)).astype(dtype)
        self.y = np.tanh(self.x.sum(axis=(0, 2)))[None, :]
        self.head = make_head("huber")

    def initial(self, seed):
        count = engine.weight_count(self.cell, SIZES)
        weights = np.random.default_rng(seed).uniform(-0.4, 0.4, count)
        for name, _, place in Recurrent(self.cell, SIZES[0], SIZES[1:], 0.0).layout():
            if name.startswith("gain"):  # near 0 they shut the cell
                weights[place] = 1.0
        return weights

    def loss_and_gradient(self, weights, indices, step):
        x = np.ascontiguousarray(self.x[:, indices])
        result = engine.forward(
            self.cell, SIZES, weights, x, dropout=0.2, seed=5, step=step, outputs=False
        )
        output = (result.h[-1] * SIGNS).sum(axis=1)[None, :, None]
        observed = np.ones(output.shape[:2], bool)
        loss, slope = self.head.loss_and_gradient(output, self.y[:, indices], observed)
        dh = [np.zeros_like(state) for state in result.h]
        dh[-1] += slope[0] * SIGNS
        return loss, engine.backward(result.recording, dh=dh).weights

    def validate(self, weights):
        state = engine.infer(self.cell, SIZES, weights, self.x, outputs=False).h[-1]
        return float(np.mean(np.abs((state * SIGNS).sum(axis=1) - self.y[0])))

    def fingerprint(self):
        return f"{self.cell} {self.dtype}"


@pytest.mark.parametrize("cell", engine.CELLS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_stopped_recurrent_run_goes_on_to_the_same_bits(cell, dtype, tmp_path):
    training = Training(60, 32, learning_rate=0.02, schedule="plateau", dtype=dtype)
    straight = run(SequenceProblem(cell, dtype), training, seed=1)

    def stop(event):
        if type(event) is StepDone and event.step == 25:
            raise KeyboardInterrupt

    path = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        run(SequenceProblem(cell, dtype), training, 1, [stop], path)
    resumed = run(SequenceProblem(cell, dtype), training, 1, checkpoint=path)
    np.testing.assert_array_equal(resumed.weights, straight.weights)
    np.testing.assert_array_equal(resumed.history.loss, straight.history.loss)
    history = straight.history
    assert history.validation_score[-1] < 0.8 * history.validation_score[0]


def test_the_number_of_threads_changes_no_bit_of_a_run():
    training = Training(40, 64, learning_rate=0.02)
    outcomes = []
    try:
        for count in (1, 3):
            engine.set_threads(count)
            outcomes.append(run(SequenceProblem("lstm"), training, seed=1))
    finally:
        engine.set_threads(None)
    np.testing.assert_array_equal(outcomes[0].weights, outcomes[1].weights)
