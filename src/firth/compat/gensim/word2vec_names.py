"""Room compat: names in gensim's Word2Vec: parameters, saved attributes, and names that gensim removed.

Tests: tests/compat/gensim/test_word2vec.py.
"""

from __future__ import annotations

# gensim's names of the parameters that may help where training diverges or learns nothing.
GENSIM_NAMES = {
    "learning_rate": "alpha",
    "subsample": "sample",
    "window": "window",
    "epochs": "epochs",
    "min_count": "min_count",
    "cbow_input": "cbow_mean",
}
# What is saved of a model besides its arrays.
SETTINGS = (
    "vector_size",
    "layer1_size",
    "alpha",
    "min_alpha",
    "min_alpha_yet_reached",
    "window",
    "shrink_windows",
    "min_count",
    "effective_min_count",
    "max_vocab_size",
    "max_final_vocab",
    "sample",
    "seed",
    "workers",
    "sg",
    "hs",
    "negative",
    "ns_exponent",
    "cbow_mean",
    "epochs",
    "null_word",
    "sorted_vocab",
    "batch_words",
    "compute_loss",
    "comment",
    "corpus_count",
    "corpus_total_words",
    "train_count",
    "total_train_time",
    "running_training_loss",
)

REMOVED = {
    **dict.fromkeys(
        (
            "most_similar",
            "most_similar_cosmul",
            "similarity",
            "n_similarity",
            "similar_by_word",
            "similar_by_vector",
            "doesnt_match",
            "wmdistance",
            "evaluate_word_pairs",
            "save_word2vec_format",
            "load_word2vec_format",
            "intersect_word2vec_format",
        ),
        "it is a method of model.wv",
    ),
    "accuracy": "use model.wv.evaluate_word_analogies(...)",
    "vocab": "use model.wv.key_to_index",
    "index2word": "use model.wv.index_to_key",
    "syn0": "use model.wv.vectors",
    "syn0norm": "use model.wv.get_normed_vectors()",
    "syn0_lockf": "use model.wv.vectors_lockf",
    "vocabulary": "its settings are the model's own attributes",
    "trainables": "its arrays are the model's own attributes",
    "docvecs": "Doc2Vec has it, under the name dv",
    "dv": "Doc2Vec has it",
    "iter": "use model.epochs",
    "size": "use model.vector_size",
    "delete_temporary_training_data": "keep model.wv alone, and drop the model",
    "clear_sims": "norms are made when needed: model.wv.fill_norms(force=True)",
    "add_null_word": "null_word belongs to dm_concat, which firth lacks",
}
