// Room native: the exported function that makes an alias table, by Vose's method. Twin: build_alias_table in
// numerics/distributions.py, which has the same numbers to the bit.
#include <cstdint>
#include <vector>

#include "base/abi.hpp"

namespace {

constexpr int64_t LOOK_EVERY = 1 << 16;  // columns between two checks of the stop flag

}  // namespace

// shares: by column, its probability times the number of columns; changed. thresholds, aliases: the table. `likeliest`
// is the alias of a column of probability zero that rounding leaves without another alias.
FIRTH_API int64_t firth_alias_table(const double* weights, double* shares, int64_t n, int64_t likeliest,
                                    double* thresholds, int32_t* aliases) {
  return firth::guard([&]() -> int64_t {
    std::vector<int32_t> small, large;
    for (int64_t column = 0; column < n; ++column) {
      if (column % LOOK_EVERY == 0) firth::check_stop();
      (shares[column] < 1 ? small : large).push_back(int32_t(column));
      thresholds[column] = 1;
      aliases[column] = int32_t(column);
    }
    for (int64_t done = 0; !small.empty() && !large.empty(); ++done) {
      if (done % LOOK_EVERY == 0) firth::check_stop();
      const int32_t needy = small.back(), rich = large.back();
      small.pop_back();
      thresholds[needy] = shares[needy];
      aliases[needy] = rich;
      shares[rich] = (shares[rich] + shares[needy]) - 1;
      if (shares[rich] < 1) {
        large.pop_back();
        small.push_back(rich);
      }
    }
    for (const int32_t column : small)  // the others have a share of one, up to rounding
      if (weights[column] == 0) {
        thresholds[column] = 0;
        aliases[column] = int32_t(likeliest);
      }
    return firth::OK;
  });
}
