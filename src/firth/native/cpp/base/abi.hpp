// Room native: common code of all exported functions: visibility, error codes, and the guard that catches C++
// exceptions. A function returns 0 (or a non-negative count) on success, and one of the negative codes below on
// failure. firth_last_error returns the message of the calling thread's last failure.
#pragma once

#include <cstdint>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#if defined(_WIN32)
#define FIRTH_API extern "C" __declspec(dllexport)
#else
#define FIRTH_API extern "C" __attribute__((visibility("default")))
#endif

namespace firth {

constexpr int ABI_VERSION = 3;

enum Status : int64_t {
  OK = 0,
  ERROR_INTERNAL = -1,
  ERROR_MEMORY = -2,
  ERROR_ARGUMENT = -3,
  ERROR_IO = -4,        // the message has the text of errno
  ERROR_ENCODING = -5,  // bytes that are not UTF-8
  ERROR_FORMAT = -6,    // a file that violates its format
  ERROR_STOPPED = -7,   // the caller's stop flag is set
  ERROR_NOT_FINITE = -8,
};

// Thrown inside the core; the guard converts it to an error code and a message.
struct Failure : std::runtime_error {
  Failure(Status status, const std::string& message) : std::runtime_error(message), status(status) {}
  Status status;
};

// Return and store the message of the calling thread's last failure. Storing never fails: if there is no memory for the
// message, it is replaced by "out of memory".
const char* last_error() noexcept;
void store_error(const char* message) noexcept;

// Throws if the stop flag of the calling thread is set (firth_watch_stop_flag). Long loops call it at least every few
// milliseconds.
void check_stop();

template <class Body>
int64_t guard(Body&& body) noexcept {
  try {
    return body();
  } catch (const Failure& failure) {
    store_error(failure.what());
    return failure.status;
  } catch (const std::bad_alloc&) {
    store_error("out of memory");
    return ERROR_MEMORY;
  } catch (const std::exception& error) {
    store_error(error.what());
    return ERROR_INTERNAL;
  } catch (...) {
    store_error("unknown C++ exception");
    return ERROR_INTERNAL;
  }
}

}  // namespace firth
