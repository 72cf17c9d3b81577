"""spacy-fastlang: a component of a spaCy pipeline that names the language of a document."""

from client import Client

CLIENT = Client(
    "spacy_fastlang",
    "spacy-fastlang",
    ("spacy-fastlang==2.1.0", "spacy>=3.8"),
    changed=("spacy_fastlang",),
    modules=("spacy_fastlang", "spacy"),
)
