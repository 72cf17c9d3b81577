"""gensim's own tests of its classes, run on those of firth: docs/gensim.md lists the tests that fail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import gensim_tests

pytestmark = pytest.mark.slow

TWO_OBJECTIVES = "hs=1 together with negative=5 is refused: gensim trains both and warns that it is probably a mistake"

PRIVATE = "calls a private function of gensim's"

CONCATENATION = "dm_concat=1 is refused by name"

EXPECTED_FAILURES: dict[str, dict[str, str]] = {
    "test_keyedvectors": {},
    "test_corpora_dictionary": {},
    "test_doc2vec": {
        "TestDoc2VecModel.test_build_vocab_warning": "strings in place of lists are an error, not a line of the log",
        "TestDoc2VecModel.test_deterministic_dmc": CONCATENATION,
        "TestDoc2VecModel.test_dmc_hs": CONCATENATION,
        "TestDoc2VecModel.test_dmc_hs_fromfile": CONCATENATION,
        "TestDoc2VecModel.test_dmc_neg": CONCATENATION,
        "TestDoc2VecModel.test_dmc_neg_fromfile": CONCATENATION,
    },
    "test_phrases": {
        f"{kind}.test_save_load_custom_scorer": "a file of firth holds no code: a scoring function is refused"
        for kind in ("TestPhrasesPersistence", "TestFrozenPhrasesPersistence")
    },
    "test_word2vec": {
        "TestWord2VecModel.test_build_vocab_warning": "strings in place of lists are an error, not a line of the log",
        "TestWord2VecModel.test_compute_training_loss": TWO_OBJECTIVES,
        "TestWord2VecModel.test_locking": TWO_OBJECTIVES,
        "TestWord2VecModel.test_prune_vocab": "max_vocab_size is an exact limit, not a moment to prune at",
        "TestWord2VecModel.test_train_hs_and_neg": TWO_OBJECTIVES,
    },
    "test_fasttext": {
        "TestFastTextModel.test_estimate_memory": TWO_OBJECTIVES,
        "SaveFacebookFormatModelTest.test_cbow": TWO_OBJECTIVES,
        "SaveFacebookFormatModelTest.test_skipgram": TWO_OBJECTIVES,
        "NativeTrainingContinuationTest.test_load_native_pretrained": "the file has a word of no character",
        "TestFromfile.test_compressed": PRIVATE,
        "TestFromfile.test_decompressed": PRIVATE,
        "UnicodeVocabTest.test_ascii": PRIVATE,
        "UnicodeVocabTest.test_bad_unicode": PRIVATE,
        "UnpackTest.test_identity": PRIVATE,
        "UnpackTest.test_sanity": PRIVATE,
        "UnpackTest.test_tricky": PRIVATE,
    },
}

# They test gensim itself, or need the program fasttext; they do not count.
NOT_ABOUT_FIRTH = {
    "TestWord2VecScripts.test_word2vec_stand_alone_script",
    "TestWord2VecSentenceIterators.test_cython_line_sentence_works_with_filename",
    "TestWord2VecModel.test_method_in_bulk",
    # gensim's private way to divide a file between its threads, and a test that runs on Windows alone
    "TestDoc2VecModel.test_cython_linesentence_readline_after_getting_offsets",
    "TestDoc2VecModel.test_get_offsets_and_start_doctags",
    "TestDoc2VecModel.test_get_offsets_and_start_doctags_win",
    *(
        f"{case}.{name}"
        for case in ("SaveFacebookByteIdentityTest", "SaveFacebookFormatReadingTest")
        for name in ("test_cbow", "test_skipgram")
    ),
}

LEAST_SHARES = {
    "test_keyedvectors": 0.95,
    "test_word2vec": 0.93,
    "test_fasttext": 0.85,
    "test_doc2vec": 0.85,
    "test_phrases": 0.95,
    "test_corpora_dictionary": 1.0,
}


@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", EXPECTED_FAILURES)
def test_gensims_own_tests(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gensim", reason="gensim is not installed")
    pytest.importorskip("testfixtures", reason="gensim's tests need testfixtures")
    monkeypatch.chdir(tmp_path)  # some write into the present folder
    outcomes = {}
    for test in gensim_tests.find_tests(gensim_tests.load_test_module(name)):
        title = ".".join(test.id().split(".")[-2:])
        if title not in NOT_ABOUT_FIRTH:
            outcomes[title] = gensim_tests.run_test(test)
    passed = {title for title, (outcome, _) in outcomes.items() if outcome == "passed"}
    expected = EXPECTED_FAILURES[name]
    problems = [
        f"{title}: {outcome}: {message}"
        for title, (outcome, message) in outcomes.items()
        if title not in passed and title not in expected
    ]
    problems += [f"{title}: passes now; take it from the table" for title in expected if title in passed]
    problems += [f"{title}: gensim has no such test any more" for title in expected if title not in outcomes]
    assert not problems, "\n".join(problems)
    assert len(outcomes) > 20
    assert len(passed) >= LEAST_SHARES[name] * len(outcomes)
    print(f"gensim.test.{name}: {len(passed)} of {len(outcomes)} pass")
