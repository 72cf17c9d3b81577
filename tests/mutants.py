"""`make mutants`: one-line faults, each applied to a copy of the tree of its own; each must turn its test red.

A fault that no test sees is a hole in the tests, and this exits with 1. Native faults rebuild the library of this
processor's best instruction set alone, without much optimization. Before anything, every named test must be green on
the copy as it is: a test that is red anyway would prove nothing.

    python tests/mutants.py [--only WORD] [--list] [--workers N]
"""

from __future__ import annotations

import argparse
import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from firth.native.loader import available_instruction_sets

ROOT = Path(__file__).resolve().parents[1]
CPP = "src/firth/native/cpp"
UNITS = "tests/kernels/test_native_units.py::test_update_at_learning_rate_one_is_the_gradient"
WALKS = "tests/corpus/test_walks.py"
DOCUMENTS = "tests/kernels/test_documents.py"
ARROW = "tests/corpus/test_arrow_memory.py"
PAIRS = "tests/kernels/test_pairs.py"
COMPILER = os.environ.get("CXX", "c++")
TESTS_FAILED = 1  # pytest's exit status; others mean that nothing was tested


@dataclass(frozen=True)
class Mutant:
    """A fault: in ``file``, ``right`` (which stands there exactly once) becomes ``wrong``; ``test`` must see it."""

    name: str
    file: str
    right: str
    wrong: str
    test: str

    @property
    def is_native(self) -> bool:
        return self.file.startswith(CPP)


MUTANTS = (
    Mutant(
        "documents: a negative counts once for a unit of several targets",
        f"{CPP}/train/lanes.hpp",
        "broadcast(-rate * float(n_targets))",
        "broadcast(-rate)",
        f"{DOCUMENTS}::test_inference_by_negative_sampling_with_every_plan",
    ),
    Mutant(
        "documents: the row of the document is not in the mean",
        f"{CPP}/train/lanes.hpp",
        "input[v] = (words[v] + input[v]) * share;",
        "input[v] = words[v] * share;",
        f"{DOCUMENTS}::test_inference_by_negative_sampling_with_every_plan",
    ),
    Mutant(
        "documents: the second piece of a row replaces the first in the logit",
        f"{CPP}/train/lanes.hpp",
        "store(sums, d == 0 ? both : load(sums) + both);",
        "store(sums, both);",
        f"{DOCUMENTS}::test_inference_by_negative_sampling_with_every_plan",
    ),
    Mutant(
        "documents: the loss is that of the epochs before the last",
        f"{CPP}/train/lanes.hpp",
        "bool in_last_epoch() const { return epoch_ + 1 == settings().epochs; }",
        "bool in_last_epoch() const { return epoch_ + 1 != settings().epochs; }",
        f"{DOCUMENTS}::test_inference_by_negative_sampling_with_every_plan",
    ),
    Mutant(
        "documents: kept noise sets outlive their epoch",
        f"{CPP}/plan/negatives.hpp",
        "if (kept_epoch_ != int64_t(epoch_)) kept_.clear();",
        "",
        f"{DOCUMENTS}::test_inference_by_negative_sampling_with_every_plan",
    ),
    Mutant(
        "documents: the seed ignores the order of words",
        f"{CPP}/train/document_start.hpp",
        "hash = mix(hash ^ uint64_t(uint32_t(ids[k])));",
        "hash += mix(uint64_t(uint32_t(ids[k])));",
        f"{DOCUMENTS}::test_inference_by_negative_sampling_with_every_plan",
    ),
    Mutant(
        "documents: a token is in its own window",
        f"{CPP}/plan/documents.hpp",
        "if (k != center.kept) chunk.inputs.push_back(words_[size_t(k)]);",
        "chunk.inputs.push_back(words_[size_t(k)]);",
        f"{DOCUMENTS}::test_the_native_plan_is_its_twin",
    ),
    Mutant(
        "documents: a document keeps the tags of the one before",
        f"{CPP}/plan/documents.hpp",
        "document != latest",
        "latest < 0",
        f"{DOCUMENTS}::test_the_native_plan_is_its_twin",
    ),
    Mutant(
        "matrices: a copy of a matrix on the disk is in memory",
        "src/firth/kernels/matrices.py",
        "copied = self.allocate_in_order(*rows.shape)",
        "copied = np.empty(rows.shape, np.float32)",
        "tests/training/test_matrices.py::test_no_matrix_is_copied_into_memory",
    ),
    Mutant(
        "matrices: the count that fits is that of another word",
        "src/firth/training/run/needs.py",
        "len(counts) - 1 - n_words])",
        "len(counts) - n_words])",
        "tests/training/test_matrices.py::test_the_numbers_in_the_error_fit",
    ),
    Mutant(
        "machine: a control group above the process's own does not count",
        "src/firth/base/machine.py",
        "for group in (folder, *folder.parents)",
        "for group in (folder,)",
        "tests/base/test_machine.py::test_a_group_is_limited_by_the_groups_above_it",
    ),
    Mutant(
        "rows: the address of a row has 32 bits",
        f"{CPP}/objectives/objective.hpp",
        "reinterpret_cast<uintptr_t>(matrix) + uintptr_t(id) * row_bytes;",
        "reinterpret_cast<uintptr_t>(matrix) + uint32_t(uintptr_t(id) * row_bytes);",
        "tests/kernels/test_beyond_32_bits.py::test_rows_beyond_2_to_the_31_elements",
    ),
    Mutant(
        "plan: a position has 32 bits",
        f"{CPP}/plan/windows.hpp",
        "chunk.positions[count] = position;",
        "chunk.positions[count] = int32_t(position);",
        "tests/kernels/test_beyond_32_bits.py::test_the_plan_of_positions_beyond_32_bits_is_its_twin",
    ),
    Mutant(
        "rows: a line end inside a row stays one",
        f"{CPP}/text/rows.hpp",
        "*at = ' ';",
        "*at = '\\n';",
        f"{ARROW}::test_rows_are_counted_as_their_lines",
    ),
    Mutant(
        "rows: a view of twelve bytes is read as a long one",
        f"{CPP}/text/rows.hpp",
        "if (length <= INLINE_BYTES) return true;",
        "if (length < INLINE_BYTES) return true;",
        f"{ARROW}::test_strings_of_every_layout_are_their_lines",
    ),
    Mutant(
        "rows: a word goes on in the next row",
        f"{CPP}/text/count.cpp",
        "cuts |= uint64_t(1) << (*next - block);",
        "cuts |= uint64_t(0) << (*next - block);",
        f"{ARROW}::test_rows_are_counted_as_their_lines",
    ),
    Mutant(
        "rows: the offset of a wrong byte forgets the line ends",
        f"{CPP}/text/count.cpp",
        "report.problem_offset += std::upper_bound",
        "report.problem_offset -= std::upper_bound",
        f"{ARROW}::test_the_offset_of_a_wrong_byte_is_that_in_the_lines",
    ),
    Mutant(
        "places: a text that ends early is a whole text",
        "src/firth/corpus/places.py",
        "self._size is not None and self.n_read != self._size",
        "self._size is not None and self.n_read > self._size",
        "tests/corpus/test_places.py::test_a_file_that_shrinks_while_it_is_read_is_an_error",
    ),
    Mutant(
        "tokenizers: a tokenizer of Hugging Face truncates",
        "src/firth/corpus/tokenizers.py",
        "tokenizer.no_truncation()",
        "pass",
        "tests/corpus/test_tokenizers.py::test_truncation_and_special_tokens_are_left_out",
    ),
    Mutant(
        "pairs: one coin decides about word and context",
        f"{CPP}/plan/pairs.hpp",
        "of_target <= s_.keep_thresholds",
        "of_input <= s_.keep_thresholds",
        f"{PAIRS}::test_both_sides_are_subsampled_by_their_weights",
    ),
    Mutant(
        "pairs: a slice from an odd position on has the coins of the pair before",
        f"{CPP}/plan/pairs.hpp",
        "first = from - from % 2",
        "first = from",
        f"{PAIRS}::test_the_native_plan_is_its_twin",
    ),
    Mutant(
        "pairs: every pair has the weight of the first",
        f"{CPP}/plan/pairs.hpp",
        "chunk.sequences.push_back(position);",
        "chunk.sequences.push_back(0);",
        f"{PAIRS}::test_two_epochs_are_the_plan_through_the_formula",
    ),
    Mutant(
        "pairs: the noise set is that of the first pair of the stretch",
        f"{CPP}/plan/pairs.hpp",
        "stretches_.noise_set_of(slot)",
        "stretches_.noise_set_of(0)",
        f"{PAIRS}::test_the_native_plan_is_its_twin",
    ),
    Mutant(
        "pairs: the plan of the first epoch is that of every epoch",
        f"{CPP}/plan/pairs.hpp",
        "    epoch_ = epoch;",
        "    epoch_ = 0 * epoch;",
        f"{PAIRS}::test_the_native_plan_is_its_twin",
    ),
    Mutant(
        "pairs: the noise is drawn by numbers of pairs",
        "src/firth/kernels/examples.py",
        "np.bincount(ids, weights, minlength=n_rows)",
        "np.bincount(ids, minlength=n_rows)",
        "tests/training/test_pairs.py::test_logits_become_the_pointwise_mutual_information",
    ),
    Mutant(
        "pairs: they are trained in the order of the source",
        "src/firth/corpus/pair_encoding.py",
        "kept = kept.take(_order(len(kept), seed))",
        "kept = kept.take(np.arange(len(kept)))",
        "tests/training/test_pairs.py::test_pairs_are_trained_in_random_order",
    ),
    Mutant(
        "walks: a step back has the weight p",
        f"{CPP}/graph/walks.hpp",
        "back_(1.0 / p)",
        "back_(p)",
        f"{WALKS}::test_steps_have_the_probabilities_of_the_definition",
    ),
    Mutant(
        "walks: the excess of a step back forgets the weight of its edge",
        f"{CPP}/graph/walks.hpp",
        "excess = graph_.weight(here, edge) *",
        "excess =",
        f"{WALKS}::test_steps_have_the_probabilities_of_the_definition",
    ),
    Mutant(
        "walks: the distance is taken from the current node",
        f"{CPP}/graph/walks.hpp",
        "return graph_.find(previous, proposed) >= 0",
        "return graph_.find(proposed, previous) >= 0",
        f"{WALKS}::test_steps_have_the_probabilities_of_the_definition",
    ),
    Mutant(
        "walks: the scan forgets the biases",
        f"{CPP}/graph/walks.hpp",
        "sum += graph_.weight(here, edge) * bias(previous, graph_.neighbors[edge]);",
        "sum += graph_.weight(here, edge);",
        f"{WALKS}::test_rejection_and_scan_agree_on_many_neighbors",
    ),
    Mutant(
        "walks: the number of a walk is that in its part",
        f"{CPP}/graph/walks.cpp",
        "walker.walk(uint64_t(first + walk),",
        "walker.walk(uint64_t(walk),",
        f"{WALKS}::test_walks_do_not_depend_on_threads",
    ),
    Mutant(
        "phrases: a pair is counted across the end of a sequence",
        f"{CPP}/text/pairs.hpp",
        "        ++sequence;\n        before = -1;",
        "        ++sequence;",
        "tests/corpus/test_learning_phrases.py::test_a_table_is_the_references",
    ),
    Mutant(
        "phrases: a run counts each of its pairs once",
        f"{CPP}/text/pairs.hpp",
        "counts[n_distinct++] = Key(end - k);",
        "counts[n_distinct++] = Key(1);",
        "tests/corpus/test_learning_phrases.py::test_a_table_is_the_references",
    ),
    Mutant(
        "phrases: a merge keeps the count of the last run alone",
        f"{CPP}/text/pairs.hpp",
        "count += reader.count();",
        "count = reader.count();",
        "tests/corpus/test_learning_phrases.py::test_small_buffers_many_runs_and_threads_change_nothing",
    ),
    Mutant(
        "phrases: pairs that occur min_count times are left out",
        f"{CPP}/text/pairs.hpp",
        "if (count < min_count) return;",
        "if (count <= min_count) return;",
        "tests/corpus/test_learning_phrases.py::test_scores_and_joined_sentences_are_gensims",
    ),
    Mutant(
        "phrases: the connector words of a pair do not matter",
        f"{CPP}/text/pairs.hpp",
        "(Key(uint64_t(chain)) << word_bits)",
        "(Key(uint64_t(chain > 0)) << word_bits)",
        "tests/corpus/test_learning_phrases.py::test_a_table_is_the_references",
    ),
    Mutant(
        "phrases: a word that ended a phrase begins another",
        f"{CPP}/text/joining.hpp",
        "            start = -1;\n            continue;",
        "            start = at;\n            continue;",
        "tests/corpus/test_joining.py::test_joined_sequences_and_counts_are_the_references",
    ),
    Mutant(
        "phrases: a block begins inside of a phrase",
        f"{CPP}/text/joining.hpp",
        "if (before < 0 || find(text, before, at) == nullptr) return at;",
        "if (before < 0 || at >= 0) return at;",
        "tests/corpus/test_joining.py::test_a_sequence_where_every_word_is_a_phrase",
    ),
    Mutant(
        "phrases: joined words keep the counts of their parts",
        "src/firth/corpus/joining.py",
        "np.subtract.at(counts, phrases.last, n_joined)",
        "np.subtract.at(counts, phrases.last, 0)",
        "tests/corpus/test_joining.py::test_joined_sequences_and_counts_are_the_references",
    ),
    Mutant(
        "phrases: a score equal to the threshold makes a phrase",
        "src/firth/corpus/learning_phrases.py",
        "np.flatnonzero(scores > settings.threshold)",
        "np.flatnonzero(scores >= settings.threshold)",
        "tests/corpus/test_learning_phrases.py::test_a_score_equal_to_the_threshold_is_no_phrase",
    ),
    Mutant(
        "classify: an n-gram that ends with the word is left out",
        f"{CPP}/classify/ngram_lanes.hpp",
        "(U32)(left >= uint32_t(length)) & within;",
        "(U32)(left > uint32_t(length)) & within;",
        "tests/classification/test_texts_to_rows.py::test_texts_of_any_length_and_white_space",
    ),
    Mutant(
        "classify: < and > alone are n-grams",
        f"{CPP}/classify/ngram_lanes.hpp",
        "if (length == 1) exist &=",
        "if (length == 0) exist &=",
        "tests/classification/test_texts_to_rows.py::test_texts_of_any_length_and_white_space",
    ),
    Mutant(
        "classify: bytes over 127 are hashed without a sign",
        f"{CPP}/classify/ngram_lanes.hpp",
        "return (U32)((I32)(characters << (24 - 8 * byte)) >> 24);",
        "return (characters << (24 - 8 * byte)) >> 24;",
        "tests/classification/test_texts_to_rows.py::test_texts_of_any_length_and_white_space",
    ),
    Mutant(
        "classify: hashes of words are extended without a sign",
        f"{CPP}/classify/bag.hpp",
        "hash = hash * WORD_NGRAM_FACTOR + uint64_t(int64_t(hashes_[next]));",
        "hash = hash * WORD_NGRAM_FACTOR + uint32_t(hashes_[next]);",
        "tests/classification/test_texts_to_rows.py::test_texts_of_any_length_and_white_space",
    ),
    Mutant(
        "classify: a word ends where 64 bytes end",
        f"{CPP}/classify/bag.hpp",
        "was_white = white >> 63;",
        "was_white = 1;",
        "tests/classification/test_texts_to_rows.py::test_every_start_within_64_bytes",
    ),
    Mutant(
        "classify: the entry behind a full bucket is not found",
        f"{CPP}/classify/words.hpp",
        "if (found != &NONE || pair[1].n_bytes == 0) return *found;",
        "if (found != &NONE || pair[1].n_bytes < 99) return *found;",
        "tests/classification/test_texts_to_rows.py::test_words_of_every_length_are_found",
    ),
    Mutant(
        "classify: long words are compared by their keys alone",
        f"{CPP}/classify/words.hpp",
        "std::memcmp(entries_ + offsets_[entry->id], word, size_t(n_bytes)) == 0)",
        "std::memcmp(entries_ + offsets_[entry->id], word, 0) == 0)",
        "tests/classification/test_texts_to_rows.py::test_long_words_with_one_key_are_told_apart",
    ),
    Mutant(
        "classify: the row of a kept n-gram is its neighbour's",
        f"{CPP}/classify/model.hpp",
        "const uint32_t below = (uint32_t(1) << (bucket % 32)) - 1;",
        "const uint32_t below = (uint32_t(1) << (bucket % 32));",
        "tests/classification/test_predictions.py::test_rows_and_probabilities_are_those_of_the_reference",
    ),
    Mutant(
        "classify: a quantized row without its norm",
        f"{CPP}/classify/model.hpp",
        "for (int64_t dim = 0; dim < stored.n_dims; ++dim) to[dim] *= norm;",
        "for (int64_t dim = 0; dim < stored.n_dims; ++dim) to[dim] *= norm > 0;",
        "tests/classification/test_predictions.py::test_answers_are_those_of_fasttext",
    ),
    Mutant(
        "classify: the logits of a quantized output without norms",
        f"{CPP}/classify/predict.hpp",
        "scores_[label] *= model_.scales[label];",
        "scores_[label] *= 1 + 0 * model_.scales[label];",
        "tests/classification/test_predictions.py::test_answers_are_those_of_fasttext",
    ),
    Mutant(
        "classify: the softmax does not sum to one",
        f"{CPP}/classify/predict.hpp",
        "float largest = scores[0], total = 0.0f;",
        "float largest = scores[0], total = 1e-4f;",
        "tests/classification/test_predictions.py::test_answers_are_those_of_fasttext",
    ),
    Mutant(
        "classify: the threshold of the tree is without the floor",
        f"{CPP}/classify/predict.hpp",
        "const float least = threshold + LOG_FLOOR;",
        "const float least = threshold;",
        "tests/classification/test_predictions.py::test_labels_below_the_floor_are_left_out",
    ),
    Mutant(
        "classify: one label less than k",
        f"{CPP}/classify/predict.hpp",
        "if (int64_t(best_.size()) <= k) return;",
        "if (int64_t(best_.size()) < k) return;",
        "tests/classification/test_predictions.py::test_answers_are_those_of_fasttext",
    ),
    Mutant(
        "classify: the first of equal labels, of one",
        f"{CPP}/classify/predict.hpp",
        "while (label > 0 && scores[label] != top) --label;",
        "label = 0;\n    while (scores[label] != top) ++label;",
        "tests/classification/test_predictions.py::test_of_equal_labels_the_last_one_wins",
    ),
    Mutant(
        "classify: the probability of a left child without the floor",
        f"{CPP}/classify/predict.hpp",
        "store_unaligned(lefts + node, (one - right) + floor);",
        "store_unaligned(lefts + node, one - right);",
        "tests/classification/test_predictions.py::test_answers_are_those_of_fasttext",
    ),
    Mutant(
        "classify: the last text of a block is left out",
        "src/firth/native/classify.py",
        "block = slice(first, min(n_texts, first + BLOCK_TEXTS))",
        "block = slice(first, min(n_texts, first + BLOCK_TEXTS - 1))",
        "tests/classification/test_predictions.py::test_one_text_and_many",
    ),
    Mutant(
        "bags: the sum of the rows in place of their mean",
        f"{CPP}/train/bags.hpp",
        "Real(1) / Real(n), n_padded, hidden);",
        "Real(1), n_padded, hidden);",
        "tests/kernels/test_native_units.py::test_words_that_are_bags_of_rows",
    ),
    Mutant(
        "bags: the factor of the rows' step is left out",
        f"{CPP}/train/bags.hpp",
        "change, Real(settings_.bag_step), n_padded);",
        "change, Real(1), n_padded);",
        "tests/kernels/test_native_units.py::test_words_that_are_bags_of_rows",
    ),
    Mutant(
        "bags: frozen rows learn",
        f"{CPP}/train/bags.hpp",
        "if (to_learn && this->frozen_rows_ && this->frozen_rows_[row]) continue;",
        "if (to_learn && this->frozen_rows_ && this->frozen_rows_[row] && row < 0) continue;",
        "tests/kernels/test_bags.py::test_frozen_words_keep_their_vectors_to_the_bit",
    ),
    Mutant(
        "bags: the number of a hidden row of the last stretch is taken for the word's own",
        f"{CPP}/train/bags.hpp",
        "size_t(number) < words_.size() && words_[size_t(number)] == word;",
        "size_t(number) < words_.size();",
        "tests/kernels/test_bags.py::test_an_epoch_is_the_plan_through_the_reference",
    ),
    Mutant(
        "bags: a stretch does not end with its tokens",
        f"{CPP}/train/bags.hpp",
        "end_ < chunk_.units.size() && chunk_.units[end_].position / BAG_TOKENS == stretch;",
        "end_ < chunk_.units.size() && chunk_.units[end_].position / BAG_TOKENS <= stretch + 1;",
        "tests/kernels/test_bags.py::test_an_epoch_is_the_plan_through_the_reference",
    ),
    Mutant(
        "bags: rounds do not list the rows of n-grams",
        f"{CPP}/train/deterministic.hpp",
        "rows.list(s_.bag_rows + first, size_t(n), tables, size_t(n));",
        "rows.list(s_.bag_rows + first, size_t(n > 0), tables, size_t(n));",
        "tests/golden/test_golden_runs.py::test_bits_are_golden",
    ),
    Mutant(
        "n-grams: bytes are not signed in the hash",
        f"{CPP}/text/ngrams.hpp",
        "static_cast<int32_t>(static_cast<signed char>(byte))",
        "static_cast<int32_t>(static_cast<unsigned char>(byte))",
        "tests/base/test_ngrams.py::test_rows_are_those_of_fasttext",
    ),
    Mutant(
        "n-grams: a lone bracket at the end counts",
        f"{CPP}/text/ngrams.hpp",
        "n_chars == 1 && (start == 0 || end == n_wrapped);",
        "n_chars == 1 && start == 0;",
        "tests/base/test_ngrams.py::test_rows_are_those_of_fasttext",
    ),
    Mutant(
        "n-grams: the step is divided by the size of the bag",
        "src/firth/numerics/bags.py",
        "return _spread(hidden_step, bags, n_rows, divided=False)",
        "return _spread(hidden_step, bags, n_rows, divided=True)",
        "tests/numerics/test_bags.py::test_hand_worked",
    ),
    Mutant(
        "subwords: more text loses the rows of n-grams",
        "src/firth/training/run/composing.py",
        "rows[len(bags.words) :] = subwords.ngram_rows",
        "rows[len(bags.words) :] += 0",
        "tests/training/test_subwords.py::test_more_text_finds_the_ngrams_of_its_words",
    ),
    Mutant(
        "subwords: a rotation leaves the n-grams where they were",
        "src/firth/vectors/spaces.py",
        "ngram_rows=rotate(subwords.ngram_rows)",
        "ngram_rows=subwords.ngram_rows",
        "tests/vectors/test_subwords.py::test_a_rotation_turns_the_ngrams_too",
    ),
    Mutant(
        "copies of busy rows: damped otherwise when they are merged",
        f"{CPP}/train/merging.hpp",
        "constexpr double MARGIN = 0.85;",
        "constexpr double MARGIN = 0.8;",
        "tests/golden/test_golden_runs.py::test_bits_are_golden",
    ),
    Mutant(
        "deterministic rounds: differences are damped otherwise",
        f"{CPP}/train/merging.hpp",
        "constexpr double DAMPING = 0.25;",
        "constexpr double DAMPING = 0.24;",
        "tests/golden/test_golden_runs.py::test_bits_are_golden",
    ),
    Mutant(
        "evaluate: lines that did not count end with 0",
        "src/firth/cli/evaluate.py",
        "if bad and not skip_bad_lines:",
        "if bad and skip_bad_lines:",
        "tests/cli/test_evaluate.py::test_a_line_that_did_not_count_is_told_and_ends_with_one",
    ),
    Mutant(
        "pairs: decimal commas are read beside decimal points",
        "src/firth/vectors/pair_layout.py",
        'if any("." in score for score in numbers):',
        "if not numbers:",
        "tests/vectors/test_pair_files.py::test_decimal_commas_are_read_or_refused_and_never_cut",
    ),
    Mutant(
        "encoded corpus: the first id behind the vocabulary is let through",
        "src/firth/corpus/encoded.py",
        "block.min() < 0 or block.max() >= n_words",
        "block.min() < 0 or block.max() > n_words",
        "tests/training/test_damaged_corpus.py::test_forged_numbers_with_the_right_checksums",
    ),
    Mutant(
        "tables: a frame of integers is read by its columns",
        "src/firth/corpus/tables.py",
        "for column in listed], axis=1)",
        "for column in listed], axis=0)",
        "tests/corpus/test_tables.py::test_rows_of_integers_are_sequences",
    ),
    Mutant(
        "grader: what a fork writes is read without a bound",
        "src/firth/checking/worker.py",
        "if len(data) > MAX_ANSWER_BYTES:",
        "if len(data) > 1 << 40:",
        "tests/checking/test_hostile.py::test_a_flood_is_cut_before_the_time_is_up",
    ),
    Mutant(
        "grader: processes that a function started stay",
        "src/firth/checking/worker.py",
        "    end_descendants()\n",
        "    pass\n",
        "tests/checking/test_hostile.py::test_no_process_is_left_behind",
    ),
    Mutant(
        "grader: control characters are printed as they are",
        "src/firth/checking/report.py",
        'unicodedata.category(character)[0] == "C"',
        'unicodedata.category(character)[0] == "Z"',
        "tests/checking/test_hostile.py::test_printable",
    ),
    Mutant(
        "grader: a function's own default of K is not asked for",
        "src/firth/checking/kinds/negative_sampling.py",
        "return default if is_count else DEFAULT_NEGATIVES",
        "return DEFAULT_NEGATIVES",
        "tests/checking/test_second_look.py::test_another_default_of_k_is_told",
    ),
    Mutant(
        "grader: a result that depends on an argument is a stub",
        "src/firth/checking/stubs.py",
        "    if flow.depends(names):\n        return False\n",
        "",
        "tests/checking/test_second_look.py::test_what_computes_is_no_stub",
    ),
    Mutant(
        "softmax: sign of the target's coefficient",
        f"{CPP}/objectives/outputs_softmax.hpp",
        "out[at_target] += prepared.learning_rate;",
        "out[at_target] -= prepared.learning_rate;",
        UNITS,
    ),
    Mutant(
        "many outputs: a block's part of the inputs' step takes the place of those before",
        f"{CPP}/objectives/block.hpp",
        "if constexpr (PASS == Pass::NEXT) store(step, load(step) + moved);",
        "if constexpr (PASS == Pass::NEXT) store(step, moved);",
        "tests/kernels/test_native_units.py::test_a_step_of_many_tiny_terms_is_summed_apart_from_its_row",
    ),
    Mutant(
        "many outputs: a group of blocks is lost",
        f"{CPP}/objectives/block.hpp",
        "is_set ? load(total + k) + load(group_ + k) : load(group_ + k)",
        "load(group_ + k)",
        "tests/kernels/test_native_units.py::test_a_step_of_many_tiny_terms_is_summed_apart_from_its_row",
    ),
    Mutant(
        "logistic: sign of the targets' step",
        f"{CPP}/objectives/logistic.hpp",
        "(V)((IntV)step ^ flip[v])",
        "step",
        UNITS,
    ),
    Mutant(
        "loss: the linear part is dropped",
        f"{CPP}/objectives/logistic.hpp",
        "(s[v] < zero ? zero : s[v]);  // NaN stays NaN",
        "zero;",
        "tests/kernels/test_native_units.py::test_saturated_logits_keep_their_loss_and_gradient",
    ),
    Mutant(
        "loss: the exponent of a product of factors is dropped",
        f"{CPP}/base/simd.hpp",
        "fma(exponent, broadcast<float>(0.693147181f),",
        "fma(exponent, broadcast<float>(0.0f),",
        "tests/kernels/test_native_units.py::test_the_loss_of_many_logits_is_the_logarithm_of_products",
    ),
    Mutant(
        "wide windows: parts that narrow too slowly",
        f"{CPP}/objectives/outputs_logistic.hpp",
        "words * words * words * words * capped * capped * capped > PART_WORDS_TO_THE_7TH",
        "words * words * words * capped * capped * capped > PART_WORDS_TO_THE_7TH",
        "tests/kernels/test_engine.py::test_wide_windows_are_the_plan_through_the_reference",
    ),
    Mutant(
        "CBOW: the step of a wide window is not damped",
        f"{CPP}/objectives/inputs_pool.hpp",
        "return a * std::min(1.0, PART_WORDS / (a * b * squares));",
        "return a;",
        UNITS,
    ),
    Mutant(
        "CBOW: the last context word is dropped",
        f"{CPP}/objectives/inputs_pool.hpp",
        "sum_rows<Real>(prepared.context_rows, n_context, factor",
        "sum_rows<Real>(prepared.context_rows, n_context - 1, factor",
        UNITS,
    ),
    Mutant(
        "CBOW: the sum in place of the mean",
        f"{CPP}/objectives/inputs_pool.hpp",
        "settings.cbow_input == CBOW_SUM ? Real(1) : Real(1) / Real(n_context)",
        "settings.cbow_input == CBOW_SUM ? Real(1) : Real(1)",
        UNITS,
    ),
    Mutant(
        "CBOW: the wrong scale of the update",
        f"{CPP}/objectives/inputs_pool.hpp",
        "(settings.cbow_input == CBOW_SUM) == (settings.cbow_update == CBOW_WORD2VEC)",
        "(settings.cbow_input == CBOW_SUM) != (settings.cbow_update == CBOW_WORD2VEC)",
        UNITS,
    ),
    Mutant(
        "repeated output ids overwrite each other",
        f"{CPP}/objectives/objective.hpp",
        "if (prepared.repeated_outputs) fold",
        "if (false) fold",
        UNITS,
    ),
    Mutant(
        "repeated input ids see each other's update",
        f"{CPP}/objectives/inputs_rows.hpp",
        "if (prepared.unit.context_may_repeat) fold",
        "if (false) fold",
        UNITS,
    ),
    Mutant(
        "a word that comes again is not foreseen",
        f"{CPP}/plan/units.hpp",
        "last_repeats[k] = latest = std::max(latest, before);",
        "last_repeats[k] = latest = std::max(latest, -1);",
        "tests/kernels/test_engine.py::test_an_epoch_is_the_plan_through_the_reference",
    ),
    Mutant(
        "negatives that repeat are not foreseen",
        f"{CPP}/train/train.hpp",
        "return repeats_[set];",
        "return false;",
        "tests/kernels/test_engine.py::test_an_epoch_is_the_plan_through_the_reference",
    ),
    Mutant(
        "targets of a unit that repeat are not foreseen",
        f"{CPP}/train/train.hpp",
        "repeat |= targets[t] == targets[before];",
        "repeat |= false;",
        "tests/kernels/test_engine.py::test_an_epoch_is_the_plan_through_the_reference",
    ),
    Mutant(
        "explicit examples: a bag in several parts shares the noise of its stretch",
        f"{CPP}/plan/negatives.hpp",
        "return stretches_.share_noise && center.n_negatives == s_.negatives;",
        "return stretches_.share_noise;",
        "tests/extending/test_source.py::test_the_native_plan_is_its_twin",
    ),
    Mutant(
        "explicit examples: every unit has the weight of the first",
        f"{CPP}/plan/units.hpp",
        "double(s.sequence_weights[sequences[first]]) : 1",
        "double(s.sequence_weights[sequences[0]]) : 1",
        "tests/extending/test_source.py::test_two_epochs_are_the_plan_through_the_formulas",
    ),
    Mutant(
        "a target among its negatives is not foreseen",
        f"{CPP}/train/train.hpp",
        "if (s_.target_collision == COLLISION_COUNT) return true;",
        "",
        "tests/kernels/test_engine.py::test_an_epoch_is_the_plan_through_the_reference",
    ),
    Mutant(
        "copies of rows: the differences are added undamped",
        f"{CPP}/train/replicas.hpp",
        "law.factor(learning_rate * touches, 1)",
        "1",
        "tests/kernels/test_replicas.py::test_busy_rows_get_their_share_and_others_all_that_is_learned",
    ),
    Mutant(
        "several windows: a negative counts once for a word of two windows",
        f"{CPP}/objectives/outputs_logistic.hpp",
        "row == t || row >= n_targets ?",
        "row == t || row == n_targets + t ?",
        UNITS,
    ),
    Mutant(
        "several windows: a target meets words of other windows",
        f"{CPP}/objectives/outputs_logistic.hpp",
        "row == t || row >= n_targets ?",
        "row < n_targets || row >= n_targets ?",
        UNITS,
    ),
    Mutant(
        "several windows: a center is in its own window",
        f"{CPP}/train/contexts.hpp",
        "& (one_more != at(center.kept))",
        "& (one_more != 0)",
        "tests/kernels/test_engine.py::test_an_epoch_is_the_plan_through_the_reference",
    ),
    Mutant(
        "several windows: units reach across lines",
        f"{CPP}/plan/units.hpp",
        "sequences[c] == sequences[first] &&",
        "",
        "tests/kernels/test_engine.py::test_an_epoch_is_the_plan_through_the_reference",
    ),
    Mutant(
        "rounds: a row that several shards touch is trained in place by all of them",
        f"{CPP}/train/rounds/marks.hpp",
        "if (last_[id].load(std::memory_order_relaxed) != mark_of(round, shard) &&",
        "if (false &&",
        "tests/kernels/test_engine.py::test_rounds_give_the_same_bits_from_any_number_of_threads",
    ),
    Mutant(
        "rounds: the number of a round that was planned, but not trained, is used again",
        f"{CPP}/train/deterministic.hpp",
        "if (is_last_) ++rounds_done_;",
        "",
        "tests/kernels/test_engine.py::test_a_round_that_was_planned_before_a_stop_leaves_nothing_behind",
    ),
    Mutant(
        "rounds: the shards' differences are added without regard to how far they went",
        f"{CPP}/train/rounds/merger.hpp",
        "law_.factor(learning_rate_ * touches(id), m)",
        "law_.factor(0, m)",
        "tests/kernels/test_engine.py::test_rounds_do_not_overshoot_in_a_small_vocabulary",
    ),
    Mutant(
        "rounds: a round whose successor cannot be planned is not merged",
        f"{CPP}/train/deterministic.hpp",
        "ends_after_round_.store(true);",
        "failed_.store(true);",
        "tests/kernels/test_engine.py::test_a_round_whose_successor_cannot_be_planned_is_merged",
    ),
    Mutant(
        "merging: a delay of one merge too few",
        f"{CPP}/train/merging.hpp",
        "(2 * (2 * delay + 1))",
        "(2 * (2 * delay - 1))",
        "tests/kernels/test_merging.py::test_native_code_and_its_twin_have_one_law",
    ),
    Mutant(
        "Huffman: the code in place of the label",
        f"{CPP}/objectives/outputs_logistic.hpp",
        "settings.path_codes[path + first + j] == 0",
        "settings.path_codes[path + first + j] != 0",
        UNITS,
    ),
    Mutant(
        "windows: one word short on the right",
        f"{CPP}/plan/windows.hpp",
        "k + width + 1));",
        "k + width));",
        "tests/kernels/test_plan.py::test_native_plan_equals_its_twin",
    ),
    Mutant(
        "windows: widths 0..window-1 in place of 1..window",
        f"{CPP}/plan/windows.hpp",
        "random_window ? 1 + int32_t(",
        "random_window ? 0 + int32_t(",
        "tests/kernels/test_plan.py::test_native_plan_equals_its_twin",
    ),
    Mutant(
        "negatives: a position in place of the target's id",
        f"{CPP}/plan/negatives.hpp",
        "collided |= chunk.negatives[center.negatives + d] == center.target;",
        "collided |= chunk.negatives[center.negatives + d] == center.kept;",
        "tests/kernels/test_plan.py::test_native_plan_equals_its_twin",
    ),
    Mutant(
        "negatives: a redraw from the whole noise",
        f"{CPP}/plan/negatives.hpp",
        "random * (parts[s_.n_targets] - own) >> 64",
        "random * parts[s_.n_targets] >> 64",
        "tests/kernels/test_plan.py::test_native_plan_equals_its_twin_where_one_word_dominates",
    ),
    Mutant(
        "negatives: windows of a stretch share what was drawn anew for another target",
        f"{CPP}/plan/negatives.hpp",
        "if (latest.from != center.negatives || latest.target != center.target) {",
        "if (latest.from != center.negatives) {",
        "tests/kernels/test_plan.py::test_native_plan_equals_its_twin_where_one_word_dominates",
    ),
    Mutant(
        "stretches: slots go on from the stretch before",
        f"{CPP}/plan/windows.hpp",
        "next_slot_ = 0;\n    if",
        "next_slot_ = next_slot_ > 0;\n    if",
        "tests/kernels/test_plan.py::test_windows_of_a_block_have_one_draw",
    ),
    Mutant(
        "stretches: slots begin with the slice",
        f"{CPP}/plan/windows.hpp",
        "if (kept(position)) take_slot(position);",
        "if (false) take_slot(position);",
        "tests/kernels/test_plan.py::test_native_plan_equals_its_twin",
    ),
    Mutant(
        "units: each window has its own width",
        f"{CPP}/plan/windows.hpp",
        "by_unit ? unit_width_ : widths_[k]",
        "widths_[k]",
        "tests/kernels/test_plan.py::test_the_units_of_a_stretch_use_the_widths_in_a_cycle",
    ),
    Mutant(
        "units: the widths begin with the same one in each epoch",
        f"{CPP}/plan/windows.hpp",
        "(first + uint64_t(epoch_))",
        "(first + uint64_t(0))",
        "tests/kernels/test_plan.py::test_the_units_of_a_stretch_use_the_widths_in_a_cycle",
    ),
    Mutant(
        "loss: without the weight of its sequence",
        f"{CPP}/train/train.hpp",
        "result.loss += unit.weight * work_.loss.take();",
        "result.loss += work_.loss.take();",
        "tests/kernels/test_engine.py::test_an_epoch_is_the_plan_through_the_reference",
    ),
    Mutant(
        "encoding: offsets of lines one place too early",
        f"{CPP}/text/encode.cpp",
        "(line_base + 1) * 8)",
        "line_base * 8)",
        "tests/corpus/test_text.py::test_empty_lines_keep_their_numbers",
    ),
    Mutant(
        "encoding: a chunk's offsets do not count the tokens before it",
        f"{CPP}/text/encode.cpp",
        "part.offsets[line] += token_base;",
        "part.offsets[line] += 0 * token_base;",
        "tests/corpus/test_text.py::test_every_border_of_chunks_and_every_number_of_threads_gives_the_same_bytes",
    ),
    Mutant(
        "gradients: a repeated id overwrites in place of adding",
        "src/firth/numerics/gradients.py",
        "np.add.at(total, slots.reshape(-1), rows)",
        "total[slots.reshape(-1)] = rows",
        "tests/numerics/test_gradients.py::test_repeats_are_summed",
    ),
    Mutant(
        "negative sampling: the target's label is dropped",
        "src/firth/numerics/predictions.py",
        "labels[0] = 1",
        "labels[0] = 0",
        "tests/numerics/test_predictions.py::test_negative_sampling_by_hand",
    ),
    Mutant(
        "subsampling: a dropped term",
        "src/firth/numerics/distributions.py",
        "np.sqrt(ratios) + ratios",
        "np.sqrt(ratios)",
        "tests/numerics/test_distributions.py::test_keep_by_hand",
    ),
    Mutant(
        "vocabulary: ties in the other order",
        "src/firth/corpus/vocabulary.py",
        "sorted((-int(count), word) for word, count in pairs if count >= min_count)",
        "sorted((-int(c), w[::-1]) for w, c in pairs if c >= min_count)",
        "tests/corpus/test_vocabulary.py::test_from_counts_sorts_by_count_then_word",
    ),
    Mutant(
        "schedule: the learning rate starts anew in each epoch",
        "src/firth/training/loop/schedule.py",
        "(epoch * n_tokens + position) / (epochs * n_tokens)\n\n\n@dataclass",
        "position / (epochs * n_tokens)\n\n\n@dataclass",
        "tests/training/test_schedule.py::test_learning_rate_is_linear_in_the_position",
    ),
    Mutant(
        "divergence: a loss above the bound goes on",
        "src/firth/training/loop/divergence.py",
        "if self._mean > self._loss_bound:",
        "if self._mean > 1e9 * self._loss_bound:",
        "tests/training/test_divergence.py::test_three_times_guessing_is_the_bound",
    ),
    Mutant(
        "divergence: the bound of a run with start vectors is guessing's",
        "src/firth/training/loop/divergence.py",
        "max(own, engine.guessing_loss_nats)",
        "max(0.0, engine.guessing_loss_nats)",
        "tests/training/test_divergence.py::test_the_bound_is_three_times_the_loss_at_the_start_vectors",
    ),
    Mutant(
        "guessing: without the positive example",
        "src/firth/kernels/sides/negative_sampling.py",
        "(n_kept + 1) * math.log(2)",
        "n_kept * math.log(2)",
        "tests/training/test_divergence.py::test_guessing_is_the_loss_before_training",
    ),
    Mutant(
        "checkpoints: vectors that may have diverged replace the last good ones",
        "src/firth/training/loop/loop.py",
        "if not self._guard.is_good:  # too few",
        "if self._guard is None:  # too few",
        "tests/training/test_divergence.py::test_a_checkpoint_of_diverged_vectors_never_replaces_the_last_good_one",
    ),
    Mutant(
        "losses: the sum in place of the mean",
        "src/firth/numerics/losses.py",
        'if reduction == "sum":',
        'if reduction in ("sum", "mean"):',
        "tests/numerics/test_losses.py::test_hand_values",
    ),
    Mutant(
        "evaluation: the question's own words may be the answer",
        "src/firth/vectors/evaluation.py",
        "for row in {*own_rows[place].tolist(), *other_rows[place]}",
        "for row in {*other_rows[place]}",
        "tests/vectors/test_evaluation.py::test_blocks_answer_as_most_similar_does",
    ),
    Mutant(
        "leftovers: the folder of a process at work is deleted",
        "src/firth/base/owned.py",
        "return not self.started or _start_of(self.pid) in",
        "return self.pid == 0 and _start_of(self.pid) in",
        "tests/formats/test_permissions.py::test_without_locks_a_process_is_told_by_number_and_start",
    ),
    Mutant(
        "leftovers: every file that is called like tensors is firth's",
        "src/firth/formats/model_files.py",
        "return data[_LENGTH_BYTES:].startswith(_TENSORS_BEGIN)",
        "return True",
        "tests/formats/test_permissions.py::test_overwriting_deletes_no_tensors_that_firth_did_not_write",
    ),
    Mutant(
        "disk: what a run has written is asked for again",
        "src/firth/training/run/prepared.py",
        "return max(most - saved_bytes(self.workspace.folder), 0)",
        "return most",
        "tests/training/test_work_folder.py::test_a_run_that_began_is_resumed_on_the_same_disk",
    ),
    Mutant(
        "work folder: one that firth did not make is emptied",
        "src/firth/training/run/work_files.py",
        "if not os.path.lexists(folder) or is_work_folder(folder):",
        "if not os.path.lexists(folder) or folder.is_dir():",
        "tests/training/test_work_folder.py::test_a_link_for_a_work_folder_is_not_followed",
    ),
    Mutant(
        "rounds: their memory is freed while a daemon thread trains",
        "src/firth/native/kernel.py",
        "self._finalizer.atexit = False",
        "self._finalizer.atexit = True",
        "tests/native/test_interpreter_end.py::test_the_interpreter_ends_while_a_daemon_thread_trains",
    ),
    Mutant(
        "lock: a forked child keeps it",
        "src/firth/base/locks.py",
        "after_in_child=_forget_in_child",
        "after_in_child=_changing.release",
        "tests/base/test_locks.py::test_a_forked_child_keeps_no_lock_and_its_parent_does",
    ),
    Mutant(
        "signals: a second Ctrl-C saves as the first one does",
        "src/firth/training/loop/loop.py",
        "if self._signals.came_twice or self._process",
        "if self._process",
        "tests/cli/test_interrupt.py::test_a_second_ctrl_c_ends_at_once",
    ),
    Mutant(
        "fastText's names: a line without a newline ends in </s> too",
        "src/firth/classification/reference.py",
        "for word in [*words, END_OF_SENTENCE] if has_end else words:",
        "for word in [*words, END_OF_SENTENCE]:",
        "tests/compat/fasttext/test_fasttext.py::test_f_takes_the_newline_from_its_caller",
    ),
    Mutant(
        "fastText's names: lines of word vectors do not end in </s>",
        "src/firth/compat/fasttext/training.py",
        'b" " + END_OF_SENTENCE + b"\\n"',
        'b" \\n"',
        "tests/compat/fasttext/test_training.py::test_unsupervised",
    ),
    Mutant(
        "fastText's names: a vector leaves out the word's own row",
        "src/firth/compat/fasttext/rows.py",
        "rows = np.concatenate([own_rows[place : place + 1], ngram_rows[low:high]])",
        "rows = ngram_rows[low:high]",
        "tests/compat/fasttext/test_models.py::test_neighbors",
    ),
    Mutant(
        "fastText's names: recall is of one label more",
        "src/firth/compat/fasttext/meter.py",
        "return _ratio(hits, gold)",
        "return _ratio(hits, gold + 1)",
        "tests/compat/fasttext/test_models.py::test_scores",
    ),
)


@dataclass(frozen=True)
class NativeBuild:
    """The shared object of one instruction set in a copy of the tree, and the healthy objects that it is linked of."""

    tree: Path
    instruction_set: str

    FLAGS = ("-std=gnu++17", "-O1", "-fPIC", "-ffp-contract=off", "-fno-math-errno", "-fvisibility=hidden", "-w")

    @property
    def sources(self) -> list[Path]:
        """The translation units."""
        return sorted((self.tree / CPP).rglob("*.cpp"))

    def build(self) -> None:
        """Compile everything and link.

        Raises
        ------
        subprocess.CalledProcessError
            The compiler refused; `build_mutant` too.
        """
        make_parameters = runpy.run_path(str(self.tree / CPP / "model/parameters.py"))["write_header"]
        make_parameters(self.tree / "src/firth/kernels/config.py", self.tree / "generated/parameters.hpp")
        self._compile(self.sources, "healthy", "-MMD")
        self._link(self._object(source, "healthy") for source in self.sources)

    def build_mutant(self, edited: str) -> None:
        """Compile what includes the edited file of the tree, and link it with the other, healthy objects."""
        changed = [source for source in self.sources if edited in self._includes(source)]
        self._compile(changed, "mutant")
        self._link(self._object(source, "mutant" if source in changed else "healthy") for source in self.sources)

    def _includes(self, source: Path) -> set[str]:
        """The files that a healthy object was made of, by their paths in the tree."""
        names = self._object(source, "healthy").with_suffix(".d").read_text().replace("\\\n", " ").split()[1:]
        return {os.path.normpath(name) for name in names}

    def _object(self, source: Path, health: str) -> Path:
        return self.tree / health / f"{source.parent.name}-{source.stem}.o"

    def _compile(self, sources: list[Path], health: str, *more: str) -> None:
        (self.tree / health).mkdir(exist_ok=True)
        march = [] if self.instruction_set == "neon" else [f"-march={self.instruction_set}"]
        flags = [*self.FLAGS, *march, f'-DFIRTH_INSTRUCTION_SET="{self.instruction_set}"']
        flags += [f"-I{CPP}", "-Igenerated", *more]
        running = [
            subprocess.Popen(
                [COMPILER, *flags, "-c", str(source.relative_to(self.tree)), "-o", str(self._object(source, health))],
                cwd=self.tree,  # so that the compiler names files by their paths in the tree, the same in every copy
            )
            for source in sources
        ]
        for process in running:
            if process.wait():
                raise subprocess.CalledProcessError(process.returncode, process.args)

    def _link(self, objects: Iterable[Path]) -> None:
        folder = self.tree / "src/firth/native/lib"
        folder.mkdir(exist_ok=True)
        target = folder / f"libfirth-{self.instruction_set}{'.dylib' if sys.platform == 'darwin' else '.so'}"
        subprocess.run([COMPILER, "-shared", *map(str, objects), "-pthread", "-o", str(target)], check=True)


def copy_tree(target: Path) -> None:
    """What the tests need of the project, without what was built."""
    ignored = shutil.ignore_patterns("__pycache__", "lib", "*.so", "*.dylib", ".hypothesis")
    for name in ("src", "tests"):
        shutil.copytree(ROOT / name, target / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", target)


def run_tests(tree: Path, tests: list[str], *options: str) -> subprocess.CompletedProcess[str]:
    """Run tests on the copy; hypothesis draws the same examples each time."""
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
    return subprocess.run(
        [*command, *options, *tests], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )


def apply(mutant: Mutant, tree: Path) -> None:
    """Write the fault.

    Raises
    ------
    ValueError
        What is to be replaced does not stand there exactly once.
    """
    path = tree / mutant.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.right) != 1:
        raise ValueError(f"{mutant.name}: {mutant.right!r} stands {text.count(mutant.right)} times in {mutant.file}")
    path.write_text(text.replace(mutant.right, mutant.wrong), encoding="utf-8")


def try_mutant(mutant: Mutant, healthy: NativeBuild) -> tuple[str, float]:
    """``"killed"``, or what is wrong with the test or the mutant; and the seconds that it took.

    The fault is written into a copy of the healthy tree, which is deleted afterwards.
    """
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="firth-mutant-") as folder:
        tree = Path(folder).resolve() / "tree"
        shutil.copytree(healthy.tree, tree)
        apply(mutant, tree)
        if mutant.is_native:
            NativeBuild(tree, healthy.instruction_set).build_mutant(mutant.file)
        done = run_tests(tree, [mutant.test])
    return outcome_of(done), time.perf_counter() - start


def outcome_of(done: subprocess.CompletedProcess[str]) -> str:
    """What a run of a mutant's test says of the mutant."""
    if done.returncode == TESTS_FAILED:
        return "killed"
    if done.returncode == 0:
        return "SURVIVED"
    return f"NOT TESTED: {re.sub(r'[^!-~]+', ' ', done.stdout + done.stderr)[-200:]}"


def main() -> int:
    """Try every mutant; the exit status is 1 if one survives."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="WORD", help="those whose name or file holds this")
    parser.add_argument("--list", action="store_true", help="show them and run nothing")
    parser.add_argument("--workers", metavar="N", type=int, default=2, help="mutants tried at the same time; default 2")
    arguments = parser.parse_args()
    chosen = [m for m in MUTANTS if not arguments.only or arguments.only in m.name or arguments.only in m.file]
    width = max(len(mutant.name) for mutant in MUTANTS)
    if arguments.list:
        for mutant in chosen:
            print(f"{mutant.name:<{width}}  {mutant.file}  ->  {mutant.test}")
        return 0

    n_killed = 0
    with tempfile.TemporaryDirectory(prefix="firth-mutants-") as folder:
        tree = Path(folder).resolve()
        copy_tree(tree)
        healthy = NativeBuild(tree, available_instruction_sets()[-1])
        healthy.build()
        tests = sorted({mutant.test for mutant in chosen})
        print(
            f"{len(chosen)} mutants on {healthy.instruction_set}; their {len(tests)} tests without a fault:", flush=True
        )
        done = run_tests(tree, tests, "-n", str(arguments.workers))
        print(f"  {done.stdout.strip().splitlines()[-1]}", flush=True)
        if done.returncode != 0:
            print(done.stdout[-4000:])
            return 1
        with ThreadPoolExecutor(arguments.workers) as pool:
            running = {pool.submit(try_mutant, mutant, healthy): mutant for mutant in chosen}
            try:
                for future in as_completed(running):
                    outcome, seconds = future.result()
                    n_killed += outcome == "killed"
                    print(f"  {running[future].name:<{width}}  {seconds:5.1f} s  {outcome}", flush=True)
            finally:
                pool.shutdown(cancel_futures=True)  # after Ctrl-C, or where a mutant cannot be built
    print(f"{n_killed} of {len(chosen)} killed")
    return 0 if n_killed == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
