// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * Reads and writes of files by process, from what the system calls returned. The end of a call still has its
 * arguments, so nothing has to be remembered from its begin.
 */
#include "filter.h"
#include "path.h"

enum by {
	BY_PID,
	BY_TID,
	BY_FILE,
};

enum kind {
	KIND_REGULAR,
	KIND_ALL,
};

enum rw {
	RW_ANY,
	RW_READ,
	RW_WRITE,
};

const volatile u32 by = BY_PID;
const volatile u32 kind = KIND_REGULAR;
const volatile u32 rw = RW_ANY;
const volatile bool full_path = false;

#if defined(__TARGET_ARCH_x86)
#define NR_SENDFILE 40
#define NR_SPLICE 275
#define NR_COPY_FILE_RANGE 326
#elif defined(__TARGET_ARCH_arm64)
#define NR_SENDFILE 71
#define NR_SPLICE 76
#define NR_COPY_FILE_RANGE 285
#endif

struct file_key {
	ino_number_t inode;
	disk_t device;
	tgid_t pid;
	tid_t tid;
	u32 _pad;
};

struct file_io {
	count_t reads;
	count_t writes;
	bytes_t read_bytes;
	bytes_t write_bytes;
	bytes_t bytes;
	comm_t comm;
	letter_t type;
	u8 _pad[7];
	text_t file[FILE_NAME_SIZE];
	/* Only there with full_path: see `when` in filetop.toml. */
	text_len_t _path_len;
	path_names_t path[PATH_SIZE];
};

HASH_HALVES(files, struct file_key, struct file_io, 10240);

/* Names are too many bytes for the stack. */
static const struct file_io zero_io;

static __always_inline struct file_io *begin_file(struct file_key *key, struct file *file, u32 mode)
{
	struct file_io *io = lookup_or_init(HALF(files), key, &zero_io);

	/* Another thread may be about to write the same. */
	if (io && !io->type) {
		read_dentry_name(io->file, sizeof(io->file), BPF_CORE_READ(file, f_path.dentry));
		if (full_path)
			io->_path_len = append_path(io->path, 0, path_of(file));
		io->type = file_letter(mode);
	}
	return io;
}

static __always_inline void record(s32 fd, bool is_write, u64 bytes)
{
	struct file *file = current_file(fd);
	u64 task = bpf_get_current_pid_tgid();
	struct file_key key = {};
	struct inode *inode;
	struct file_io *io;
	u32 mode;

	if (!file)
		return;
	inode = BPF_CORE_READ(file, f_inode);
	mode = BPF_CORE_READ(inode, i_mode);
	if (kind == KIND_REGULAR && (mode & S_IFMT) != S_IFREG)
		return;
	if (!is_in_wanted_directory(path_of(file)))
		return;
	key.inode = BPF_CORE_READ(inode, i_ino);
	key.device = BPF_CORE_READ(inode, i_sb, s_dev);
	if (by != BY_FILE)
		key.pid = task >> 32;
	if (by == BY_TID)
		key.tid = task;
	io = begin_file(&key, file, mode);
	if (!io)
		return;
	if (by == BY_TID)
		bpf_get_current_comm(io->comm, sizeof(io->comm));
	else
		read_current_comm(&io->comm);
	add(is_write ? &io->writes : &io->reads, 1);
	add(is_write ? &io->write_bytes : &io->read_bytes, bytes);
	add(&io->bytes, bytes);
}

/* Which of its arguments, from 1, are descriptors that a call read from, and wrote to; 0 is none. */
struct direction {
	u8 from;
	u8 to;
};

/* Every system call of the machine ends here, so what is none of these has to be out of here at once. */
static __always_inline struct direction direction_of(u64 number)
{
	struct direction none = {}, read = { .from = 1 }, write = { .to = 1 };
	struct direction send = { .from = 2, .to = 1 }, copy = { .from = 1, .to = 3 };

	switch (number) {
	case NR_READ:
	case NR_PREAD64:
	case NR_READV:
	case NR_PREADV:
	case NR_PREADV2:
		return read;
	case NR_WRITE:
	case NR_PWRITE64:
	case NR_WRITEV:
	case NR_PWRITEV:
	case NR_PWRITEV2:
		return write;
	case NR_SENDFILE:
		return send;
	case NR_SPLICE:
	case NR_COPY_FILE_RANGE:
		return copy;
	}
	return none;
}

static __always_inline s32 descriptor(struct pt_regs *regs, u32 at)
{
	if (at == 1)
		return SYSCALL_ARG1(regs);
	return at == 2 ? SYSCALL_ARG2(regs) : SYSCALL_ARG3(regs);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(io__1, struct pt_regs *regs, long ret)
{
	struct direction direction = direction_of(SYSCALL_NUMBER(regs));

	if ((!direction.from && !direction.to) || ret < 0 || !is_current_wanted() || is_compat_syscall())
		return 0;
	if (direction.from && rw != RW_WRITE)
		record(descriptor(regs, direction.from), false, ret);
	if (direction.to && rw != RW_READ)
		record(descriptor(regs, direction.to), true, ret);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
