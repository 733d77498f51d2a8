// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * The programs, maps and links of BPF itself, and who holds them. Nothing is attached: iterators run at the end of each
 * interval and fill the rows.
 */
#include "bpf_objects.h"
#include "filter.h"

enum show {
	SHOW_PROGRAMS,
	SHOW_MAPS,
	SHOW_LINKS,
};

const volatile u32 show = SHOW_PROGRAMS;

/* Filled by the engine: whether the kernel counts runs while this view is there, how many CPUs it may have, and where
 * it keeps what lies between a per-CPU pointer and the memory of each. */
const volatile bool run_statistics = false;
const volatile u32 possible_cpus = 1;
KSYM(__per_cpu_offset);

#define MAX_CPUS 4096
#define ANON_INODE_FS_MAGIC 0x09041934

struct object_key {
	object_id_t id;
};

struct program {
	count_or_none_t runs;
	ns_sum_or_none_t time;
	ns_max_t age;
	bytes_max_t jited;
	count_max_t maps;
	count_or_none_t insns;
	count_max_t holders;
	tgid_t pid;
	uid_num_t uid;
	enum bpf_prog_type type;
	comm_t comm;
	text_t name[NAME_SIZE];
	text_t tag[2 * TAG_SIZE + 1];
	u8 _pad[7];
};

struct map {
	bytes_max_t key_bytes;
	bytes_max_t value_bytes;
	count_max_t entries;
	count_max_t holders;
	tgid_t pid;
	bits_t flags;
	enum bpf_map_type type;
	comm_t comm;
	text_t name[NAME_SIZE];
	u8 _pad[4];
};

struct link {
	count_max_t holders;
	object_id_t prog;
	tgid_t pid;
	enum bpf_link_type type;
	comm_t comm;
	text_t name[NAME_SIZE];
};

HASH_HALVES(programs, struct object_key, struct program, 16384);
HASH_HALVES(maps, struct object_key, struct map, 16384);
HASH_HALVES(links, struct object_key, struct link, 16384);

/* What was counted of a program until the end of the last interval. Ids are given out in a circle (bpf_prog_alloc_id), so
 * what is here of programs that are gone does no harm, and makes room for others. */
struct counted {
	u64 runs;
	u64 time;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, u32);
	__type(value, struct counted);
} before SEC(".maps");

enum object {
	OBJECT_NONE,
	OBJECT_PROGRAM,
	OBJECT_MAP,
	OBJECT_LINK,
};

struct held {
	u32 object;
	u32 id;
};

struct holder {
	u64 walk;   /* of the walk that has found this */
	u64 holders; /* processes */
	u32 pid;     /* the first of them */
	u32 last;    /* and the last: descriptors of a process come one behind the other */
	comm_t comm;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct held);
	__type(value, struct holder);
} held SEC(".maps");

/* Of no use but for where it lies. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} beacon SEC(".maps");

/* Which walk over all descriptors this is: what an earlier one has found is of no use any more. */
u64 walk = 0;

/* When the first walk began, CLOCK_BOOTTIME: what was loaded after it has been seen from its beginning. */
u64 begun = 0;

static __always_inline u64 name_of(struct file *file)
{
	u64 name = 0;

	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != ANON_INODE_FS_MAGIC)
		return 0;
	bpf_probe_read_kernel(&name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	return name;
}

/* The first eight bytes of a name, as they lie in memory. */
#define EIGHT(a, b, c, d, e, f, g, h)							\
	((u64)(a) | (u64)(b) << 8 | (u64)(c) << 16 | (u64)(d) << 24 | (u64)(e) << 32 |	\
	 (u64)(f) << 40 | (u64)(g) << 48 | (u64)(h) << 56)
#define NAME_PROG EIGHT('b', 'p', 'f', '-', 'p', 'r', 'o', 'g')
#define NAME_MAP EIGHT('b', 'p', 'f', '-', 'm', 'a', 'p', 0)
#define NAME_LINK EIGHT('b', 'p', 'f', '-', 'l', 'i', 'n', 'k')
#define NAME_LINK_TOO EIGHT('b', 'p', 'f', '_', 'l', 'i', 'n', 'k')
#define NAME_PERF EIGHT('[', 'p', 'e', 'r', 'f', '_', 'e', 'v')

static __always_inline void hold(u32 object, u32 id, struct task_struct *task)
{
	struct held key = { .object = object, .id = id };
	u32 tgid = BPF_CORE_READ(task, tgid);
	struct holder new = { .walk = walk, .holders = 1, .pid = tgid, .last = tgid }, *known;

	if (!id || (is_filtered() && !is_wanted(task, tgid)))
		return;
	known = bpf_map_lookup_elem(&held, &key);
	if (known && known->walk == walk) {
		if (known->last != tgid) {
			known->last = tgid;
			known->holders += 1;
		}
		return;
	}
	read_comm(&new.comm, task);
	if (bpf_map_update_elem(&held, &key, &new, BPF_ANY))
		count_lost(LOST_UNATTRIBUTED);
}

static __always_inline void hold_program(struct bpf_prog *prog, struct task_struct *task)
{
	hold(OBJECT_PROGRAM, BPF_CORE_READ(prog, aux, id), task);
}

SEC("iter/task_file")
int holders(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct bpf_map *map;
	struct bpf_link *link;
	struct perf_event *event;

	if (!begun)
		begun = bpf_ktime_get_boot_ns();
	if (!ctx->meta->seq_num)
		walk += 1;
	if (!task || !file)
		return 0;
	switch (name_of(file)) {
	case NAME_PROG:
		hold_program(BPF_CORE_READ(file, private_data), task);
		break;
	case NAME_MAP:
		map = BPF_CORE_READ(file, private_data);
		hold(OBJECT_MAP, BPF_CORE_READ(map, id), task);
		break;
	case NAME_LINK:
	case NAME_LINK_TOO:
		link = BPF_CORE_READ(file, private_data);
		hold(OBJECT_LINK, BPF_CORE_READ(link, id), task);
		hold_program(BPF_CORE_READ(link, prog), task);
		break;
	case NAME_PERF:
		event = BPF_CORE_READ(file, private_data);
		hold_program(BPF_CORE_READ(event, prog), task);
		break;
	}
	return 0;
}

/* Who holds it by a descriptor; NULL is nobody, or nobody who is asked for. */
static __always_inline struct holder *holder_of(u32 object, u32 id)
{
	struct held key = { .object = object, .id = id };
	struct holder *holder = bpf_map_lookup_elem(&held, &key);

	return holder && holder->walk == walk ? holder : NULL;
}

static __always_inline u64 as_number(const void *pointer)
{
	u64 number = 0;

	/* The verifier keeps what points somewhere from being counted with. */
	bpf_probe_read_kernel(&number, sizeof(number), &pointer);
	return number;
}

/* What lies between a per-CPU pointer and the memory of a CPU: the beacon of that CPU tells, whose pointer is known. */
static __always_inline u64 offset_by_beacon(u32 cpu)
{
	struct bpf_array *array = (void *)as_number(&beacon);
	u32 zero = 0;
	void *there = bpf_map_lookup_percpu_elem(&beacon, &zero, cpu);

	return there ? as_number(there) - (u64)BPF_CORE_READ(array, pptrs[0]) : 0;
}

static __always_inline u64 offset_by_symbol(u32 cpu)
{
	u64 offset = 0;

	bpf_probe_read_kernel(&offset, sizeof(offset), (void *)(ksym____per_cpu_offset + cpu * sizeof(offset)));
	return offset;
}

static __always_inline struct bpf_prog_stats *stats_of(struct bpf_prog *prog)
{
	struct bpf_prog_aux___old *old;

	if (bpf_core_field_exists(prog->stats))
		return BPF_CORE_READ(prog, stats);
	old = (void *)BPF_CORE_READ(prog, aux);
	return BPF_CORE_READ(old, stats);
}

static __always_inline void add_counters(struct counted *sum, const void *from)
{
	const struct bpf_prog_stats___new *new = from;
	const struct bpf_prog_stats *old = from;
	u64 runs = 0, time = 0;

	if (bpf_core_field_exists(new->cnt)) {
		bpf_core_read(&runs, sizeof(runs), &new->cnt);
		bpf_core_read(&time, sizeof(time), &new->nsecs);
	} else {
		runs = BPF_CORE_READ(old, cnt);
		time = BPF_CORE_READ(old, nsecs);
	}
	sum->runs += runs;
	sum->time += time;
}

/* Adds up what all CPUs have counted; false if one of them cannot be asked. */
static __always_inline bool count(struct counted *sum, struct bpf_prog *prog, bool by_beacon)
{
	struct bpf_prog_stats *stats = stats_of(prog);
	u64 offset;
	u32 cpu;

	if (!run_statistics || !stats || (!by_beacon && !ksym____per_cpu_offset))
		return false;
#pragma clang loop unroll(disable)
	for (cpu = 0; cpu < MAX_CPUS && cpu < possible_cpus; cpu++) {
		offset = by_beacon ? offset_by_beacon(cpu) : offset_by_symbol(cpu);
		if (!offset)
			return false;
		add_counters(sum, (void *)stats + offset);
	}
	return true;
}

static __always_inline void count_since(struct program *row, struct bpf_prog *prog, u32 id, bool by_beacon)
{
	struct counted now = {}, *then;

	row->runs = row->time = NS_NONE;
	if (!count(&now, prog, by_beacon))
		return;
	then = bpf_map_lookup_elem(&before, &id);
	if (then) {
		row->runs = now.runs - then->runs;
		row->time = now.time - then->time;
	} else if (BPF_CORE_READ(prog, aux, load_time) > begun) {
		row->runs = now.runs;
		row->time = now.time;
	}
	bpf_map_update_elem(&before, &id, &now, BPF_ANY);
}

static __always_inline char hex(u8 digit)
{
	return digit < 10 ? '0' + digit : 'a' + digit - 10;
}

static __always_inline void write_tag(text_t *to, struct bpf_prog *prog)
{
	u8 tag[TAG_SIZE] = {};
	int i;

	BPF_CORE_READ_INTO(&tag, prog, tag);
#pragma unroll
	for (i = 0; i < TAG_SIZE; i++) {
		to[2 * i] = hex(tag[i] >> 4);
		to[2 * i + 1] = hex(tag[i] & 15);
	}
}

#define FILL_HOLDER(row, holder)							\
	({										\
		(row)->pid = PID_UNKNOWN;						\
		if (holder) {								\
			(row)->pid = (holder)->pid;					\
			(row)->holders = (holder)->holders;				\
			__builtin_memcpy((row)->comm, (holder)->comm, sizeof(comm_t));	\
		}									\
	})

static __always_inline int show_program(struct bpf_prog *prog, bool by_beacon)
{
	struct bpf_prog_aux___new *aux;
	struct holder *holder;
	struct object_key key = {};
	struct program row = {};

	if (show != SHOW_PROGRAMS || !prog)
		return 0;
	key.id = BPF_CORE_READ(prog, aux, id);
	if (!key.id)
		return 0;
	count_since(&row, prog, key.id, by_beacon);
	holder = holder_of(OBJECT_PROGRAM, key.id);
	if (!holder && is_filtered())
		return 0;
	FILL_HOLDER(&row, holder);
	row.age = bpf_ktime_get_boot_ns() - BPF_CORE_READ(prog, aux, load_time);
	row.jited = BPF_CORE_READ(prog, jited_len);
	row.maps = BPF_CORE_READ(prog, aux, used_map_cnt);
	row.uid = BPF_CORE_READ(prog, aux, user, uid.val);
	row.type = BPF_CORE_READ(prog, type);
	row.insns = NS_NONE;
	aux = (void *)BPF_CORE_READ(prog, aux);
	if (bpf_core_field_exists(aux->verified_insns))
		row.insns = BPF_CORE_READ(aux, verified_insns);
	BPF_CORE_READ_STR_INTO(&row.name, prog, aux, name);
	write_tag(row.tag, prog);
	put(HALF(programs), &key, &row);
	return 0;
}

/* The helper that finds another CPU's value is there since 5.18 (07343110b293). */
SEC("iter/bpf_prog")
int each_program__1(struct bpf_iter__bpf_prog *ctx)
{
	return show_program(ctx->prog, true);
}

SEC("iter/bpf_prog")
int each_program__2(struct bpf_iter__bpf_prog *ctx)
{
	return show_program(ctx->prog, false);
}

SEC("iter/bpf_map")
int each_map(struct bpf_iter__bpf_map *ctx)
{
	struct bpf_map *map = ctx->map;
	struct object_key key = {};
	struct holder *holder;
	struct map row = {};

	if (show != SHOW_MAPS || !map)
		return 0;
	key.id = BPF_CORE_READ(map, id);
	holder = holder_of(OBJECT_MAP, key.id);
	if (!holder && is_filtered())
		return 0;
	FILL_HOLDER(&row, holder);
	row.key_bytes = BPF_CORE_READ(map, key_size);
	row.value_bytes = BPF_CORE_READ(map, value_size);
	row.entries = BPF_CORE_READ(map, max_entries);
	row.flags = BPF_CORE_READ(map, map_flags);
	row.type = BPF_CORE_READ(map, map_type);
	BPF_CORE_READ_STR_INTO(&row.name, map, name);
	put(HALF(maps), &key, &row);
	return 0;
}

/* Since 5.19 (9f8836127308). */
SEC("iter/bpf_link")
int each_link__1(struct bpf_iter__bpf_link *ctx)
{
	struct bpf_link *link = ctx->link;
	struct object_key key = {};
	struct holder *holder;
	struct link row = {};

	if (show != SHOW_LINKS || !link)
		return 0;
	key.id = BPF_CORE_READ(link, id);
	holder = holder_of(OBJECT_LINK, key.id);
	if (!holder && is_filtered())
		return 0;
	FILL_HOLDER(&row, holder);
	row.prog = BPF_CORE_READ(link, prog, aux, id);
	row.type = BPF_CORE_READ(link, type);
	BPF_CORE_READ_STR_INTO(&row.name, link, prog, aux, name);
	put(HALF(links), &key, &row);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
