"""whatlies: a set of gensim's vectors, as its user guide has it: arithmetic, projections, neighbours, a plot."""

from __future__ import annotations

import numpy as np
from gensim.models import KeyedVectors, Word2Vec
from gensim.test.utils import common_texts
from whatlies import Embedding, EmbeddingSet
from whatlies.language import GensimLanguage
from whatlies.language._gensim_lang import KeyedVectors as ItsKeyedVectors
from whatlies.transformers import Pca

assert ItsKeyedVectors is KeyedVectors
assert KeyedVectors.__module__.startswith("firth."), KeyedVectors

model = Word2Vec(common_texts, vector_size=10, window=5, min_count=1, workers=4, sample=0, epochs=50)
model.wv.save("wordvectors.kv")
language = GensimLanguage("wordvectors.kv")
computer = language["computer"]
assert type(computer) is Embedding
assert np.array_equal(computer.vector, model.wv["computer"])
assert np.allclose(language["computer human"].vector, model.wv["computer"] + model.wv["human"])
assert not language["nothingness"].vector.any()

words = language[["computer", "human", "interface", "graph", "trees"]]
assert type(words) is EmbeddingSet
assert words.to_X().shape == (5, 10)
apart = words | language["graph"]
assert abs(apart["computer"].vector @ language["graph"].vector) < 1e-5
assert words.transform(Pca(2)).to_X().shape[0] == 5
nearest = words.score_similar("graph", n=2, metric="cosine")
assert nearest[0][0].name == "graph"
chart = words.plot_interactive(x_axis=language["graph"], y_axis=language["human"])
assert len(chart.to_dict()["datasets"]) == 1
assert language.fit(["computer"]).transform(["computer", "human graph"]).shape == (2, 10)

# GensimLanguage.score_similar asks for wv.vocab, which gensim 4 refuses too: the error says what took its place.
message = ""
try:
    language.score_similar("graph")
except AttributeError as error:
    message = str(error)
assert "key_to_index" in message
