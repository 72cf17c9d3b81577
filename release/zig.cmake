# CMake toolchain: compiles for another platform with the clang and the C libraries of PyPI's `ziglang`.
# release/wheels.py gives FIRTH_ZIG (the program) and FIRTH_ZIG_TARGET (zig's name of the platform).
foreach(VARIABLE FIRTH_ZIG FIRTH_ZIG_TARGET)
  if(NOT ${VARIABLE})
    message(FATAL_ERROR "release/zig.cmake needs -D${VARIABLE}=...; release/wheels.py gives it")
  endif()
endforeach()
# CMake's own checks read this file too, in projects of their own.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES FIRTH_ZIG FIRTH_ZIG_TARGET)

string(REGEX MATCH "^[^-]+" CMAKE_SYSTEM_PROCESSOR "${FIRTH_ZIG_TARGET}")
if(FIRTH_ZIG_TARGET MATCHES "-linux-")
  set(CMAKE_SYSTEM_NAME Linux)
elseif(FIRTH_ZIG_TARGET MATCHES "-macos")
  set(CMAKE_SYSTEM_NAME Darwin)
elseif(FIRTH_ZIG_TARGET MATCHES "-windows-")
  set(CMAKE_SYSTEM_NAME Windows)
else()
  message(FATAL_ERROR "FIRTH_ZIG_TARGET must be a target of Linux, macOS or Windows, got ${FIRTH_ZIG_TARGET}")
endif()

set(CMAKE_CXX_COMPILER "${FIRTH_ZIG}" c++ -target "${FIRTH_ZIG_TARGET}")

# Without symbols of debugging: zig's C++ library, which becomes a part of the core, has ten megabytes of them.
set(CMAKE_SHARED_LINKER_FLAGS_INIT -s)
