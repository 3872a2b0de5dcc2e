/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Go's registers in pt_regs: src/cmd/compile/abi-internal.md of Go. */
#ifndef TRACELET_BPF_GO_REGISTERS_H
#define TRACELET_BPF_GO_REGISTERS_H

#include "kernel_types.h"

#if defined(__TARGET_ARCH_x86)
#define GO_ARGUMENT_1(registers) ((registers)->ax)
#define GO_ARGUMENT_2(registers) ((registers)->bx)
#define GO_ARGUMENT_3(registers) ((registers)->cx)
#define GO_ARGUMENT_4(registers) ((registers)->di)
#define GO_G(registers) ((registers)->r14)
#define GO_IP(registers) ((registers)->ip)
#define GO_BP(registers) ((registers)->bp)
#define GO_SP(registers) ((registers)->sp)
#else
#define GO_ARGUMENT_1(registers) ((registers)->regs[0])
#define GO_ARGUMENT_2(registers) ((registers)->regs[1])
#define GO_ARGUMENT_3(registers) ((registers)->regs[2])
#define GO_ARGUMENT_4(registers) ((registers)->regs[3])
#define GO_G(registers) ((registers)->regs[28])
#define GO_IP(registers) ((registers)->pc)
#define GO_BP(registers) ((registers)->regs[29])
#define GO_SP(registers) ((registers)->sp)
#endif

#endif /* TRACELET_BPF_GO_REGISTERS_H */
