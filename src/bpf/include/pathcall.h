/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * System calls that name a file, as single events or counted. The program that includes this says which calls those are
 * and where their arguments lie; PATHCALL_OPENS adds what only opens have.
 */
#ifndef BCC_TOP_PATHCALL_H
#define BCC_TOP_PATHCALL_H

#include "events.h"
#include "path.h"
#include "syscall.h"

enum by {
	BY_EVENT,
	BY_PATH,
	BY_COMM,
	BY_PID,
	BY_SYSCALL,
};

#define PREFIX_SIZE 64

const volatile u32 by = BY_EVENT;
const volatile bool failed = false;	      /* only calls that failed */
const volatile bool full_path = false;	      /* with the directory that a path is relative to */
const volatile char prefix[PREFIX_SIZE] = {}; /* only paths that begin so, as the call has them */
const volatile u64 min_latency = 0;	      /* ns; 0 is not measured */

struct pathcall {
	event_time_t time_ns;
	cgroup_id_t cgroup;
	ns_or_none_t latency;
	tgid_t pid;
	tid_t tid;
	uid_num_t uid;
	errno_t errno;
	syscall_t syscall;
#ifdef PATHCALL_OPENS
	fd_t fd;
	bits_t flags;
	bits_t mode;
#endif
	comm_t comm;
	text_len_t _path_len;
	path_names_t path[PATH_SIZE];
};

/* 8 MiB hold more than 20,000 calls; user space empties it ten times a second. */
EVENT_RING(events, struct pathcall, 1 << 23);

#define KEY_PATH_SIZE 128

/* Only what is asked for is not zero. */
struct pathcall_key {
	tgid_t pid;
	syscall_t syscall;
	comm_t comm;
	text_t path[KEY_PATH_SIZE];
};

struct pathcalls {
	count_t count;
	count_t failed;
};

HASH_HALVES(counts, struct pathcall_key, struct pathcalls, 10240);

/* What a call was asked to do. */
struct asked {
	const char *path; /* of user space; NULL if the call has none */
	s32 dirfd;	  /* the directory it is relative to; the file itself without a path */
	u32 flags;
	u32 mode;
};

static __always_inline bool has_prefix(const struct asked *asked)
{
	char path[PREFIX_SIZE] = {};
	u32 i;

	if (!prefix[0])
		return true;
	bpf_probe_read_user_str(path, sizeof(path), asked->path);
	for (i = 0; i < PREFIX_SIZE && prefix[i]; i++) {
		if (path[i] != prefix[i])
			return false;
	}
	return true;
}

/* A call without a path is about its descriptor. */
static __always_inline u32 read_names(char *names, const struct asked *asked)
{
	return asked->path ? append_given(names, asked->path, asked->dirfd) : append_directory(names, 0, asked->dirfd);
}

static __always_inline void count_call(u32 number, const struct asked *asked, long ret)
{
	struct pathcall_key key = {};
	struct pathcalls zero = {}, *calls;

	if (by == BY_PATH && asked->path)
		read_given(key.path, sizeof(key.path), asked->path);
	if (by == BY_SYSCALL)
		key.syscall = number;
	if (by == BY_COMM || by == BY_PID)
		read_current_comm(&key.comm);
	if (by == BY_PID)
		key.pid = bpf_get_current_pid_tgid() >> 32;
	calls = lookup_or_init(HALF(counts), &key, &zero);
	if (!calls)
		return;
	add(&calls->count, 1);
	if (ret < 0)
		add(&calls->failed, 1);
}

static __always_inline void fill_call(struct pathcall *call, u32 number, const struct asked *asked, long ret, u64 took)
{
	u64 task = bpf_get_current_pid_tgid();

	call->time_ns = bpf_ktime_get_ns();
	call->latency = took;
	call->cgroup = bpf_get_current_cgroup_id();
	call->pid = task >> 32;
	call->tid = task;
	call->uid = bpf_get_current_uid_gid();
	call->errno = ret < 0 ? -ret : 0;
	call->syscall = number;
#ifdef PATHCALL_OPENS
	call->fd = ret < 0 ? -1 : ret;
	call->flags = asked->flags;
	call->mode = asked->mode;
#endif
	read_current_comm(&call->comm);
}

/* Whether names of directories are read. For opens that is constant: the verifier then need not walk through the loop. */
static __always_inline bool wants_directory(const struct asked *asked)
{
#ifdef PATHCALL_OPENS
	return full_path;
#else
	return full_path || !asked->path;
#endif
}

/* Room for all names only where they are asked for: what most events do not need is left away behind their end. */
static __always_inline void log_call(u32 number, const struct asked *asked, long ret, u64 took)
{
	struct pathcall *call;

	if (wants_directory(asked)) {
		call = reserve_event(events, struct pathcall);
		if (!call)
			return;
		fill_call(call, number, asked, ret, took);
		call->_path_len = read_names(call->path, asked);
		submit_event(call);
		return;
	}
	call = __reserve_event(&events, sizeof(*call) - PATH_SIZE + GIVEN_SIZE);
	if (!call)
		return;
	fill_call(call, number, asked, ret, took);
	call->_path_len = read_given(call->path, GIVEN_SIZE, asked->path);
	submit_event(call);
}

/* A call that is one of ours begins. */
static __always_inline int begin_call(void)
{
	if (is_current_wanted())
		begin_in_hash();
	return 0;
}

/* It has ended. */
static __always_inline void end_call(u32 number, const struct asked *asked, long ret)
{
	u64 began, took = NS_NONE;

	if (!is_current_wanted())
		return;
	if (min_latency) {
		began = end_in_hash();
		/* It began before anybody watched. */
		if (!began)
			return;
		took = bpf_ktime_get_ns() - began;
		if (took < min_latency)
			return;
	}
	if ((failed && ret >= 0) || !has_prefix(asked))
		return;
	if (by == BY_EVENT)
		log_call(number, asked, ret, took);
	else
		count_call(number, asked, ret);
}

#endif
