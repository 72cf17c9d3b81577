"""The course's SGD: the steps, what it prints, what it saves, and that a resumed run is the same run."""

from __future__ import annotations

import json
import pickle
import random

import numpy as np
import pytest

from firth.compat.cs224n import load_saved_params, save_params, sgd
from firth.errors import FormatError, ParameterError
from firth.numerics.gradients import RowGradient


@pytest.fixture(autouse=True)
def _working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def quadratic(x):
    return np.sum(x**2), 2 * x


def noisy_quadratic(x):
    noise = random.random()
    return np.sum((x - noise) ** 2), 2 * (x - noise)


@pytest.mark.parametrize("start", [0.5, 0.0, -1.5])
def test_sanity_check_of_the_starter_code(start, capsys):
    assert abs(sgd(quadratic, start, 0.01, 1000, PRINT_EVERY=100)) <= 1e-6
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        f"iter {iteration}" for iteration in range(100, 1001, 100)
    ]


def test_prints_the_moving_average(capsys):
    costs = iter(range(1, 41))
    sgd(lambda x: (float(next(costs)), 0.0), 1.0, 0.1, 40)
    first, second = 10.0, 0.95 * 10.0 + 0.05 * 20
    third = 0.95 * second + 0.05 * 30
    fourth = 0.95 * third + 0.05 * 40
    assert capsys.readouterr().out == (
        f"iter 10: {first:f}\niter 20: {second:f}\niter 30: {third:f}\niter 40: {fourth:f}\n"
    )


def test_takes_an_array_of_one_cost(capsys):
    sgd(lambda x: (np.array([2.5]), 0.0), 1.0, 0.1, 10)
    assert capsys.readouterr().out == "iter 10: 2.500000\n"


def test_does_not_modify_where_it_starts():
    start = np.ones(3)
    end = sgd(quadratic, start, 0.1, 5)
    np.testing.assert_array_equal(start, np.ones(3))
    np.testing.assert_allclose(end, np.full(3, 0.8**5), rtol=1e-14)


def test_starts_from_integers():
    np.testing.assert_allclose(sgd(quadratic, np.array([1, 2]), 0.1, 1), [0.8, 1.6])


def test_postprocessing_follows_every_step():
    end = sgd(
        lambda x: (0.0, np.zeros(2)), np.array([3.0, 4.0]), 1.0, 1, postprocessing=lambda x: x / np.linalg.norm(x)
    )
    np.testing.assert_allclose(end, [0.6, 0.8])


def test_row_gradients_take_the_steps_of_dense_ones():
    def sparse(x):
        return 0.0, RowGradient(np.array([0, 2]), x[[0, 2]] ** 3)

    def dense(x):
        cost, gradient = sparse(x)
        return cost, gradient.to_dense(len(x))

    start = np.random.default_rng(2).normal(size=(4, 3))
    kept = start.copy()
    np.testing.assert_array_equal(sgd(sparse, start, 0.1, 20), sgd(dense, start, 0.1, 20))
    np.testing.assert_array_equal(start, kept)


def test_the_step_halves_every_20000_iterations(capsys):
    end = sgd(lambda x: (0.0, 1.0), 0.0, 1.0, 45000, PRINT_EVERY=100000)
    assert end == -(20000 + 0.5 * 20000 + 0.25 * 5000)


@pytest.mark.parametrize("stop", [5000, 20000])
def test_a_resumed_run_is_the_same_run(stop, capsys):
    random.seed(11)
    whole = sgd(noisy_quadratic, np.ones(2), 0.01, 25000, PRINT_EVERY=100000)
    whole_state = random.getstate()

    random.seed(11)
    sgd(noisy_quadratic, np.ones(2), 0.01, stop, useSaved=True, PRINT_EVERY=100000)
    random.seed(99)
    resumed = sgd(noisy_quadratic, np.zeros(2), 0.01, 25000, useSaved=True, PRINT_EVERY=100000)
    np.testing.assert_array_equal(resumed, whole)
    assert random.getstate() == whole_state


def test_saves_every_5000_iterations_and_only_when_asked(tmp_path, capsys):
    sgd(quadratic, np.ones(2), 0.01, 5000, PRINT_EVERY=100000)
    assert list(tmp_path.iterdir()) == []
    sgd(quadratic, np.ones(2), 0.01, 10001, useSaved=True, PRINT_EVERY=100000)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["saved_params_10000.npz", "saved_params_5000.npz"]


def test_load_takes_the_newest(tmp_path):
    assert load_saved_params() == (0, None, None)
    random.seed(1)
    random.gauss(0, 1)  # leaves a second number in the state
    save_params(15000, np.arange(3.0))
    save_params(5000, np.zeros(3))
    (tmp_path / "saved_params_x.npz").write_bytes(b"")
    (tmp_path / ".saved_params_99999.npz.unfinished").write_bytes(b"")
    iteration, params, state = load_saved_params()
    assert iteration == 15000
    np.testing.assert_array_equal(params, np.arange(3.0))
    expected = [random.gauss(0, 1), random.random()]
    random.setstate(state)
    assert [random.gauss(0, 1), random.random()] == expected


def test_scalars_are_saved_too():
    save_params(5000, 0.25)
    assert load_saved_params()[1] == 0.25


def test_the_file_holds_an_array_and_json():
    random.seed(4)
    save_params(5000, np.ones((2, 2), np.float32))
    with np.load("saved_params_5000.npz", allow_pickle=False) as file:
        assert sorted(file.files) == ["params", "state"]
        assert file["params"].dtype == np.float32
        version, words, gauss = json.loads(str(file["state"]))
    assert random.getstate() == (version, tuple(words), gauss)


def test_refuses_to_save_objects():
    with pytest.raises(ParameterError, match="params must be an array of numbers"):
        save_params(5000, [object()])


def bad_states():
    good = json.loads(json.dumps(random.Random(1).getstate()))
    return {
        "other version": [2, *good[1:]],
        "short": [3, good[1][:-1], None],
        "too large a word": [3, [2**32, *good[1][1:]], None],
        "a float for a word": [3, [0.5, *good[1][1:]], None],
        "a boolean for a word": [3, [True, *good[1][1:]], None],
        "a place beyond the end": [3, [*good[1][:-1], 625], None],
        "text": [3, good[1], "x"],
        "no list": {"state": 3},
    }


@pytest.mark.parametrize("fault", bad_states())
def test_refuses_a_state_that_is_none(fault):
    np.savez("saved_params_5000.npz", params=np.ones(2), state=np.array(json.dumps(bad_states()[fault])))
    with pytest.raises(FormatError, match=r"saved_params_5000\.npz must hold parameters"):
        load_saved_params()


class _Touch:
    def __reduce__(self):
        return open, ("touched", "w")


@pytest.mark.parametrize("fault", ["pickle", "object array", "truncated", "empty", "no state", "no json"])
def test_refuses_a_malformed_file_and_runs_nothing(fault, tmp_path):
    path = tmp_path / "saved_params_5000.npz"
    if fault == "pickle":
        path.write_bytes(pickle.dumps(_Touch()))
    elif fault == "object array":
        np.savez(path, params=np.array([_Touch()], dtype=object), state=np.array("[]"), allow_pickle=True)
        (tmp_path / "touched").unlink(missing_ok=True)
    elif fault == "no state":
        np.savez(path, params=np.ones(2))
    elif fault == "no json":
        np.savez(path, params=np.ones(2), state=np.array("{"))
    else:
        save_params(5000, np.ones(2))
        path.write_bytes(path.read_bytes()[:100] if fault == "truncated" else b"")
    with pytest.raises(FormatError, match=r"saved_params_5000\.npz must hold parameters"):
        load_saved_params()
    assert not (tmp_path / "touched").exists()
