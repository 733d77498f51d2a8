// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* Names of hosts that processes look up with the C library, and how long it takes. */
#include "events.h"
#include "hist.h"
#include "pattern.h"
#include "uprobe.h"

enum by {
	BY_EVENT,
	BY_HOST,
	BY_COMM,
	BY_PID,
	BY_LATENCY,
};

/* As they are shown. */
enum host_lookup_function {
	FUNCTION_getaddrinfo,
	FUNCTION_gethostbyname,
	FUNCTION_gethostbyname2,
	FUNCTION_gethostbyname_r,
	FUNCTION_gethostbyname2_r,
};

enum host_lookup_result {
	RESULT_ok,
	RESULT_failed,
	RESULT_no_name,
	RESULT_no_data,
	RESULT_again,
	RESULT_family,
	RESULT_service,
	RESULT_memory,
	RESULT_system,
	RESULT_too_small,
};

const volatile u32 by = BY_EVENT;
const volatile bool failed = false;    /* only what failed */
const volatile u64 min_latency = 0;    /* ns */
const volatile struct pattern host = {}; /* only names like this */

/* A name of the DNS has 253 bytes at most. */
#define HOST_SIZE 256
#define MAX_NESTED 4

struct lookup {
	event_time_t time_ns;
	cgroup_id_t cgroup;
	ns_t latency;
	tgid_t pid;
	tid_t tid;
	uid_num_t uid;
	enum host_lookup_function function;
	enum host_lookup_result result;
	comm_t comm;
	text_t host[HOST_SIZE];
};

/* 3,000 lookups; user space empties it ten times a second. */
EVENT_RING(events, struct lookup, 1 << 20);

/* Only what is asked for is not zero. */
struct lookup_key {
	tgid_t pid;
	comm_t comm;
	text_t host[HOST_SIZE];
};

struct lookups {
	count_t count;
	count_t failed;
	ns_sum_t latency_sum;
	ns_max_t latency_max;
};

HASH_HALVES(counts, struct lookup_key, struct lookups, 10240);

struct latencies {
	log2_ns_t slots[HIST_SLOTS];
	ns_sum_t sum;
	ns_max_t max;
};

PERCPU_VALUE_HALVES(latencies, struct latencies);

struct call {
	u64 frame;  /* names a call among those of its thread */
	u64 begun;
	u64 name;   /* the caller's: it stays where it is until the call returns */
	u64 answer; /* where gethostbyname_r() stores a pointer to what it found */
	u64 function;
};

/* The lookups that a thread is in, the outermost first. */
struct calls {
	u64 depth;
	struct call call[MAX_NESTED];
};

/* Allocated beforehand, all of it: 5.10 warns of programs that make it allocate (check_map_prog_compatibility). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, u64);
	__type(value, struct calls);
} running SEC(".maps");

/* What a thread leaves with longjmp() never returns, which is how resolvers were given a timeout: the stack grows
 * downwards, so it has no more calls at or below the frame of one that begins or ends. */
static __always_inline u32 still_running(const struct calls *calls, u64 frame)
{
	u32 depth = 0;
	int i;

	for (i = 0; i < MAX_NESTED; i++) {
		if (i < calls->depth && calls->call[i].frame > frame)
			depth = i + 1;
	}
	return depth;
}

/* musl ends gethostbyname() with a jump to gethostbyname2(): both have one frame, and return at once. */
static __always_inline bool goes_on(const struct call *call, u64 frame, u64 name, u32 function)
{
	return call->frame == frame && call->name == name && call->function != function &&
	       call->function != FUNCTION_getaddrinfo;
}

static __always_inline int begin(struct pt_regs *regs, u32 function, u64 answer)
{
	u64 id = bpf_get_current_pid_tgid(), name = USER_ARG1(regs), frame = USER_FRAME_AT_BEGIN(regs);
	struct calls zero = {}, *calls;
	struct call *call;
	u32 depth;

	/* getaddrinfo() of no host is a question about a service. */
	if (!name || !is_current_wanted())
		return 0;
	calls = lookup_or_init(&running, &id, &zero);
	if (!calls)
		return 0;
	depth = still_running(calls, frame);
	if (depth >= MAX_NESTED) {
		count_lost(LOST_EVENTS);
		return 0;
	}
	call = &calls->call[depth];
	if (depth < calls->depth && goes_on(call, frame, name, function)) {
		calls->depth = depth + 1;
		return 0;
	}
	calls->depth = depth;
	/* The C libraries make gethostbyname() of gethostbyname_r(): that is one lookup. A module of NSS that looks
	 * up another host meanwhile makes one more. */
	if (depth && calls->call[depth - 1].name == name)
		return 0;
	call->begun = bpf_ktime_get_ns();
	call->frame = frame;
	call->name = name;
	call->answer = answer;
	call->function = function;
	calls->depth = depth + 1;
	return 0;
}

/* glibc and musl have the same numbers (EAI_NONAME and so on). */
static __always_inline u32 result_of_getaddrinfo(int error)
{
	switch (error) {
	case 0:
		return RESULT_ok;
	case -2:
		return RESULT_no_name;
	case -3:
		return RESULT_again;
	case -5:
		return RESULT_no_data;
	case -6:
		return RESULT_family;
	case -8:
		return RESULT_service;
	case -10:
		return RESULT_memory;
	case -11:
		return RESULT_system;
	}
	return RESULT_failed;
}

#define ERANGE 34

/* The others tell why in a variable of the thread (h_errno). */
static __always_inline u32 result_of(const struct call *call, u64 returned, bool sleepable)
{
	u64 found = 0;

	if (call->function == FUNCTION_getaddrinfo)
		return result_of_getaddrinfo(returned);
	if (!call->answer)
		return returned ? RESULT_ok : RESULT_failed;
	if ((u32)returned == ERANGE)
		return RESULT_too_small;
	read_user(&found, sizeof(found), (void *)call->answer, sleepable);
	return found && !(u32)returned ? RESULT_ok : RESULT_failed;
}

/* Read at the end: by then its page is there. */
static __always_inline void read_host(char *host, u64 name, bool sleepable)
{
	long len = read_user_str(host, HOST_SIZE, (void *)name, sleepable);

	if (len < 0)
		host[0] = 0;
	if (len < 0 || len == HOST_SIZE)
		count_lost(LOST_TRUNCATED);
}

static __always_inline bool is_host_wanted(u64 name, bool sleepable)
{
	char text[HOST_SIZE] = {};

	if (!host.end)
		return true;
	return read_user_str(text, HOST_SIZE, (void *)name, sleepable) >= 0 && is_match(&host, text, HOST_SIZE);
}

static __always_inline void count_lookup(const struct call *call, u32 result, u64 latency, bool sleepable)
{
	struct lookups none = {}, *sum;
	struct lookup_key key = {};

	if (by == BY_HOST)
		read_host(key.host, call->name, sleepable);
	else
		read_own_comm(&key.comm, sleepable);
	if (by == BY_PID)
		key.pid = bpf_get_current_pid_tgid() >> 32;
	sum = lookup_or_init(HALF(counts), &key, &none);
	if (!sum)
		return;
	add(&sum->count, 1);
	if (result != RESULT_ok)
		add(&sum->failed, 1);
	add(&sum->latency_sum, latency);
	/* Two that race for the maximum of one key are a microsecond apart. */
	if (latency > sum->latency_max)
		sum->latency_max = latency;
}

static __always_inline void tell(const struct call *call, u32 result, u64 now, bool sleepable)
{
	struct lookup *event = reserve_event(events, struct lookup);
	u64 id = bpf_get_current_pid_tgid();

	if (!event)
		return;
	event->time_ns = now;
	event->cgroup = bpf_get_current_cgroup_id();
	event->latency = now - call->begun;
	event->pid = id >> 32;
	event->tid = id;
	event->uid = bpf_get_current_uid_gid();
	event->function = call->function;
	event->result = result;
	read_own_comm(&event->comm, sleepable);
	read_host(event->host, call->name, sleepable);
	submit_event(event);
}

static __always_inline int end(struct pt_regs *regs, bool sleepable)
{
	u64 id = bpf_get_current_pid_tgid(), frame = USER_FRAME_AT_END(regs), now = bpf_ktime_get_ns();
	struct latencies *latencies;
	struct calls *calls;
	struct call call;
	u32 depth, result;

	calls = bpf_map_lookup_elem(&running, &id);
	if (!calls)
		return 0;
	depth = still_running(calls, frame);
	/* None: a part of another lookup, or the same file has been attached twice (two overlays of one layer). */
	if (depth >= MAX_NESTED || depth >= calls->depth || calls->call[depth].frame != frame)
		return 0;
	call = calls->call[depth];
	calls->depth = depth;
	if (!depth)
		bpf_map_delete_elem(&running, &id);
	result = result_of(&call, USER_RESULT(regs), sleepable);
	if (now - call.begun < min_latency || (failed && result == RESULT_ok))
		return 0;
	if (!is_host_wanted(call.name, sleepable))
		return 0;
	if (by == BY_EVENT) {
		tell(&call, result, now, sleepable);
	} else if (by == BY_LATENCY) {
		latencies = PERCPU_HALF(latencies);
		if (latencies)
			add_to_hist(latencies, now - call.begun);
	} else {
		count_lookup(&call, result, now - call.begun, sleepable);
	}
	return 0;
}

#define LOOKUP(FUNCTION, ANSWER)					\
	SEC("uprobe/libc:" #FUNCTION)					\
	int begin__1_##FUNCTION(struct pt_regs *regs)			\
	{								\
		return begin(regs, FUNCTION_##FUNCTION, ANSWER);	\
	}								\
	SEC("uretprobe.s/libc:" #FUNCTION)				\
	int end__1_##FUNCTION(struct pt_regs *regs)			\
	{								\
		return end(regs, true);					\
	}								\
	SEC("uretprobe/libc:" #FUNCTION)				\
	int end__2_##FUNCTION(struct pt_regs *regs)			\
	{								\
		return end(regs, false);				\
	}

LOOKUP(getaddrinfo, 0)
LOOKUP(gethostbyname, 0)
LOOKUP(gethostbyname2, 0)
LOOKUP(gethostbyname_r, USER_ARG5(regs))
LOOKUP(gethostbyname2_r, USER_ARG6(regs))

/* A thread that is killed in a lookup does not return from it. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(forget__1, struct task_struct *task)
{
	u64 id = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&running, &id);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
