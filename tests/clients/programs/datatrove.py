"""datatrove: the language filter with lid.176, and the classifier filter with a model of cooking questions."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

os.environ["HF_HOME"] = os.environ["HF_ASSETS_CACHE"] = os.getcwd()

from datatrove.data import Document
from datatrove.pipeline.filters import FastTextClassifierFilter, LanguageFilter
from datatrove.utils import lid

interop = Path(os.environ["FIRTH_DATA"]) / "interop"
lid.FT176LID.MODEL_URL = str(shutil.copy(interop / "lid.176.ftz", "lid.176.ftz"))

english = "The train leaves the station at noon,\nand nobody knows where it goes."
german = "Der Zug verlässt den Bahnhof am Mittag,\nund niemand weiß, wohin er fährt."

documents = [Document(text, str(number)) for number, text in enumerate([english, german])]
keeps_english = LanguageFilter("en", language_threshold=0.65)
assert [keeps_english.filter(document) for document in documents] == [True, False]
assert [document.metadata["language"] for document in documents] == ["en", "de"]
assert all(0.65 < document.metadata["language_score"] <= 1.0001 for document in documents)
assert type(keeps_english.model.model).__module__ == "firth.compat.fasttext.FastText"

tops = LanguageFilter(None, label_only=True, keep_top_pairs_threshold=0.001)
document = Document(english + " " + german, "both")
assert tops.filter(document)
assert {"top_language_en_score", "top_language_de_score"} <= set(document.metadata)

question = Document("How do I keep the bread from burning in the oven?", "bread")
quality = FastTextClassifierFilter(str(interop / "cooking.model.bin"), keep_labels=("bread", 0.01))
assert quality.filter(question)
assert 0.01 < question.metadata["__label__bread"] <= 1.0001
strict = FastTextClassifierFilter(str(interop / "cooking.model.bin"), remove_labels=[("bread", 0.01)])
assert not strict.filter(Document(question.text, "bread"))
strict = FastTextClassifierFilter(str(interop / "cooking.model.bin"), keep_labels=("no-such-label", 0.5))
message = ""
try:
    _ = strict.model
except ValueError as error:
    message = str(error)
assert "no-such-label" in message, "a label that the model does not have was taken"
