"""Room corpus: text or ids in, an encoded corpus on disk out; vocabulary; the sampling plan."""

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
