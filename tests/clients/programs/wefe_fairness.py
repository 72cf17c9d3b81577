"""WEFE: metrics of bias, rankings and the removal of bias, on vectors trained here and on its test model."""

from __future__ import annotations

import gensim
import numpy as np
from gensim.models import Word2Vec
from wefe import word_embedding_model
from wefe.datasets import load_weat
from wefe.debias.hard_debias import HardDebias
from wefe.metrics import ECT, MAC, RIPA, RND, RNSB, WEAT
from wefe.query import Query
from wefe.utils import create_ranking, load_test_model, run_queries
from wefe.word_embedding_model import WordEmbeddingModel

assert word_embedding_model.gensim.__name__ == "firth.compat.gensim"
assert gensim.__version__ == "4.4.0"

rng = np.random.default_rng(1)
sides = [
    ["she", "woman", "girl", "mother", "nurse", "teacher", "poet"],
    ["he", "man", "boy", "father", "engineer", "pilot", "soldier"],
]
sentences = [[*rng.choice(side, 6).tolist(), "the", "and"] for side in sides for _ in range(300)]
vectors = Word2Vec(sentences, vector_size=20, min_count=1, sample=0, sg=1, epochs=20, seed=1).wv
model = WordEmbeddingModel(vectors, "trained here")
assert len(model) == len(vectors) == 16
assert np.array_equal(model["she"], vectors["she"])
assert "nobody" not in model

query = Query([side[:4] for side in sides], [side[4:] for side in sides], ["women", "men"], ["first", "second"])
score = WEAT().run_query(query, model, calculate_p_value=True, p_value_iterations=200)
assert score["effect_size"] > 1
assert score["p_value"] < 0.2
one = Query([side[:4] for side in sides], [sides[1][4:]], ["women", "men"], ["second"])
assert RND().run_query(one, model)["rnd"] != 0
assert -1 <= ECT().run_query(one, model)["ect"] <= 1
assert MAC().run_query(one, model)["mac"] >= 0
assert np.isfinite(RIPA().run_query(one, model)["ripa"])
assert RNSB().run_query(query, model)["rnsb"] >= 0

pairs = [["she", "he"], ["woman", "man"], ["girl", "boy"], ["mother", "father"]]
debiaser = HardDebias(pca_args={"n_components": 4}, verbose=False, criterion_name="gender").fit(
    model, definitional_pairs=pairs, equalize_pairs=pairs
)
fair = debiaser.transform(model, ignore=sides[0][:4] + sides[1][:4], copy=True)
assert abs(WEAT().run_query(query, fair)["effect_size"]) < score["effect_size"]
assert np.array_equal(model["nurse"], vectors["nurse"]), "the copy was debiased, not the model"
assert not np.array_equal(fair["nurse"], model["nurse"])

model.update("the", np.ones(20, vectors.vectors.dtype))
model.batch_update(["she", "he"], np.zeros((2, 20), vectors.vectors.dtype))
assert model["the"][0] == 1
assert not model["he"].any()
model.normalize()
assert abs(np.linalg.norm(model["nurse"]) - 1) < 1e-6

test_model = load_test_model()  # a file of gensim's save
weat = load_weat()
flowers = Query(
    [weat["flowers"], weat["insects"]],
    [weat["pleasant_5"], weat["unpleasant_5a"]],
    ["flowers", "insects"],
    ["pleasant", "unpleasant"],
)
assert abs(WEAT().run_query(flowers, test_model)["effect_size"]) > 0.5
table = run_queries(WEAT, [flowers], [test_model], aggregate_results=True, return_only_aggregation=True)
assert create_ranking([table]).shape == (1, 1)
