// Memory of objects that are made and given up in waves, as the requests of a second are that are held. malloc has
// seven blocks of a size at hand and takes two hundred instructions for each of the others; here the block that was
// given back last is the next one. For each thread and size a list of at most kKept blocks, which go with the thread.
// Sanitizers get each block from malloc, so that they see what is used after it was given up.
#pragma once

#include <cstddef>
#include <functional>
#include <new>
#include <unordered_map>
#include <utility>

namespace tracelet {

#ifdef TRACELET_SANITIZED
constexpr bool kRecycles = false;
#else
constexpr bool kRecycles = true;
#endif

template <size_t kBytes>
class Recycled {
 public:
  static constexpr size_t kKept = 512;  // a drain's: 20 ms of 10,000 requests/s, two spans each

  static void* Take() {
    List& list = Mine();
    if (list.first == nullptr) return ::operator new(kSize);
    --list.size;
    return std::exchange(list.first, list.first->next);
  }

  static void GiveBack(void* memory) {
    List& list = Mine();
    if (!kRecycles || list.size == kKept) return ::operator delete(memory);
    list.first = new (memory) Block{list.first};
    ++list.size;
  }

 private:
  struct Block {
    Block* next;
  };
  struct List {
    Block* first = nullptr;
    size_t size = 0;

    List() = default;
    List(const List&) = delete;
    List& operator=(const List&) = delete;
    ~List() {
      while (first != nullptr) ::operator delete(std::exchange(first, first->next));
      size = kKept;  // what comes later is not kept
    }
  };
  static constexpr size_t kSize = kBytes < sizeof(Block) ? sizeof(Block) : kBytes;

  static List& Mine() {
    static thread_local List list;
    return list;
  }
};

// For std::allocate_shared() and the nodes of containers.
template <typename T>
struct RecycledAllocator {
  using value_type = T;

  RecycledAllocator() = default;
  template <typename Other>
  RecycledAllocator(const RecycledAllocator<Other>&) {}  // NOLINT(google-explicit-constructor): allocators convert

  // NOLINTBEGIN(bugprone-sizeof-expression): T may well be a pointer
  T* allocate(size_t count) {
    static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
    return static_cast<T*>(count == 1 ? Recycled<sizeof(T)>::Take() : ::operator new(count * sizeof(T)));
  }
  void deallocate(T* memory, size_t count) {
    count == 1 ? Recycled<sizeof(T)>::GiveBack(memory) : ::operator delete(memory);
  }
  // NOLINTEND(bugprone-sizeof-expression)
  bool operator==(const RecycledAllocator&) const { return true; }
};

template <typename Key, typename Value, typename Hash = std::hash<Key>>
using RecycledMap =
    std::unordered_map<Key, Value, Hash, std::equal_to<Key>, RecycledAllocator<std::pair<const Key, Value>>>;

}  // namespace tracelet
