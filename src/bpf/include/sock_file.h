/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/* The socket behind a file. The helper bpf_sock_from_file() wants a typed pointer, and 5.11. */
#ifndef BCC_TOP_SOCK_FILE_H
#define BCC_TOP_SOCK_FILE_H

#include "file.h"
#include "sock.h"

/* NULL if it is none. */
static __always_inline struct sock *sock_of_file(struct file *file)
{
	struct socket *socket;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

#endif
