// Room native: the version of the interface and the last error of a thread.
#include "abi.hpp"

namespace firth {

std::string& last_error() {
  thread_local std::string message;
  return message;
}

}  // namespace firth

FIRTH_API int64_t firth_abi_version() { return firth::ABI_VERSION; }

FIRTH_API const char* firth_instruction_set() { return FIRTH_INSTRUCTION_SET; }

FIRTH_API const char* firth_last_error() { return firth::last_error().c_str(); }
