/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The few kernel types that the programs touch, as CO-RE flavours. */
#ifndef TRACELET_BPF_KERNEL_TYPES_H
#define TRACELET_BPF_KERNEL_TYPES_H

#include <linux/types.h>

#endif
