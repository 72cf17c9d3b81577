// Room native: product quantization: k-means over one part of the columns, and the nearest centroid of each row.
//
// Jegou, Douze, Schmid 2011, "Product quantization for nearest neighbor search"; Joulin et al. 2016, arXiv:1612.03651,
// section 3, for classifiers.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/abi.hpp"

namespace firth {
namespace {

constexpr int64_t N_CENTROIDS = 256;
constexpr int64_t LANES = 16;  // centroids compared with a point at once

// Finds nearest centroids. Centroids are stored column by column, so that LANES of them are compared at once.
class Nearest {
 public:
  Nearest(const float* centroids, int64_t n_dims) : n_dims_(n_dims), columns_(size_t(n_dims * N_CENTROIDS)) {
    for (int64_t k = 0; k < N_CENTROIDS; ++k)
      for (int64_t dim = 0; dim < n_dims; ++dim) columns_[size_t(dim * N_CENTROIDS + k)] = centroids[k * n_dims + dim];
  }

  // The centroid at the smallest Euclidean distance; if several are equally near, the first.
  int64_t of(const float* point) const {
    float best[LANES];
    int32_t where[LANES] = {};
    std::fill_n(best, LANES, std::numeric_limits<float>::infinity());
    for (int64_t first = 0; first < N_CENTROIDS; first += LANES) {
      float distance[LANES] = {};
      for (int64_t dim = 0; dim < n_dims_; ++dim) {
        const float* column = columns_.data() + dim * N_CENTROIDS + first;
        for (int64_t lane = 0; lane < LANES; ++lane) {
          const float difference = point[dim] - column[lane];
          distance[lane] += difference * difference;
        }
      }
      for (int64_t lane = 0; lane < LANES; ++lane) {
        const bool nearer = distance[lane] < best[lane];
        best[lane] = nearer ? distance[lane] : best[lane];
        where[lane] = nearer ? int32_t(first + lane) : where[lane];
      }
    }
    int64_t lane = 0;
    for (int64_t other = 1; other < LANES; ++other)
      if (best[other] < best[lane] || (best[other] == best[lane] && where[other] < where[lane])) lane = other;
    return where[lane];
  }

 private:
  int64_t n_dims_;
  std::vector<float> columns_;
};

// Gives a centroid without points half of the points of the largest cluster. The two centroids move a small step to
// opposite sides of the largest cluster's mean.
void split_largest(float* centroids, std::vector<int64_t>& counts, int64_t empty, int64_t n_dims) {
  const int64_t largest = std::max_element(counts.begin(), counts.end()) - counts.begin();
  if (counts[size_t(largest)] < 2) return;
  for (int64_t dim = 0; dim < n_dims; ++dim) {
    const float value = centroids[largest * n_dims + dim];
    const float step = std::max(std::abs(value), 1e-6f) * 1e-3f * (dim % 2 ? 1.0f : -1.0f);
    centroids[empty * n_dims + dim] = value + step;
    centroids[largest * n_dims + dim] = value - step;
  }
  counts[size_t(empty)] = counts[size_t(largest)] / 2;
  counts[size_t(largest)] -= counts[size_t(empty)];
}

}  // namespace
}  // namespace firth

// Runs n_rounds rounds of k-means: each moves every one of the centroids (256, n_dims) to the mean of its nearest
// points (n_points, n_dims).
FIRTH_API int64_t firth_quantize_train(const float* points, int64_t n_points, int64_t n_dims, int64_t n_rounds,
                                       float* centroids) {
  return firth::guard([&]() -> int64_t {
    const size_t n_values = size_t(firth::N_CENTROIDS * n_dims);
    std::vector<double> sums(n_values);
    std::vector<int64_t> counts(firth::N_CENTROIDS);
    for (int64_t round = 0; round < n_rounds; ++round) {
      const firth::Nearest nearest(centroids, n_dims);
      std::fill(sums.begin(), sums.end(), 0.0);
      std::fill(counts.begin(), counts.end(), 0);
      for (int64_t point = 0; point < n_points; ++point) {
        if (point % 4096 == 0) firth::check_stop();
        const float* values = points + point * n_dims;
        const int64_t k = nearest.of(values);
        ++counts[size_t(k)];
        for (int64_t dim = 0; dim < n_dims; ++dim) sums[size_t(k * n_dims + dim)] += values[dim];
      }
      for (size_t k = 0; k < counts.size(); ++k)
        for (size_t dim = 0; counts[k] > 0 && dim < size_t(n_dims); ++dim)
          centroids[k * size_t(n_dims) + dim] = float(sums[k * size_t(n_dims) + dim] / double(counts[k]));
      for (size_t k = 0; k < counts.size(); ++k)
        if (counts[k] == 0) firth::split_largest(centroids, counts, int64_t(k), n_dims);
    }
    return firth::OK;
  });
}

// Finds the nearest centroid of columns [first, first + n_dims) of each row and writes its number to
// codes[row * n_codes]. `rows` (n_rows, stride) are float32 and need not be aligned. If `norms` is given, each row is
// divided by its norm first, unless that is 0.
FIRTH_API int64_t firth_quantize_assign(const char* rows, int64_t n_rows, int64_t stride, int64_t first, int64_t n_dims,
                                        const float* norms, const float* centroids, uint8_t* codes, int64_t n_codes) {
  return firth::guard([&]() -> int64_t {
    const firth::Nearest nearest(centroids, n_dims);
    std::vector<float> point(static_cast<size_t>(n_dims));
    for (int64_t row = 0; row < n_rows; ++row) {
      if (row % 4096 == 0) firth::check_stop();
      std::memcpy(point.data(), rows + (row * stride + first) * int64_t(sizeof(float)), point.size() * sizeof(float));
      if (norms && norms[row] != 0.0f)
        for (float& value : point) value /= norms[row];
      codes[row * n_codes] = uint8_t(nearest.of(point.data()));
    }
    return firth::OK;
  });
}
