"""spec2vec: a model trained on spectra, saved while training, and the similarity of two spectra."""

import tempfile
from pathlib import Path

import numpy as np
from matchms import Spectrum
from spec2vec import Spec2Vec, SpectrumDocument
from spec2vec.model_building import train_new_word2vec_model

rng = np.random.default_rng(1)
families = [np.sort(rng.uniform(50, 500, 12)) for _ in range(2)]


def make_spectrum(family):
    peaks = np.sort(rng.choice(families[family], 8, replace=False))
    return Spectrum(mz=peaks, intensities=rng.uniform(0.1, 1.0, 8), metadata={"precursor_mz": 600.0})


documents = [SpectrumDocument(make_spectrum(number % 2), n_decimals=1) for number in range(200)]
with tempfile.TemporaryDirectory() as folder:
    filename = str(Path(folder) / "spectra.model")
    model = train_new_word2vec_model(
        documents, iterations=[5, 10], filename=filename, vector_size=20, workers=1, sample=0
    )
    assert type(model).__module__.startswith("firth."), type(model)
    saved = sorted(path.name for path in Path(folder).iterdir())
    assert saved == ["spectra.model", "spectra_iter_5.model"], saved
    loaded = type(model).load(filename)
score = Spec2Vec(model=loaded, intensity_weighting_power=0.5, allowed_missing_percentage=5.0)
same, other = score.pair(documents[0], documents[2]), score.pair(documents[0], documents[1])
assert same > other + 0.2, (same, other)
