"""gensim's own tutorials of Doc2Vec, their calls in their order: the Lee corpus; sentiment by vectors of reviews."""

import collections
import multiprocessing
import os
import random
import re
import tempfile
from collections import OrderedDict

import gensim
import gensim.models.doc2vec
import numpy as np
from gensim.models.doc2vec import Doc2Vec, TaggedDocument

assert Doc2Vec.__module__.startswith("firth."), Doc2Vec

# ---- the first tutorial: documents of the Lee corpus

lee_train_file = os.path.join(os.environ["FIRTH_DATA"], "interop", "lee_background.cor")


def read_corpus(fname, tokens_only=False):
    with open(fname, encoding="iso-8859-1") as f:
        for i, line in enumerate(f):
            tokens = gensim.utils.simple_preprocess(line)
            if tokens_only:
                yield tokens
            else:
                yield gensim.models.doc2vec.TaggedDocument(tokens, [i])


train_corpus = list(read_corpus(lee_train_file))
test_corpus = list(read_corpus(lee_train_file, tokens_only=True))[-50:]
model = gensim.models.doc2vec.Doc2Vec(vector_size=50, min_count=2, epochs=40)
model.build_vocab(train_corpus)
assert model.wv.get_vecattr("penalty", "count") > 0
model.train(train_corpus, total_examples=model.corpus_count, epochs=model.epochs)
vector = model.infer_vector(["only", "you", "can", "prevent", "forest", "fires"])
assert vector.shape == (50,)

ranks = []
second_ranks = []
for doc_id in range(len(train_corpus)):
    inferred_vector = model.infer_vector(train_corpus[doc_id].words)
    sims = model.dv.most_similar([inferred_vector], topn=len(model.dv))
    rank = [docid for docid, sim in sims].index(doc_id)
    ranks.append(rank)
    second_ranks.append(sims[1])
counter = collections.Counter(ranks)
print(counter)
assert counter[0] >= 285  # the tutorial: "greater than 95 %"

random.seed(1)
doc_id = random.randint(0, len(test_corpus) - 1)
inferred_vector = model.infer_vector(test_corpus[doc_id])
sims = model.dv.most_similar([inferred_vector], topn=len(model.dv))
assert sims[0][0] == len(train_corpus) - 50 + doc_id
for _label, index in [("MOST", 0), ("MEDIAN", len(sims) // 2), ("LEAST", len(sims) - 1)]:
    assert train_corpus[sims[index][0]].words
assert sims[0][1] > sims[len(sims) // 2][1] > sims[-1][1]

# ---- the second one: sentiment of reviews

SentimentDocument = collections.namedtuple("SentimentDocument", "words tags split sentiment")


def read_reviews():
    for split in ("train", "dev"):
        with open(os.path.join(os.environ["FIRTH_DATA"], "sst", f"{split}.txt"), encoding="utf-8") as trees:
            for tree in trees:
                if tree[1] != "2":  # neutral
                    words = re.findall(r"\(\d ([^()]+)\)", tree.lower())
                    yield words, split, float(tree[1] > "2")


alldocs = [
    SentimentDocument(words, [i], split, sentiment) for i, (words, split, sentiment) in enumerate(read_reviews())
]
train_docs = [doc for doc in alldocs if doc.split == "train"]
test_docs = [doc for doc in alldocs if doc.split == "dev"]
assert gensim.models.doc2vec.FAST_VERSION > -1, "this will be painfully slow otherwise"

common_kwargs = dict(  # noqa: C408
    vector_size=100, epochs=20, min_count=2, sample=0, workers=multiprocessing.cpu_count(), negative=5, hs=0
)
simple_models = [
    Doc2Vec(dm=0, **common_kwargs),  # PV-DBOW plain
    Doc2Vec(dm=1, window=10, alpha=0.05, comment="alpha=0.05", **common_kwargs),  # PV-DM with default averaging
]
for model in simple_models:
    model.build_vocab(alldocs)
    print(f"{model} vocabulary scanned & state initialized")
models_by_name = OrderedDict((str(model), model) for model in simple_models)
assert list(models_by_name) == [
    f"Doc2Vec<dbow,d100,n5,mc2,t{multiprocessing.cpu_count()}>",
    f'Doc2Vec<"alpha=0.05",dm/m,d100,n5,w10,mc2,t{multiprocessing.cpu_count()}>',
]


class ConcatenatedDoc2Vec:
    """As the tutorial has it: several models, whose vectors stand one after the other."""

    def __init__(self, models):
        self.models = models
        self.dv = self

    def __getitem__(self, tag):
        return np.concatenate([model.dv[tag] for model in self.models])

    def infer_vector(self, words):
        return np.concatenate([model.infer_vector(words) for model in self.models])


def error_rate_for_model(test_model, train_set, test_set, infer=False):
    """The tutorial's, with least squares in place of statsmodels' logistic regression."""
    train_regressors = np.array([test_model.dv[doc.tags[0]] for doc in train_set])
    test_regressors = np.array([test_model.infer_vector(doc.words) if infer else test_model.dv[doc.tags[0]]
                                for doc in test_set])  # fmt: skip
    mean = train_regressors.mean(axis=0)
    weights = np.linalg.lstsq(train_regressors - mean, [doc.sentiment - 0.5 for doc in train_set], rcond=None)[0]
    predictions = (test_regressors - mean) @ weights > 0
    return np.mean(predictions != np.array([doc.sentiment > 0.5 for doc in test_set]))


shuffled_alldocs = alldocs[:]
random.shuffle(shuffled_alldocs)
errors = {}
for model in simple_models:
    model.train(shuffled_alldocs, total_examples=len(shuffled_alldocs), epochs=model.epochs)
    for infer in (False, True):
        errors[str(model), infer] = error_rate_for_model(model, train_docs, test_docs, infer)
models_by_name["dbow+dmm"] = ConcatenatedDoc2Vec(simple_models)
errors["dbow+dmm", False] = error_rate_for_model(models_by_name["dbow+dmm"], train_docs, test_docs)
print({name: round(rate, 3) for name, rate in errors.items()})
assert min(errors.values()) < 0.4
assert max(errors.values()) < 0.52

doc_id = np.random.default_rng(1).integers(len(simple_models[0].dv))
for model in simple_models:
    inferred_docvec = model.infer_vector(alldocs[doc_id].words)
    assert len(model.dv.most_similar([inferred_docvec], topn=3)) == 3
    sims = model.dv.most_similar(int(doc_id), topn=len(model.dv))
    assert len(sims) == len(model.dv) - 1
word_model = simple_models[1]
assert len(word_model.wv.most_similar("film", topn=20)) == 20

with tempfile.TemporaryDirectory() as folder:
    for number, model in enumerate(simple_models):
        model.save(os.path.join(folder, f"{number}.model"))
        again = Doc2Vec.load(os.path.join(folder, f"{number}.model"))
        np.testing.assert_array_equal(again.dv.vectors, model.dv.vectors)
        np.testing.assert_array_equal(again.infer_vector(alldocs[0].words), model.infer_vector(alldocs[0].words))

message = ""
try:
    Doc2Vec(dm=1, dm_concat=1, window=5, **common_kwargs)  # the tutorial's third model
except ValueError as error:
    message = str(error)
assert "dm_concat must be 0, got 1: firth has no concatenation" in message
assert TaggedDocument(["a"], [0]).tags == [0]
