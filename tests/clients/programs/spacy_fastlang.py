"""spacy-fastlang: the language of documents of a pipeline, one at a time and in batches."""

from __future__ import annotations

import spacy
import spacy_fastlang

assert spacy_fastlang.fasttext.__name__ == "firth.compat.fasttext"

pipeline = spacy.blank("xx")
pipeline.add_pipe("language_detector")
texts = {
    "en": "Life is like a box of chocolates. You never know what you are gonna get.",
    "de": "Das Leben ist wie eine Schachtel Pralinen. Man weiß nie, was man bekommt.",
    "es": "La vida es como una caja de bombones. Nunca sabes lo que te va a tocar.",
}
for language, text in texts.items():
    document = pipeline(text + "\n" + text)
    assert document._.language == language, document._.language
    assert document._.language_score > 0.8
found = [document._.language for document in pipeline.pipe(texts.values(), batch_size=2)]
assert found == list(texts)

careful = spacy.blank("xx")
careful.add_pipe("language_detector", config={"threshold": 0.99999, "default_language": "??"})
assert careful("a e i o u 12")._.language == "??"
