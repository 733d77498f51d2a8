// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* Page cache hits, misses and dirtied pages: by process, or of the whole host. */
#include "filter.h"
#include "user.h"

static __always_inline bool is_caller_wanted(void)
{
	return is_current_user_wanted() && is_current_wanted();
}

struct cache_key {
	tgid_t pid;
};

struct cache {
	pages_t accessed;
	pages_t read_misses;
	pages_t write_misses;
	pages_t write_hits;
	uid_num_t uid;
	comm_t comm;
	u32 _pad;
};

HASH_HALVES(pages, struct cache_key, struct cache, 10240);

/* The whole host. Each may be negative in one interval for what was added in the one before. */
struct host_cache {
	pages_t read_hits;
	pages_t read_misses;
	pages_t write_misses;
	pages_t write_hits;
};

PERCPU_VALUE_HALVES(host, struct host_cache);
READS(host);

/* A thread, and how many reads through the cache it had ended by then. */
struct moment {
	u32 tid;
	u32 reads;
};

/* When a folio was brought in, until it is dirtied. An old folio that is never dirtied is pushed
 * out; an address that is used again is overwritten when the new folio is added. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, u64);
	__type(value, struct moment);
} added_by SEC(".maps");

/*
 * What is known of a thread.
 *
 * Reads that it has ended: a folio that is added and then dirtied with no read ended in between
 * was added by that write, a write miss. One that a read brought in stays a read miss when the
 * same thread rewrites it: that write hits.
 *
 * For the whole host, where no process is there to owe them: pages that it brought in and has not
 * read yet, and the span that was counted as accessed before all of it was brought in.
 */
struct reader {
	u32 ended;
	u32 _pad;
	s64 unread;
	u64 mapping;
	u64 index;
	u64 last;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, struct reader);
} readers SEC(".maps");

static __always_inline struct reader *this_reader(void)
{
	u32 tid = bpf_get_current_pid_tgid();
	struct reader zero = {};

	return lookup_or_init(&readers, &tid, &zero);
}

static __always_inline struct moment this_moment(void)
{
	struct moment now = { .tid = bpf_get_current_pid_tgid() };
	struct reader *reader = bpf_map_lookup_elem(&readers, &now.tid);

	if (reader)
		now.reads = reader->ended;
	return now;
}

static __always_inline void read_ended(void)
{
	struct reader *reader = this_reader();

	if (reader)
		reader->ended += 1;
}

/* The last span a thread went through: a long read reports it again for each batch. */
struct span {
	u64 mapping;
	u64 index;
	u64 last;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct span);
} spans SEC(".maps");

static __always_inline struct cache *current_cache(void)
{
	struct cache_key key = { .pid = bpf_get_current_pid_tgid() >> 32 };
	struct cache zero = {};
	void *half = HALF(pages);
	struct cache *cache;

	zero.uid = bpf_get_current_uid_gid();
	cache = lookup_or_init(half, &key, &zero);
	if (cache)
		read_current_comm(&cache->comm);
	return cache;
}

static __always_inline void add_pages(pages_t *counter, s64 n)
{
	__sync_fetch_and_add(counter, n);
}

/* What a thread reads first of the pages that it brought in itself is no hit. */
static __always_inline void host_accessed(s64 pages)
{
	struct host_cache *cache = PERCPU_HALF(host);
	struct reader *reader = this_reader();
	s64 paid;

	if (!cache || !reader)
		return;
	paid = reader->unread < pages ? reader->unread : pages;
	reader->unread -= paid;
	add_pages(&cache->read_hits, pages - paid);
}

/* Pages of a folio that lie in the span which the thread is reading: they were taken for hits. */
static __always_inline s64 pages_in_span(struct reader *reader, struct folio *folio, s64 pages)
{
	struct folio_place place;
	u64 first, end;

	if (!reader->mapping || !folio_place(folio, &place) || place.mapping != reader->mapping)
		return 0;
	first = place.index > reader->index ? place.index : reader->index;
	end = place.index + pages;
	if (end > reader->last + 1)
		end = reader->last + 1;
	return first < end ? end - first : 0;
}

static __always_inline void host_added(struct folio *folio)
{
	struct host_cache *cache = PERCPU_HALF(host);
	struct reader *reader = this_reader();
	s64 pages = folio_pages(folio), counted;

	if (!cache || !reader)
		return;
	counted = pages_in_span(reader, folio, pages);
	reader->unread += pages - counted;
	add_pages(&cache->read_misses, pages);
	add_pages(&cache->read_hits, -counted);
}

static __always_inline void host_dirtied(s64 pages, bool missed)
{
	struct host_cache *cache = PERCPU_HALF(host);
	struct reader *reader = this_reader();

	if (!cache || !reader)
		return;
	if (!missed) {
		add_pages(&cache->write_hits, pages);
		return;
	}
	reader->unread -= reader->unread < pages ? reader->unread : pages;
	add_pages(&cache->read_misses, -pages);
	add_pages(&cache->write_misses, pages);
}

static __always_inline void accessed(s64 pages)
{
	struct cache *cache;

	read_ended();
	if (pages <= 0)
		return;
	if (reads__host) {
		host_accessed(pages);
		return;
	}
	cache = current_cache();
	if (cache)
		add_pages(&cache->accessed, pages);
}

/* `last` is inclusive and may lie behind the end of the file. filemap_read() comes here once for each batch of
 * folios, with the same `last` and an index that has moved on: the rest of a span that was counted whole the first time. */
SEC("tp_btf/mm_filemap_get_pages")
int BPF_PROG(access__1, struct address_space *mapping, u64 index, u64 last)
{
	s64 size = BPF_CORE_READ(mapping, host, i_size);
	u64 pages = (size + (1 << PAGE_SHIFT) - 1) >> PAGE_SHIFT;
	struct reader *reader;
	struct span *span;
	bool same;

	if (!is_caller_wanted())
		return 0;
	span = bpf_task_storage_get(&spans, bpf_get_current_task_btf(), NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!span) {
		count_lost(LOST_EVENTS);
		return 0;
	}
	same = span->mapping == (u64)mapping && span->last == last && index > span->index;
	span->mapping = (u64)mapping;
	span->index = index;
	span->last = last;
	if (same) {
		read_ended();
		return 0;
	}
	if (last >= pages)
		last = pages - 1;
	accessed(last - index + 1);
	reader = reads__host ? this_reader() : NULL;
	if (reader) {
		reader->mapping = (u64)mapping;
		reader->index = index;
		reader->last = last;
	}
	return 0;
}

/* Pages of the span that a read returned: it ends where the file position now is. */
static __always_inline int read_returned(struct kiocb *iocb, s64 bytes)
{
	s64 end = BPF_CORE_READ(iocb, ki_pos);

	if (bytes <= 0 || !is_caller_wanted())
		return 0;
	accessed(((end - 1) >> PAGE_SHIFT) - ((end - bytes) >> PAGE_SHIFT) + 1);
	return 0;
}

/* `already` is what direct I/O read before it fell back to the cache; the result includes it. */
SEC("fexit/filemap_read")
int BPF_PROG(access__2, struct kiocb *iocb, struct iov_iter *iter, s64 already, s64 ret)
{
	return read_returned(iocb, ret - already);
}

SEC("fexit/generic_file_buffered_read")
int BPF_PROG(access__3, struct kiocb *iocb, struct iov_iter *iter, s64 already, s64 ret)
{
	return read_returned(iocb, ret - already);
}

struct reading {
	u64 iocb;
	s64 already;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct reading);
} reading SEC(".maps");

static __always_inline int read_begins(struct kiocb *iocb, s64 already)
{
	struct reading begun = { .iocb = (u64)iocb, .already = already };
	u64 id = bpf_get_current_pid_tgid();

	bpf_map_update_elem(&reading, &id, &begun, BPF_ANY);
	return 0;
}

static __always_inline int read_ends(s64 ret)
{
	u64 id = bpf_get_current_pid_tgid();
	struct reading *begun = bpf_map_lookup_elem(&reading, &id);

	if (!begun) {
		count_lost(LOST_EVENTS);
		return 0;
	}
	read_returned((void *)begun->iocb, ret - begun->already);
	bpf_map_delete_elem(&reading, &id);
	return 0;
}

SEC("kprobe/filemap_read")
int BPF_KPROBE(access__4, struct kiocb *iocb, struct iov_iter *iter, s64 already)
{
	return read_begins(iocb, already);
}

SEC("kretprobe/filemap_read")
int BPF_KRETPROBE(access__4_ret, s64 ret)
{
	return read_ends(ret);
}

SEC("kprobe/generic_file_buffered_read")
int BPF_KPROBE(access__5, struct kiocb *iocb, struct iov_iter *iter, s64 already)
{
	return read_begins(iocb, already);
}

SEC("kretprobe/generic_file_buffered_read")
int BPF_KRETPROBE(access__5_ret, s64 ret)
{
	return read_ends(ret);
}

/* The argument is a page on 5.10, which is then the only one. */
SEC("tp_btf/mm_filemap_add_to_page_cache")
int BPF_PROG(add__1, struct folio *folio)
{
	struct moment now = this_moment();
	u64 key = (u64)folio;
	struct cache *cache;

	if (!is_caller_wanted()) {
		/* The address may be known from a folio that is gone. */
		bpf_map_delete_elem(&added_by, &key);
		return 0;
	}
	bpf_map_update_elem(&added_by, &key, &now, BPF_ANY);
	if (reads__host) {
		host_added(folio);
		return 0;
	}
	cache = current_cache();
	if (cache)
		add_pages(&cache->read_misses, folio_pages(folio));
	return 0;
}

static __always_inline int dirtied(struct folio *folio)
{
	struct moment now = this_moment(), *added;
	u64 key = (u64)folio;
	struct cache *cache;
	bool missed = false;
	s64 pages;

	added = bpf_map_lookup_elem(&added_by, &key);
	if (added) {
		missed = added->tid == now.tid && added->reads == now.reads;
		bpf_map_delete_elem(&added_by, &key);
	}
	if (!is_caller_wanted())
		return 0;
	pages = folio_pages(folio);
	if (reads__host) {
		host_dirtied(pages, missed);
		return 0;
	}
	cache = current_cache();
	if (!cache)
		return 0;
	if (missed) {
		add_pages(&cache->read_misses, -pages);
		add_pages(&cache->write_misses, pages);
	} else {
		add_pages(&cache->write_hits, pages);
	}
	return 0;
}

/* Fires when a clean folio becomes dirty (folio_account_dirtied). */
SEC("tp_btf/writeback_dirty_folio")
int BPF_PROG(dirty__1, struct folio *folio)
{
	return dirtied(folio);
}

SEC("tp_btf/writeback_dirty_page")
int BPF_PROG(dirty__2, struct folio *page)
{
	return dirtied(page);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
