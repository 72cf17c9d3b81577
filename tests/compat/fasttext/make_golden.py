"""Makes the files in golden/: two small models of word vectors, and what fastText's program and module answer.

The program is built from github.com/facebookresearch/fastText at commit 1142dc4; without the instructions of one
processor, since its digits depend on them:

    make CXXFLAGS="-pthread -std=c++17 -march=x86-64 -O3 -funroll-loops -DNDEBUG"
    pip install fasttext-numpy2==0.10.4
    python tests/compat/fasttext/make_golden.py PATH/TO/fasttext

The classifiers are those of tests/classification/golden. Bytes are stored as Latin-1, since some are no UTF-8.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import fasttext

HERE = Path(__file__).parent / "golden"
CLASSIFIERS = Path(__file__).parents[2] / "classification" / "golden"
STEMS = ["walk", "talk", "jump", "sing", "größ", "日本"]
ENDINGS = ["", "s", "ed", "er", "ing", "e"]
QUERIES = b"walking unseenish gr\xc3\xb6\xc3\x9fer a \xff\xfe </s>\n\n  \nwalks talks\nno newline at the end"
# 11 threads: with fewer, fastText leaves a part of the input matrix as the memory was, NaN included.
TRAIN = ["-dim", "6", "-minCount", "1", "-thread", "11", "-epoch", "3", "-verbose", "0", "-seed", "3"]


def run(program: str, words: list[str], data: bytes, folder: Path) -> dict[str, object]:
    done = subprocess.run([program, *words], input=data, capture_output=True, cwd=folder, check=False, timeout=60)
    output = done.stdout
    return {
        "command": words,
        "input": data.decode("latin-1"),
        "output": output.decode("latin-1"),
        "status": done.returncode,
    }


def labelled_lines(entries: list[bytes], n_words: int) -> bytes:
    """Lines with some of a classifier's words and labels, unknown ones, none, and several."""
    draw = random.Random(4)
    words, labels = entries[:n_words], entries[n_words:]
    lines = []
    for number in range(40):
        text = [draw.choice(words) for _ in range(draw.randint(0, 8))]
        marks = [draw.choice(labels) for _ in range(number % 3)]
        lines.append(b" ".join([*marks, *text, *([b"__label__unknown"] if number % 7 == 0 else [])]))
    return b"\n".join([*lines, b"", labels[0] + b" no end"])


def module_answers(path: Path, lines: Path) -> dict[str, object]:
    """What fastText's module answers of a model."""
    model = fasttext.load_model(str(path))
    is_supervised = "supervised" in str(model.f.getArgs().model)
    words = [*model.get_words(on_unicode_error="replace")[:5], "walking", "unseenish", "größer", "", "</s>"]
    found: dict[str, object] = {
        "words": model.get_words(True, "replace")[0],
        "counts": model.get_words(True, "replace")[1].tolist(),
        "labels": model.get_labels(False, "replace"),
        "dimension": model.get_dimension(),
        "is_quantized": model.is_quantized(),
        "ids": {word: model.get_word_id(word) for word in words},
        "subwords": {
            word: [part.tolist() if number else part for number, part in enumerate(model.get_subwords(word, "replace"))]
            for word in words
        },
        "vectors": {word: model.get_word_vector(word).tolist() for word in words},
        "sentences": {
            text: model.get_sentence_vector(text).tolist() for text in (" ".join(words[:3]), "walks talks", "")
        },
        "lines": {
            text: model.get_line(text, "replace") for text in ("walks talks", "a </s> b", " ".join(words[:2]), "")
        },
        "row": model.get_input_vector(1).tolist(),
    }
    if model.f.getArgs().bucket:
        found["subword_ids"] = {ngram: model.get_subword_id(ngram) for ngram in ("<wa", "größ")}
    if not is_supervised:
        found["neighbors"] = {word: model.get_nearest_neighbors(word, 6) for word in ("walking", "unseenish")}
        found["analogies"] = model.get_analogies("walking", "walks", "talks", 4)
        return found
    found["test"] = {f"{k} {threshold}": model.test(str(lines), k, threshold) for k, threshold in ((1, 0.0), (3, 0.1))}
    found["test_label"] = model.test_label(str(lines), 2)
    meter = model.get_meter(str(lines))
    label = model.labels[0]
    found["meter"] = {
        "score_vs_true": meter.m.scoreVsTrue(model.get_label_id(label)),  # the module's own method needs NumPy 1
        "curve": meter.m.precisionRecallCurve(),
        "label_curve": meter.m.precisionRecallCurveLabel(model.get_label_id(label)),
        "precision_at_recall": [meter.precision_at_recall(0.3), meter.precision_at_recall(0.3, label)],
        "recall_at_precision": [meter.recall_at_precision(0.3), meter.recall_at_precision(0.3, label)],
    }
    return found


def write(program: str) -> None:
    HERE.mkdir(exist_ok=True)
    draw = random.Random(5)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        texts = [" ".join(draw.choice(STEMS) + draw.choice(ENDINGS) for _ in range(12)) for _ in range(60)]
        (folder / "texts.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
        for command, more in (("skipgram", ["-bucket", "150"]), ("cbow", ["-maxn", "0", "-minn", "0"])):
            subprocess.run(
                [program, command, "-input", "texts.txt", "-output", command, *TRAIN, *more], cwd=folder, check=True
            )
            (HERE / f"{command}.bin").write_bytes((folder / f"{command}.bin").read_bytes())
        runs, answers = [], {}
        for path in [
            *sorted(CLASSIFIERS.glob("*.bin")),
            *sorted(CLASSIFIERS.glob("*.ftz")),
            *sorted(HERE.glob("*.bin")),
        ]:
            name = path.name
            (folder / name).write_bytes(path.read_bytes())
            is_words = path.parent == HERE
            for words in (["print-word-vectors", name], ["print-sentence-vectors", name]):
                runs.append(run(program, words, QUERIES, folder))
            for option in ("args", "dict", "input", "output"):
                runs.append(run(program, ["dump", name, option], b"", folder))
            if is_words:
                runs.append(
                    run(
                        program,
                        ["nn", name, "4"],
                        b"walking unseenish" if name == "skipgram.bin" else b"walking",
                        folder,
                    )
                )
                (folder / "lines.txt").write_bytes(b"")
            else:
                dictionary = run(program, ["dump", name, "dict"], b"", folder)["output"]
                rows = [line.rsplit(" ", 2) for line in str(dictionary).split("\n")[1:-1]]
                n_words = sum(kind == "word" for _, _, kind in rows)
                (folder / "lines.txt").write_bytes(labelled_lines([row[0].encode("latin-1") for row in rows], n_words))
                (HERE / f"{name}.lines").write_bytes((folder / "lines.txt").read_bytes())
                for more in ([], ["3"], ["-1", "0.05"]):
                    for command in ("predict", "predict-prob"):
                        runs.append(run(program, [command, name, "-", *more], QUERIES, folder))
                    for command in ("test", "test-label"):
                        runs.append(run(program, [command, name, "lines.txt", *more], b"", folder))
            answers[name] = module_answers(path, folder / "lines.txt")
    (HERE / "program.json").write_text(json.dumps(runs, ensure_ascii=True, indent=0) + "\n")
    (HERE / "module.json").write_text(json.dumps(answers, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    write(sys.argv[1])
