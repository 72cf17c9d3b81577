// Room native: the version of the interface, and for each thread its last error and its stop flag.
#include "base/abi.hpp"

namespace firth {
namespace {

std::string& stored_error() {
  thread_local std::string message;
  return message;
}

thread_local bool is_out_of_memory = false;  // whether the message could not be stored
thread_local const int32_t* stop_flag = nullptr;

}  // namespace

const char* last_error() noexcept { return is_out_of_memory ? "out of memory" : stored_error().c_str(); }

void store_error(const char* message) noexcept {
  try {
    stored_error() = message;
    is_out_of_memory = false;
  } catch (...) {
    is_out_of_memory = true;
  }
}

void check_stop() {
  if (stop_flag && __atomic_load_n(stop_flag, __ATOMIC_RELAXED)) throw Failure(ERROR_STOPPED, "stopped");
}

}  // namespace firth

FIRTH_API int64_t firth_abi_version() { return firth::ABI_VERSION; }

FIRTH_API const char* firth_instruction_set() { return FIRTH_INSTRUCTION_SET; }

// The compiler and its version. Golden runs are compared bit by bit only for one compiler, as others may round
// differently.
FIRTH_API const char* firth_compiler() {
#if defined(__clang__)
  return __VERSION__;  // begins with the compiler's name
#else
  return "GCC " __VERSION__;
#endif
}

FIRTH_API const char* firth_last_error() { return firth::last_error(); }

// Sets the stop flag of the calling thread: its native calls end with ERROR_STOPPED if the flag is not 0; null: no
// flag. Training has a separate flag in its settings.
FIRTH_API void firth_watch_stop_flag(const int32_t* flag) { firth::stop_flag = flag; }
