"""gensim's own tutorials (word2vec, word embeddings, Word Mover's Distance), their calls in their order."""

import os
import tempfile

import gensim.models
import numpy as np
from gensim import utils
from gensim.models import KeyedVectors, Word2Vec
from gensim.models.callbacks import CallbackAny2Vec
from gensim.models.word2vec import LineSentence, Text8Corpus

CORPUS = os.path.join(os.environ["FIRTH_DATA"], "interop", "lee_background.cor")


class MyCorpus:
    """An iterator that yields sentences (lists of str)."""

    def __iter__(self):
        with open(CORPUS, encoding="utf-8") as lines:
            for line in lines:
                yield utils.simple_preprocess(line)


sentences = MyCorpus()
model = gensim.models.Word2Vec(sentences=sentences)
vec_king = model.wv["the"]
assert vec_king.shape == (100,)
for index, _word in enumerate(model.wv.index_to_key):
    if index == 10:
        break
try:
    model.wv["cameroon"]
except KeyError:
    pass
else:
    raise AssertionError("an unknown word must raise KeyError")
assert -1 <= model.wv.similarity("said", "the") <= 1
assert len(model.wv.most_similar(positive=["said", "the"], topn=5)) == 5
assert model.wv.doesnt_match(["fire", "said", "the", "of"]) in ("fire", "said", "the", "of")

with tempfile.TemporaryDirectory() as folder:
    temporary_filepath = os.path.join(folder, "gensim-model-")
    model.save(temporary_filepath)
    new_model = gensim.models.Word2Vec.load(temporary_filepath)
    np.testing.assert_array_equal(new_model.wv.vectors, model.wv.vectors)
    word_vectors = model.wv
    word_vectors.save(os.path.join(folder, "word2vec.wordvectors"))
    wv = KeyedVectors.load(os.path.join(folder, "word2vec.wordvectors"), mmap="r")
    assert wv["the"].shape == (100,)
    model.wv.save_word2vec_format(os.path.join(folder, "vectors.bin"), binary=True)
    again = KeyedVectors.load_word2vec_format(os.path.join(folder, "vectors.bin"), binary=True)
    assert again.most_similar("said") == KeyedVectors.load_word2vec_format(
        os.path.join(folder, "vectors.bin"), binary=True
    ).most_similar("said")

model = gensim.models.Word2Vec(sentences, min_count=10)
model = gensim.models.Word2Vec(sentences, vector_size=200)
model = gensim.models.Word2Vec(sentences, workers=4)
more_sentences = [
    ["Advanced", "users", "can", "load", "a", "model"],
    ["and", "continue", "training", "it", "with", "more", "sentences"],
]
model.build_vocab(more_sentences, update=True)
model.train(more_sentences, total_examples=model.corpus_count, epochs=model.epochs)

model_with_loss = gensim.models.Word2Vec(sentences, min_count=1, compute_loss=True, hs=0, sg=1, seed=42)
assert model_with_loss.get_latest_training_loss() > 0


class LossLogger(CallbackAny2Vec):
    """The callback that gensim's users write: the loss of each epoch by differences."""

    def __init__(self):
        self.losses, self.before = [], 0.0

    def on_epoch_end(self, model):
        loss = model.get_latest_training_loss()
        self.losses.append(loss - self.before)
        self.before = loss


logger = LossLogger()
model = Word2Vec(LineSentence(CORPUS), compute_loss=True, callbacks=[logger], sg=1)
assert len(logger.losses) == 5
assert logger.losses[-1] < logger.losses[0]
model = Word2Vec(Text8Corpus(CORPUS), vector_size=20)
model = Word2Vec(corpus_file=CORPUS, vector_size=20, window=5, min_count=5, workers=2)

model = Word2Vec(vector_size=50, min_count=2)
model.build_vocab(sentences)
for _epoch in range(3):
    model.train(sentences, total_examples=model.corpus_count, epochs=1, start_alpha=0.02, end_alpha=0.01)
words = model.wv.index_to_key[:1000]
vectors = np.asarray(model.wv.vectors)  # the tutorial's t-SNE takes these
assert vectors[: len(words)].shape == (1000, 50)
