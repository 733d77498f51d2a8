/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/* The socket behind a file. The helper bpf_sock_from_file() wants a typed pointer, and 5.11. */
#ifndef BCC_TOP_SOCK_FILE_H
#define BCC_TOP_SOCK_FILE_H

#include "sock.h"

#define S_IFMT 0170000
#define S_IFSOCK 0140000

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct inode___sock {
	unsigned short i_mode;
};
struct file___sock {
	void *private_data;
	struct inode___sock *f_inode;
};

#pragma clang attribute pop

/* NULL if it is none. */
static __always_inline struct sock *sock_of_file(struct file___sock *file)
{
	struct socket *socket;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

#endif
