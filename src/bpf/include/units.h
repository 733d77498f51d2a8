/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * The meaning of a column is the name of its type. The engine reads these names from the
 * object's BTF (src/probes/layout.rs); a field whose name starts with an underscore is padding.
 */
#ifndef BCC_TOP_UNITS_H
#define BCC_TOP_UNITS_H

typedef u32 tgid_t;	    /* process id; PID_UNKNOWN is unknown */
typedef u32 tid_t;	    /* thread id */
typedef u32 uid_num_t;	    /* user id; all ones is unknown; adds the column `user` */
typedef char comm_t[16];    /* task name, NUL-terminated */
typedef u64 cgroup_id_t;    /* cgroup v2 id, 0 unknown; adds `cgroup` and `container` */
typedef u32 disk_t;	    /* kernel dev_t of a whole disk, 0 unknown */
typedef char letter_t;	    /* one ASCII letter */
typedef u8 ip_t[16];	    /* IPv6 address; IPv4 is v4-mapped */
typedef u16 port_t;	    /* host order, 0 unknown */
typedef u8 ip_version_t;    /* 4 or 6 */
typedef u32 ns_inum_t;	    /* inode number of a namespace; 0 is unknown */
typedef u32 cpu_shard_t;    /* splits a key by CPU so that its value has one writer; rows are merged, unless `cpu` is asked for */
typedef u32 cpu_t;	    /* a CPU, by number */
typedef u32 irq_t;	    /* an interrupt line, by number */
typedef u32 object_id_t;    /* an object of the kernel, by number */
typedef u32 softirq_t;	    /* a kind of deferred interrupt work; shown by name */

/* Of single events. */
typedef u64 event_time_t;   /* when it happened, bpf_ktime_get_ns(); adds the column `clock` */
typedef char text_t;	    /* in an array: text, NUL-terminated; the kernel's bytes as they are */
typedef char frames_t;	    /* in an array: text, functions from the innermost on with a semicolon between them; what follows an address 0 is nothing */
typedef char args_t;	    /* in an array behind a text_len_t: strings, each with its NUL */
typedef u32 text_len_t;	    /* bytes that are used of the next args_t array */
typedef u64 ns_t;	    /* nanoseconds of one event */
typedef u64 ns_or_none_t;   /* the same; NS_NONE is unknown */
typedef u64 ino_number_t;   /* inode number; text where others read it, as it may use all 64 bits */
typedef u64 sector_no_t;    /* a place on a disk, in sectors of 512 bytes; SECTOR_NONE is none */
typedef s32 ret_t;	    /* what a call returned: 0 or more, or a negative errno; RET_UNKNOWN */
#define RET_UNKNOWN ((s32)0x80000000)
typedef s32 exit_code_t;    /* what a process gave to exit(), -1 if a signal ended it */
typedef u8 signal_t;	    /* a signal, 0 none; shown by name */
typedef u8 flag_t;	    /* 0 or 1 */
typedef u32 syscall_t;	    /* a system call; SYSCALL_NONE is unknown; shown by name */
typedef s32 fd_t;	    /* a descriptor, -1 none */
typedef s32 errno_t;	    /* an error by number, 0 none */
typedef u32 bits_t;	    /* flags, a number */
typedef char path_names_t;  /* in an array behind a text_len_t: names from a file upwards, each with its NUL (path.h); shown as a path */
typedef u32 tcp_seq_t;	    /* a sequence number of TCP */
typedef s32 named_pid_t;    /* a process as a call named it, 0 or less for a group */
typedef s64 position_t;	    /* place in a file, bytes; -1 is unknown */

typedef u64 count_t;	    /* events; adds up */
typedef u64 bytes_t;	    /* bytes; adds up */
typedef s64 pages_t;	    /* pages; adds up, may be negative in between */
typedef u64 ns_sum_t;	    /* nanoseconds; adds up */
typedef u64 ns_max_t;	    /* nanoseconds; the largest wins */
typedef u64 count_max_t;    /* a number of things; the largest wins */
typedef u64 count_or_none_t; /* events; adds up; NS_NONE is unknown */
typedef u64 ns_sum_or_none_t; /* nanoseconds; adds up; NS_NONE is unknown */
typedef u32 log2_ns_t;	    /* in an array: counts by power of two of nanoseconds */
typedef u64 bytes_max_t;    /* bytes; the largest wins */
typedef u32 log2_bytes_t;   /* in an array: counts by power of two of bytes */

#define PID_UNKNOWN (~0U)
#define SYSCALL_NONE (~0U)
#define NS_NONE (~0ULL)
#define SECTOR_NONE (~0ULL)

#endif
