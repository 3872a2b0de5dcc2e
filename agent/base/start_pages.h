// The pages that the dynamic linker has read: symbol tables, relocations and constants of each library, of which hardly
// any is looked at again. They are the page cache's, and stay in it; this process gives its share back, as the heap
// does with what loading the programs took. What is needed after all is mapped in again.
#pragma once

#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace tracelet {

// Some old libraries have relocations everywhere.
inline bool HasTextRelocations(const dl_phdr_info& object) {
  for (int i = 0; i < object.dlpi_phnum; ++i) {
    if (object.dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): where the loader put it
    const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(object.dlpi_addr + object.dlpi_phdr[i].p_vaddr);
    for (; entry->d_tag != DT_NULL; ++entry) {
      if (entry->d_tag == DT_TEXTREL || (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0))
        return true;
    }
  }
  return false;
}

// Once, when all that starting needs is done. Any thread.
inline void GiveBackStartPages() {
  const auto give_back = [](dl_phdr_info* object, size_t /*size*/, void* /*data*/) {
    const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    if (HasTextRelocations(*object)) return 0;
    for (int i = 0; i < object->dlpi_phnum; ++i) {
      const ElfW(Phdr)& segment = object->dlpi_phdr[i];
      // Never written, not even by relocations (those are in writable segments): the file has all of it.
      if (segment.p_type != PT_LOAD || segment.p_flags != PF_R) continue;
      const uintptr_t begin = (object->dlpi_addr + segment.p_vaddr) & ~(page - 1);
      const uintptr_t end = object->dlpi_addr + segment.p_vaddr + segment.p_filesz;
      // No harm if it fails. NOLINTNEXTLINE(performance-no-int-to-ptr)
      madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
    }
    return 0;
  };
  dl_iterate_phdr(give_back, nullptr);
}

}  // namespace tracelet
