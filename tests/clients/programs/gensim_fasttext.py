"""gensim's own tutorial of FastText: its calls in their order."""

import os
import tempfile

import numpy as np
from gensim.models.fasttext import FastText, load_facebook_model, save_facebook_model

corpus_file = os.path.join(os.environ["FIRTH_DATA"], "interop", "lee_background.cor")

model = FastText(vector_size=100, bucket=20000, seed=3)
model.build_vocab(corpus_file=corpus_file)
model.train(
    corpus_file=corpus_file,
    epochs=model.epochs,
    total_examples=model.corpus_count,
    total_words=model.corpus_total_words,
)
print(model)

with tempfile.NamedTemporaryFile(prefix="saved_model_gensim-", delete=False) as tmp:
    model.save(tmp.name, separately=[])
loaded_model = FastText.load(tmp.name)
os.unlink(tmp.name)

wv = loaded_model.wv
assert "night" in wv.key_to_index
assert "nights" not in wv.key_to_index
assert wv["night"].shape == wv["nights"].shape == (100,)
assert wv.similarity("night", "nights") > 0.9

new_data = [["lord", "of", "the", "rings"], ["lord", "of", "the", "flies"], ["lord", "of", "the", "rings"]] * 3
assert "rings" not in model.wv.key_to_index
old_vector = np.copy(model.wv["rings"])
model.build_vocab(new_data, update=True)
model.train(new_data, total_examples=model.corpus_count, epochs=model.epochs)
assert "rings" in model.wv.key_to_index
assert not np.allclose(old_vector, model.wv["rings"], atol=1e-4)

assert "nights" in wv
assert len(wv.most_similar("nights")) == 10
assert -1 <= wv.n_similarity(["sushi", "shop"], ["japanese", "restaurant"]) <= 1
assert wv.doesnt_match(["breakfast", "cereal", "dinner", "lunch"]) in "breakfast cereal dinner lunch"
assert wv.most_similar(positive=["baghdad", "england"], negative=["london"])

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "model.bin")
    save_facebook_model(model, path)
    assert np.array_equal(load_facebook_model(path).wv["nights"], model.wv["nights"])
