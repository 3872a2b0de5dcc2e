/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What functions of C are called with, and return, in pt_regs: System V ABI for x86-64 §3.2.3, AAPCS64 §6.8. */
#ifndef TRACELET_BPF_C_REGISTERS_H
#define TRACELET_BPF_C_REGISTERS_H

#include "kernel_types.h"

#if defined(__TARGET_ARCH_x86)
#define C_ARGUMENT_1(registers) ((registers)->di)
#define C_ARGUMENT_2(registers) ((registers)->si)
#define C_ARGUMENT_3(registers) ((registers)->dx)
#define C_ARGUMENT_4(registers) ((registers)->cx)
#define C_RESULT(registers) ((registers)->ax)
#else
#define C_ARGUMENT_1(registers) ((registers)->regs[0])
#define C_ARGUMENT_2(registers) ((registers)->regs[1])
#define C_ARGUMENT_3(registers) ((registers)->regs[2])
#define C_ARGUMENT_4(registers) ((registers)->regs[3])
#define C_RESULT(registers) ((registers)->regs[0])
#endif

#endif /* TRACELET_BPF_C_REGISTERS_H */
