// What is known of CPython: which functions make contexts and must be probed, and where
// the thread's context is found in memory (bpf/python.h says what for). What is not in the
// table of versions, or is built otherwise, is refused.
//
// Of each file only exported symbols are used, so a stripped one will do: _PyRuntime,
// PyContext_CopyCurrent, PyContext_Enter, and PyContext_Type, whose members name the two functions that make
// contexts in another way and are not exported. That its tp_basicsize is a PyContext's
// tells builds with other headers of objects (Py_TRACE_REFS, without a GIL).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace tracelet::runtime {

// By the name of the executable alone; the symbols decide.
bool MayRunPython(std::string_view exe);

// Offsets in one minor version, x86-64, of a build with the GIL.
struct PythonLayout {
  uint32_t minor = 0;         // 3.`minor`
  uint32_t thread_key = 0;    // _PyRuntimeState: autoTSSkey
  uint32_t interpreters = 0;  // _PyRuntimeState: interpreters.head
  uint16_t interpreter = 0;   // PyThreadState: interp
  uint16_t thread_id = 0;
  uint16_t context = 0;
};
// PyContext, the same in all of them (Include/internal/pycore_context.h).
inline constexpr uint16_t kPythonEntered = 40;  // ctx_entered
inline constexpr uint32_t kPythonContextSize = 48;
// Since then threads begin in a context of their own (Lib/threading.py, gh-128555).
inline constexpr uint32_t kPythonThreadContexts = 14;

// Null: not known.
const PythonLayout* FindPythonLayout(uint32_t minor);

struct PythonFile {
  std::string path;  // that has the functions, as this process can open it
  const PythonLayout* layout = nullptr;
  uint64_t copy_current = 0;         // offset in it: the new context is the current one's child
  std::vector<uint64_t> copy_other;  // it is a copy of whichever, or empty
  uint64_t enter = 0;                // PyContext_Enter
  uint64_t run = 0;                  // Context.run()
};

struct PythonProcess {
  PythonFile file;
  uint64_t runtime = 0;  // address of _PyRuntime in the process
};

// Of the process `proc` (a directory like /proc/17). An error says what is missing.
Result<PythonProcess> FindPython(const std::string& proc);

}  // namespace tracelet::runtime
