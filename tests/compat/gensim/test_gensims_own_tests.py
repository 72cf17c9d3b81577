"""gensim's own tests of its classes, run on those of firth: docs/gensim.md lists the tests that fail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import gensim_tests

pytestmark = pytest.mark.slow

TWO_OBJECTIVES = "hs=1 together with negative=5 is refused: gensim trains both and warns that it is probably a mistake"

EXPECTED_FAILURES = {
    "test_keyedvectors": {
        "LoadWord2VecFormatTest.test_load_word2vec_format_basic": "calls the private _load_word2vec_format",
        "LoadWord2VecFormatTest.test_load_word2vec_format_limit": "calls the private _load_word2vec_format",
        "LoadWord2VecFormatTest.test_load_word2vec_format_space_stripping": "calls the private _load_word2vec_format",
    },
    "test_phrases": {
        f"{kind}.test_save_load_custom_scorer": "a file of firth holds no code: a scoring function is refused"
        for kind in ("TestPhrasesPersistence", "TestFrozenPhrasesPersistence")
    },
    "test_word2vec": {
        "TestWord2VecModel.test_build_vocab_warning": "strings in place of lists are an error, not a line of the log",
        "TestWord2VecModel.test_compute_training_loss": TWO_OBJECTIVES,
        "TestWord2VecModel.test_locking": TWO_OBJECTIVES,
        "TestWord2VecModel.test_persistence_backwards_compatible": f"the saved model has both: {TWO_OBJECTIVES}",
        "TestWord2VecModel.test_prune_vocab": "max_vocab_size is an exact limit, not a moment to prune at",
        "TestWord2VecModel.test_train_hs_and_neg": TWO_OBJECTIVES,
    },
}

# They test gensim itself, whatever stands in firth's place; they do not count.
NOT_ABOUT_FIRTH = {
    "TestWord2VecScripts.test_word2vec_stand_alone_script",
    "TestWord2VecSentenceIterators.test_cython_line_sentence_works_with_filename",
    "TestWord2VecModel.test_method_in_bulk",
}

LEAST_SHARE = 0.85


@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", EXPECTED_FAILURES)
def test_gensims_own_tests(name: str) -> None:
    pytest.importorskip("gensim", reason="gensim is not installed")
    pytest.importorskip("testfixtures", reason="gensim's tests need testfixtures")
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
    assert len(outcomes) > 30
    assert len(passed) >= LEAST_SHARE * len(outcomes)
    print(f"gensim.test.{name}: {len(passed)} of {len(outcomes)} pass")
