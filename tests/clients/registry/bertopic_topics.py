"""BERTopic: topics of texts by vectors of words. scikit-learn's PCA replaces umap-learn."""

from client import Client

CLIENT = Client(
    "bertopic_topics",
    "bertopic",
    ("scikit-learn", "hdbscan", "pandas", "tqdm", "packaging", "pyyaml"),
    alone=("bertopic==0.17.4",),
    changed=("bertopic",),
    modules=("bertopic", "sklearn"),
)
