#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "agent/source/bpf_kernel_types.h"
#include "bpf/state.h"
#include "tracelet.skel.h"

namespace tracelet::source {
namespace {

struct Destroy {
  void operator()(tracelet_bpf* skeleton) const { tracelet_bpf__destroy(skeleton); }
};
using Skeleton = std::unique_ptr<tracelet_bpf, Destroy>;

Skeleton Loaded(BpfKernelTypes* types) {
  LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = types == nullptr ? nullptr : types->path().c_str());
  Skeleton skeleton(tracelet_bpf__open_opts(&options));
  // Maps of other sizes than the defaults are of no matter here, but rings have a shape that the verifier wants to see.
  const UniqueFd ring(bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, 1U << 16U, nullptr));
  bpf_map__set_inner_map_fd(skeleton->maps.rings, ring.get());
  bpf_map__set_max_entries(skeleton->maps.rings, 1);
  if (types != nullptr) {
    EXPECT_TRUE(types->Fill(bpf_object__btf(skeleton->obj)));
  }
  EXPECT_EQ(tracelet_bpf__load(skeleton.get()), 0);
  return skeleton;
}

// With what relocation put into them; without addresses of maps, which are those of each load.
std::vector<std::vector<bpf_insn>> Instructions(const Skeleton& skeleton) {
  std::vector<std::vector<bpf_insn>> all;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton->obj) {
    const bpf_insn* first = bpf_program__insns(program);
    auto& instructions = all.emplace_back(first, first + bpf_program__insn_cnt(program));
    for (size_t i = 0; i + 1 < instructions.size(); ++i) {
      if (instructions[i].code == (BPF_LD | BPF_IMM | BPF_DW)) instructions[i].imm = instructions[i + 1].imm = 0;
    }
  }
  return all;
}

TEST(KernelTypes, ProgramsAreRelocatedAsByAllOfTheKernelsTypes) {
  BpfKernelTypes types;
  const auto expected = Instructions(Loaded(nullptr));
  const auto actual = Instructions(Loaded(&types));
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(actual[i].size(), expected[i].size());
    ASSERT_EQ(memcmp(actual[i].data(), expected[i].data(), expected[i].size() * sizeof(bpf_insn)), 0)
        << "program " << i;
  }
}

}  // namespace
}  // namespace tracelet::source
