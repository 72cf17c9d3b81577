"""Top2Vec in its doc2vec mode, with each of its speeds that train in a minute: topics, search, new documents, files."""

from __future__ import annotations

import warnings

import numpy as np
from gensim.models.doc2vec import Doc2Vec
from top2vec import Top2Vec

assert Doc2Vec.__module__.startswith("firth."), Doc2Vec
warnings.filterwarnings("ignore", category=FutureWarning)

rng = np.random.default_rng(1)
letters = np.array(list("abcdefghijklmnoprstuvwxyz"))
words = np.array(sorted({"".join(rng.choice(letters, 6)) for _ in range(900)}))[:600]
subjects = words[:480].reshape(4, 120)
common = words[480:]
truth = rng.integers(0, 4, 800)
documents = [
    f"<p>{' '.join(np.concatenate([rng.choice(subjects[topic], 60), rng.choice(common, 20)]))}</p>" for topic in truth
]

for speed, options in (
    ("fast-learn", {}),
    ("learn", {"use_corpus_file": False, "workers": 2}),
):
    model = Top2Vec(
        documents, embedding_model="doc2vec", speed=speed, min_count=5, umap_args={"random_state": 1}, **options
    )
    n_topics = model.get_num_topics()
    assert n_topics == 4, (speed, n_topics)
    topic_words, _, topic_nums = model.get_topics()
    of_topic = {}
    for number, found in zip(topic_nums, topic_words, strict=True):
        shares = [np.isin(found[:20], subject).mean() for subject in subjects]
        assert max(shares) > 0.8, (speed, shares)
        of_topic[number] = int(np.argmax(shares))
    assert sorted(of_topic.values()) == [0, 1, 2, 3]
    numbers, *_ = model.get_documents_topics(list(range(800)))
    assert np.mean([of_topic[number] == subject for number, subject in zip(numbers, truth, strict=True)]) > 0.95

    word = subjects[2][0]
    assert np.mean([other in subjects[2] for other in model.similar_words([word], num_words=20)[0]]) > 0.8
    assert truth[model.search_documents_by_keywords([word], num_docs=10)[2]].tolist().count(2) >= 8
    assert of_topic[model.search_topics([word], num_topics=1)[3][0]] == 2
    assert truth[model.query_documents(" ".join(subjects[1][:60]), num_docs=10)[2]].tolist().count(1) >= 9
    assert of_topic[model.query_topics(" ".join(subjects[3][:60]), num_topics=1)[3][0]] == 3
    assert truth[model.search_documents_by_documents([0], num_docs=10)[2]].tolist().count(truth[0]) >= 9

    model.add_documents([" ".join(subjects[0][20:80]), " ".join(subjects[3][40:100])])
    numbers, *_ = model.get_documents_topics([800, 801])
    assert [of_topic[number] for number in numbers] == [0, 3]
    reduced = model.hierarchical_topic_reduction(2)
    assert sorted(len(group) for group in reduced) in ([1, 3], [2, 2])
    model.save(f"{speed}.top2vec")
    again = Top2Vec.load(f"{speed}.top2vec")
    assert again.get_num_topics() == 4
    np.testing.assert_array_equal(again.model.dv.vectors, model.model.dv.vectors)
    print(speed, model.model)
