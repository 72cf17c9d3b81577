// Room native: the exported functions of classifiers of fastText's kind.
#include "classify/predict.hpp"

// Size in bytes of the struct that native/classify.py declares again.
FIRTH_API int64_t firth_classify_stored_bytes() { return sizeof(firth::StoredClassifier); }

FIRTH_API int64_t firth_classify_open(const firth::StoredClassifier* stored, void** handle) {
  return firth::guard([&]() -> int64_t {
    *handle = new firth::Classifier(*stored);
    return firth::OK;
  });
}

FIRTH_API void firth_classify_close(void* handle) { delete static_cast<firth::Classifier*>(handle); }

// The k best labels of each of n_texts texts, which `texts` holds with a newline between each two of them: ids and
// probabilities (n_texts, k), see Predictor::predict. Returns how many texts there are by the newlines; where that is
// another number, a text has a newline itself, and nothing was predicted.
FIRTH_API int64_t firth_classify_predict(const void* handle, const char* texts, int64_t n_bytes, int64_t n_texts,
                                         int64_t k, float threshold, int32_t* ids, float* probabilities) {
  return firth::guard([&]() -> int64_t {
    const char* end = texts + n_bytes;
    const int64_t n_found = 1 + std::count(texts, end, '\n');
    if (n_found != n_texts) return n_found;
    firth::Predictor predictor(*static_cast<const firth::Classifier*>(handle));
    predictor.predict_lines(texts, end, n_texts, k, threshold, ids, probabilities);
    return n_found;
  });
}

// Finds the input rows of n_texts texts, which `texts` holds separated by newlines. Text i gets
// rows[offsets[i] .. offsets[i + 1]). Returns the number of rows; at most `capacity` rows are written.
FIRTH_API int64_t firth_classify_all_rows(const void* handle, const char* texts, int64_t n_bytes, int64_t n_texts,
                                          int32_t* rows, int64_t capacity, int64_t* offsets) {
  return firth::guard([&]() -> int64_t {
    firth::Bag bag(*static_cast<const firth::Classifier*>(handle));
    const char *at = texts, *const end = texts + n_bytes;
    int64_t n_rows = 0;
    for (int64_t text = 0; text < n_texts; ++text) {
      firth::check_stop();
      if (at > end) throw firth::Failure(firth::ERROR_ARGUMENT, "there are fewer texts than were announced");
      const void* found = at < end ? std::memchr(at, '\n', size_t(end - at)) : nullptr;
      const char* stop = found ? static_cast<const char*>(found) : end;
      bag.collect(at, stop - at, end);
      if (n_rows < capacity) std::copy_n(bag.rows(), std::min(capacity - n_rows, bag.size()), rows + n_rows);
      offsets[text] = n_rows;
      n_rows += bag.size();
      at = stop + 1;
    }
    offsets[n_texts] = n_rows;
    return n_rows;
  });
}

// Finds the input rows of one text. Returns the number of rows; at most `capacity` rows are written.
FIRTH_API int64_t firth_classify_rows(const void* handle, const char* text, int64_t n_bytes, int32_t* rows,
                                      int64_t capacity) {
  return firth::guard([&]() -> int64_t {
    firth::Bag bag(*static_cast<const firth::Classifier*>(handle));
    bag.collect(text, n_bytes, text + n_bytes);
    std::copy_n(bag.rows(), std::min(capacity, bag.size()), rows);
    return bag.size();
  });
}
