"""Room cli: what ``firth-fasttext`` prints of its commands and flags: fastText's usage lines and names of flags.

Tests: tests/cli/test_fasttext_program.py.
"""

from __future__ import annotations

from firth.compat.fasttext.arguments import args, loss_name, model_name

LOSS_WORDS = {loss_name.hs: "hs", loss_name.ns: "ns", loss_name.softmax: "softmax", loss_name.ova: "one-vs-all"}
MODEL_WORDS = {model_name.cbow: "cbow", model_name.skipgram: "sg", model_name.supervised: "sup"}

_MODEL = "  <model>      file of the model\n"
_LINES = "  <test-data>  file of lines (-: standard input)\n"
_ANSWERS = "  <k>          (optional; 1) number of labels\n  <th>         (optional; 0.0) least probability\n"
_NEIGHBORS = _MODEL + "  <k>          (optional; 10) number of words\n"

USAGE = """usage: fasttext <command> <args>

The commands supported by fasttext are:

  supervised              learn a classifier of texts
  quantize                make a classifier small
  test                    precision and recall of a classifier
  test-label              the same for each label
  predict                 the best labels of lines
  predict-prob            the best labels of lines and their probabilities
  skipgram                learn vectors of words by skip-gram
  cbow                    learn vectors of words by CBOW
  print-word-vectors      vectors of the words of standard input
  print-sentence-vectors  vectors of the lines of standard input
  print-ngrams            the n-grams of a word and their vectors
  nn                      neighbours of words
  analogies               neighbours of A - B + C
  dump                    arguments, dictionary or matrices of a model

"""
COMMAND_USAGE = {
    "quantize": "usage: fasttext quantize <args>\n",
    "test": f"usage: fasttext test <model> <test-data> [<k>] [<th>]\n\n{_MODEL}{_LINES}{_ANSWERS}\n",
    "test-label": f"usage: fasttext test-label <model> <test-data> [<k>] [<th>]\n\n{_MODEL}{_LINES}{_ANSWERS}\n",
    "predict": f"usage: fasttext predict[-prob] <model> <test-data> [<k>] [<th>]\n\n{_MODEL}{_LINES}{_ANSWERS}\n",
    "print-word-vectors": f"usage: fasttext print-word-vectors <model>\n\n{_MODEL}\n",
    "print-sentence-vectors": f"usage: fasttext print-sentence-vectors <model>\n\n{_MODEL}\n",
    "print-ngrams": f"usage: fasttext print-ngrams <model> <word>\n\n{_MODEL}  <word>       a word\n\n",
    "nn": f"usage: fasttext nn <model> <k>\n\n{_NEIGHBORS}\n",
    "analogies": f"usage: fasttext analogies <model> <k>\n\n{_NEIGHBORS}\n",
    "dump": f"usage: fasttext dump <model> <option>\n\n{_MODEL}  <option>     args, dict, input or output\n",
}


def list_flags(defaults: args) -> str:
    """The flags of training and quantizing, each with its default."""
    return f"""
The following arguments are mandatory:
  -input              file to learn from
  -output             file to write, without its ending

The following arguments are optional:
  -verbose            0: print nothing [{defaults.verbose}]

The following arguments for the dictionary are optional:
  -minCount           least count of a word [{defaults.minCount}]
  -minCountLabel      least count of a label [{defaults.minCountLabel}]
  -wordNgrams         longest n-gram of words [{defaults.wordNgrams}]
  -bucket             rows that n-grams share [{defaults.bucket}; left out, fitted to the text]
  -minn               shortest n-gram of characters [{defaults.minn}]
  -maxn               longest n-gram of characters [{defaults.maxn}]
  -t                  frequency above which words are subsampled [{defaults.t:g}]
  -label              beginning of labels [{defaults.label}]

The following arguments for training are optional:
  -lr                 learning rate [{defaults.lr:g}]
  -lrUpdateRate       no effect: the rate falls continuously [{defaults.lrUpdateRate}]
  -dim                numbers in a vector [{defaults.dim}]
  -ws                 words of context on each side [{defaults.ws}]
  -epoch              passes over the text [{defaults.epoch}]
  -neg                noise words for each word [{defaults.neg}]
  -loss               loss {{ns, hs, softmax, one-vs-all}} [{LOSS_WORDS[defaults.loss]}]
  -thread             threads (1: the same vectors each time) [left out, all processors]
  -pretrainedVectors  vectors to start from [{defaults.pretrainedVectors}]
  -saveOutput         write the output vectors too [{str(defaults.saveOutput).lower()}]
  -seed               seed of the random numbers [{defaults.seed}]

The following arguments for quantization are optional:
  -cutoff             rows of words and n-grams to keep [{defaults.cutoff}]
  -qnorm              quantize norms apart [{str(defaults.qnorm).lower()}]
  -qout               quantize the rows of labels too [{str(defaults.qout).lower()}]
  -dsub               columns of a part [{defaults.dsub}]
  -retrain            train the rows that -cutoff leaves again, on -input [{str(defaults.retrain).lower()}]

Refused: -autotune-validation, -autotune-metric, -autotune-predictions, -autotune-duration,
-autotune-modelsize. docs/fasttext.md of firth says why.
"""


__all__ = ["COMMAND_USAGE", "LOSS_WORDS", "MODEL_WORDS", "USAGE", "list_flags"]
