"""Room corpus: encodes text or ids as an encoded corpus on disk; chooses the vocabulary; has the random generator."""

from firth.corpus.encode import CorpusEstimate, encode_corpus, encode_with_vocabulary, estimate_corpus
from firth.corpus.encoded import EncodedCorpus
from firth.corpus.sources import IdSequences
from firth.corpus.vocabulary import Vocabulary

__all__ = [
    "CorpusEstimate",
    "EncodedCorpus",
    "IdSequences",
    "Vocabulary",
    "encode_corpus",
    "encode_with_vocabulary",
    "estimate_corpus",
]
