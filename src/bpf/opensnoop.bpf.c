// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* Files that are opened. */
#define PATHCALL_OPENS
#include "listed.h"
#include "mntns.h"
#include "pathcall.h"
#include "user.h"

enum access {
	ACCESS_ANY,
	ACCESS_WRITE,
	ACCESS_CREATE,
};

const volatile u32 access = ACCESS_ANY;
const volatile u32 tid = 0;	    /* only this thread */
const volatile listed_t flags = {}; /* only opens with all of these flags */

#define O_ACCMODE 3
#define O_WRONLY 1
#define O_CREAT 0100
#define O_TRUNC 01000

/* include/uapi/linux/openat2.h */
struct open_how {
	u64 flags;
	u64 mode;
};

static __always_inline bool is_open(u64 number)
{
	switch (number) {
	case NR_OPENAT:
	case NR_OPENAT2:
#ifdef NR_OPEN
	case NR_OPEN:
	case NR_CREAT:
#endif
		return true;
	}
	return false;
}

static __always_inline void read_asked(struct asked *asked, u32 number, struct pt_regs *regs)
{
	u64 arg1 = SYSCALL_ARG1(regs), arg2 = SYSCALL_ARG2(regs);
	u64 arg3 = SYSCALL_ARG3(regs), arg4 = SYSCALL_ARG4(regs);
	struct open_how how = {};

	/* Else clang may choose between addresses rather than values, which the verifier refuses: one instruction is to
	 * read from one kind of memory. */
	barrier_var(arg2);
	barrier_var(arg3);
	barrier_var(arg4);
	asked->dirfd = AT_FDCWD;
	switch (number) {
	case NR_OPENAT2:
		bpf_probe_read_user(&how, sizeof(how), (void *)arg3);
		arg3 = how.flags;
		arg4 = how.mode;
		/* fallthrough */
	case NR_OPENAT:
		asked->dirfd = arg1;
		asked->path = (void *)arg2;
		asked->flags = arg3;
		asked->mode = arg4;
		break;
#ifdef NR_OPEN
	case NR_CREAT:
		asked->path = (void *)arg1;
		asked->flags = O_CREAT | O_WRONLY | O_TRUNC;
		asked->mode = arg2;
		break;
	case NR_OPEN:
		asked->path = (void *)arg1;
		asked->flags = arg2;
		asked->mode = arg3;
		break;
#endif
	}
}

static __always_inline int opened(u32 number, struct pt_regs *regs, long ret)
{
	struct asked asked = {};

	read_asked(&asked, number, regs);
	if (access == ACCESS_WRITE && !(asked.flags & O_ACCMODE))
		return 0;
	if (access == ACCESS_CREATE && !(asked.flags & O_CREAT))
		return 0;
	if ((tid && (u32)bpf_get_current_pid_tgid() != tid) || !is_current_user_wanted())
		return 0;
	if (!has_all_listed(flags, asked.flags) || !is_current_mntns_wanted())
		return 0;
	end_call(number, &asked, ret);
	return 0;
}

SEC("fexit/" SYSCALL_FUNCTION("openat"))
int BPF_PROG(open__1_openat, struct pt_regs *regs, long ret)
{
	return opened(NR_OPENAT, regs, ret);
}

SEC("fexit/" SYSCALL_FUNCTION("openat2"))
int BPF_PROG(open__1_openat2, struct pt_regs *regs, long ret)
{
	return opened(NR_OPENAT2, regs, ret);
}

#ifdef NR_OPEN
SEC("fexit/" SYSCALL_FUNCTION("open"))
int BPF_PROG(open__1_open, struct pt_regs *regs, long ret)
{
	return opened(NR_OPEN, regs, ret);
}

SEC("fexit/" SYSCALL_FUNCTION("creat"))
int BPF_PROG(open__1_creat, struct pt_regs *regs, long ret)
{
	return opened(NR_CREAT, regs, ret);
}
#endif

/* Every system call of the machine ends here, so what is no open has to be out of here at once. */
SEC("tp_btf/sys_exit")
int BPF_PROG(open__2, struct pt_regs *regs, long ret)
{
	u64 number = SYSCALL_NUMBER(regs);

	if (!is_open(number) || is_compat_syscall())
		return 0;
	return opened(number, regs, ret);
}

SEC("fentry/" SYSCALL_FUNCTION("openat"))
int begin__1_openat(void *ctx)
{
	return begin_call();
}

SEC("fentry/" SYSCALL_FUNCTION("openat2"))
int begin__1_openat2(void *ctx)
{
	return begin_call();
}

#ifdef NR_OPEN
SEC("fentry/" SYSCALL_FUNCTION("open"))
int begin__1_open(void *ctx)
{
	return begin_call();
}

SEC("fentry/" SYSCALL_FUNCTION("creat"))
int begin__1_creat(void *ctx)
{
	return begin_call();
}
#endif

SEC("tp_btf/sys_enter")
int BPF_PROG(begin__2, struct pt_regs *regs, long number)
{
	if (!is_open(number) || is_compat_syscall())
		return 0;
	return begin_call();
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
