"""scattertext: pictures of the words of categories, with word vectors of its corpora."""

from client import Client

CLIENT = Client(
    "scattertext_categories",
    "scattertext",
    ("scattertext==0.2.2", "six"),
    changed=("scattertext",),
    modules=("scattertext", "spacy"),
)
