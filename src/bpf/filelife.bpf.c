// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * Files that are deleted some time after they were created. A file is known by its filesystem and inode number from its
 * creation on, and dies with its last name.
 */
#include "events.h"
#include "unlink.h"
#include "namesakes.h"

enum by {
	BY_EVENT,
	BY_COMM,
	BY_FILE,
};

const volatile u32 by = BY_EVENT;
const volatile u64 max_age = 0; /* ns */
const volatile bool full_path = false;

struct life {
	event_time_t time_ns;
	cgroup_id_t cgroup;
	ns_t age;
	ino_number_t inode;
	tgid_t pid;
	tgid_t creator;
	uid_num_t uid;
	disk_t device;
	comm_t comm;
	text_t file[FILE_NAME_SIZE];
	/* Only there with full_path: the ring holds four times as many events without. */
	text_len_t _path_len;
	path_names_t path[PATH_SIZE];
};

/* 4 MiB hold 12,000 files; user space empties it ten times a second. */
EVENT_RING(events, struct life, 1 << 22);

#define KEY_NAME_SIZE 128

/* Only what is asked for is not zero. */
struct life_key {
	comm_t comm;
	text_t file[KEY_NAME_SIZE];
};

struct lives {
	count_t count;
	ns_sum_t age_sum;
	ns_max_t age_max;
};

HASH_HALVES(counts, struct life_key, struct lives, 10240);

static __always_inline void count_life(u64 age, const struct name *name)
{
	struct life_key key = {};
	struct lives zero = {}, *lives;

	if (by == BY_COMM)
		read_current_comm(&key.comm);
	else
		read_name(key.file, sizeof(key.file), name);
	lives = lookup_or_init(HALF(counts), &key, &zero);
	if (!lives)
		return;
	add(&lives->count, 1);
	add(&lives->age_sum, age);
	if (age > lives->age_max)
		lives->age_max = age;
}

static __always_inline void tell(const struct file_id *id, const struct birth *birth, u64 now, const struct name *name)
{
	struct life *life = reserve_event_or_until(events, struct life, full_path, _path_len);

	if (!life)
		return;
	life->time_ns = now;
	life->cgroup = bpf_get_current_cgroup_id();
	life->age = now - birth->time;
	life->inode = id->inode;
	life->pid = bpf_get_current_pid_tgid() >> 32;
	life->creator = birth->creator;
	life->uid = bpf_get_current_uid_gid();
	life->device = id->device;
	read_current_comm(&life->comm);
	read_name(life->file, sizeof(life->file), name);
	if (full_path)
		life->_path_len = read_path(life->path, name, birth);
	submit_event(life);
}

static __always_inline void died(const struct file_id *id, const struct name *name)
{
	struct birth *birth = bpf_map_lookup_elem(&births, id);
	u64 now = bpf_ktime_get_ns();

	if (!birth)
		return;
	if (is_current_wanted() && (!max_age || now - birth->time <= max_age)) {
		if (by != BY_EVENT)
			count_life(now - birth->time, name);
		else
			tell(id, birth, now, name);
	}
	bpf_map_delete_elem(&births, id);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
