// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* Files whose attributes are asked for. */
#include "listed.h"
#include "pathcall.h"

const volatile listed_t syscall = {}; /* only these */

#define AT_EMPTY_PATH 0x1000

static __always_inline bool is_stat(u64 number)
{
	switch (number) {
	case NR_NEWFSTATAT:
	case NR_STATX:
	case NR_FSTAT:
	case NR_STATFS:
	case NR_FSTATFS:
#ifdef NR_STAT
	case NR_STAT:
	case NR_LSTAT:
#endif
		return is_listed(syscall, number);
	}
	return false;
}

/* Whether there is no path: then the call is about its descriptor. C libraries do fstat() so. */
static __always_inline bool is_empty(const char *path)
{
	char first = 0;

	return !path || (!bpf_probe_read_user(&first, sizeof(first), path) && !first);
}

static __always_inline void read_asked(struct asked *asked, u32 number, struct pt_regs *regs)
{
	u64 flags;

	asked->dirfd = AT_FDCWD;
	asked->path = (void *)SYSCALL_ARG1(regs);
	if (number == NR_FSTAT || number == NR_FSTATFS) {
		asked->dirfd = SYSCALL_ARG1(regs);
		asked->path = NULL;
	} else if (number == NR_NEWFSTATAT || number == NR_STATX) {
		asked->dirfd = SYSCALL_ARG1(regs);
		asked->path = (void *)SYSCALL_ARG2(regs);
		flags = number == NR_STATX ? SYSCALL_ARG3(regs) : SYSCALL_ARG4(regs);
		if (flags & AT_EMPTY_PATH && is_empty(asked->path))
			asked->path = NULL;
	}
}

static __always_inline int asked_for(u32 number, struct pt_regs *regs, long ret)
{
	struct asked asked = {};

	if (!is_stat(number))
		return 0;
	read_asked(&asked, number, regs);
	end_call(number, &asked, ret);
	return 0;
}

SEC("fexit/" SYSCALL_FUNCTION("newfstatat"))
int BPF_PROG(stat__1_newfstatat, struct pt_regs *regs, long ret)
{
	return asked_for(NR_NEWFSTATAT, regs, ret);
}

SEC("fexit/" SYSCALL_FUNCTION("statx"))
int BPF_PROG(stat__1_statx, struct pt_regs *regs, long ret)
{
	return asked_for(NR_STATX, regs, ret);
}

SEC("fexit/" SYSCALL_FUNCTION("newfstat"))
int BPF_PROG(stat__1_fstat, struct pt_regs *regs, long ret)
{
	return asked_for(NR_FSTAT, regs, ret);
}

SEC("fexit/" SYSCALL_FUNCTION("statfs"))
int BPF_PROG(stat__1_statfs, struct pt_regs *regs, long ret)
{
	return asked_for(NR_STATFS, regs, ret);
}

SEC("fexit/" SYSCALL_FUNCTION("fstatfs"))
int BPF_PROG(stat__1_fstatfs, struct pt_regs *regs, long ret)
{
	return asked_for(NR_FSTATFS, regs, ret);
}

#ifdef NR_STAT
SEC("fexit/" SYSCALL_FUNCTION("newstat"))
int BPF_PROG(stat__1_stat, struct pt_regs *regs, long ret)
{
	return asked_for(NR_STAT, regs, ret);
}

SEC("fexit/" SYSCALL_FUNCTION("newlstat"))
int BPF_PROG(stat__1_lstat, struct pt_regs *regs, long ret)
{
	return asked_for(NR_LSTAT, regs, ret);
}
#endif

/* Every system call of the machine ends here, so what is none of these has to be out of here at once. */
SEC("tp_btf/sys_exit")
int BPF_PROG(stat__2, struct pt_regs *regs, long ret)
{
	u64 number = SYSCALL_NUMBER(regs);

	if (!is_stat(number) || is_compat_syscall())
		return 0;
	return asked_for(number, regs, ret);
}

SEC("fentry/" SYSCALL_FUNCTION("newfstatat"))
int begin__1_newfstatat(void *ctx)
{
	return is_stat(NR_NEWFSTATAT) ? begin_call() : 0;
}

SEC("fentry/" SYSCALL_FUNCTION("statx"))
int begin__1_statx(void *ctx)
{
	return is_stat(NR_STATX) ? begin_call() : 0;
}

SEC("fentry/" SYSCALL_FUNCTION("newfstat"))
int begin__1_fstat(void *ctx)
{
	return is_stat(NR_FSTAT) ? begin_call() : 0;
}

SEC("fentry/" SYSCALL_FUNCTION("statfs"))
int begin__1_statfs(void *ctx)
{
	return is_stat(NR_STATFS) ? begin_call() : 0;
}

SEC("fentry/" SYSCALL_FUNCTION("fstatfs"))
int begin__1_fstatfs(void *ctx)
{
	return is_stat(NR_FSTATFS) ? begin_call() : 0;
}

#ifdef NR_STAT
SEC("fentry/" SYSCALL_FUNCTION("newstat"))
int begin__1_stat(void *ctx)
{
	return is_stat(NR_STAT) ? begin_call() : 0;
}

SEC("fentry/" SYSCALL_FUNCTION("newlstat"))
int begin__1_lstat(void *ctx)
{
	return is_stat(NR_LSTAT) ? begin_call() : 0;
}
#endif

SEC("tp_btf/sys_enter")
int BPF_PROG(begin__2, struct pt_regs *regs, long number)
{
	if (!is_stat(number) || is_compat_syscall())
		return 0;
	return begin_call();
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
