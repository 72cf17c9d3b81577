"""mol2vec: substructures of molecules as sentences, a model of them, and vectors of molecules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from mol2vec import features
from mol2vec.features import MolSentence, insert_unk, mol2alt_sentence, train_word2vec_model
from rdkit import Chem

assert features.word2vec.__name__ == "firth.compat.gensim.models.word2vec"

alcohols = ["C" * length + "O" for length in range(2, 12)]
acids = ["C" * length + "(=O)O" for length in range(2, 12)]
rings = [f"c1ccccc1{'C' * length}" for length in range(1, 11)]
corpus = Path("molecules.txt")
lines = []
for smiles in (alcohols + acids + rings) * 10:
    sentence = mol2alt_sentence(Chem.MolFromSmiles(smiles), 1)
    assert len(MolSentence(sentence)) == len(sentence)
    lines.append(" ".join(sentence))
corpus.write_text("\n".join(lines) + "\n")
insert_unk(str(corpus), "molecules.unk", threshold=10)
assert "UNK" in Path("molecules.unk").read_text().split()

# Its function gives `size`, which gensim 4 no longer takes; here it is taken, with a DeprecationWarning.
model = train_word2vec_model(
    "molecules.unk", "molecules.pkl", vector_size=20, window=10, min_count=3, method="skip-gram"
)
assert model.wv.vector_size == 20
loaded = features.word2vec.Word2Vec.load("molecules.pkl")
assert np.array_equal(loaded.wv.vectors, model.wv.vectors)


def vector_of(smiles):
    sentence = mol2alt_sentence(Chem.MolFromSmiles(smiles), 1)
    known = loaded.wv.key_to_index
    return np.sum([loaded.wv.get_vector(word if word in known else "UNK") for word in sentence], axis=0)


def cosine(first, second):
    return np.dot(first, second) / np.linalg.norm(first) / np.linalg.norm(second)


benzene, toluene, decanol = (vector_of(smiles) for smiles in ("c1ccccc1CCCC", "c1ccccc1CC", "CCCCCCCCCCO"))
assert cosine(benzene, toluene) > cosine(benzene, decanol)

# Its sentences2vec asks for wv.vocab, which gensim 4 refuses too: the error says what took its place.
message = ""
try:
    features.sentences2vec([MolSentence(lines[0].split())], loaded, unseen="UNK")
except AttributeError as error:
    message = str(error)
assert "key_to_index" in message
