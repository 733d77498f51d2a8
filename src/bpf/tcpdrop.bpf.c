// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* TCP segments that the kernel throws away. */
#include "events.h"
#include "listed.h"
#include "packet.h"
#include "tcp_owner.h"
#include "tcp_state.h"

enum by {
	BY_EVENT,
	BY_REASON,
	BY_SADDR,
	BY_DADDR,
	BY_DPORT,
	BY_STATE,
};

const volatile u32 by = BY_EVENT;
const volatile bool named = false; /* only drops with a reason */
const volatile bool stack = false; /* with the functions that led there */
const volatile u32 netns = 0;	   /* only in this network namespace */
const volatile listed_t reason = {}, not_reason = {};
const volatile network_t saddr = {}, daddr = {};
const volatile u32 sport[MAX_PORTS] = {}, dport[MAX_PORTS] = {};

NARGS(kfree_skb);

/* The kernel's own values and names are looked up on the running one; these tell what to leave out of the names. */
enum skb_drop_reason {
	SKB_DROP_REASON_NOT_SPECIFIED = 2,
	SKB_DROP_REASON_NO_SOCKET = 3,
};

#define LOCATION_SIZE 48
#define STACK_SIZE 640
/* Values that bpf_snprintf() takes (MAX_BPRINTF_VARARGS). */
#define STACK_FRAMES 12
/* Frames before the one that threw it away: those of the tracepoint and of the programs on it. A power of two. */
#define STACK_FRONT 16

struct drop {
	event_time_t time_ns;
	cgroup_id_t cgroup;
	tgid_t pid;
	ns_inum_t netns;
	ip_t saddr;
	ip_t daddr;
	port_t sport;
	port_t dport;
	ip_version_t family;
	u8 _pad[3];
	enum tcp_state_name state;
	enum skb_drop_reason reason;
	text_t flags[8];
	comm_t comm;
	text_t location[LOCATION_SIZE];
	/* Only there with `stack`. */
	frames_t stack[STACK_SIZE];
};

/* What is known of a segment before it is decided what becomes of it. */
struct segment {
	u8 saddr[16];
	u8 daddr[16];
	u16 sport;
	u16 dport;
	u32 netns;
	u64 flags;
	enum tcp_state_name state;
	enum skb_drop_reason reason;
	u8 family;
};

/* 6,000 events; user space empties it ten times a second. */
EVENT_RING(events, struct drop, 1 << 20);

/* Only what is asked for is not zero. */
struct drop_key {
	ip_t saddr;
	ip_t daddr;
	port_t dport;
	u16 _pad;
	enum tcp_state_name state;
	enum skb_drop_reason reason;
};

struct drops {
	count_t count;
};

HASH_HALVES(counts, struct drop_key, struct drops, 10240);

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct net_device {
	possible_net_t nd_net;
};
struct sk_buff {
	struct sock *sk;
	struct net_device *dev;
	__be16 protocol;
	u16 network_header;
	unsigned char *head;
};

#pragma clang attribute pop

/* Reads what is not at home in kernel memory byte for byte; false if it is not there. */
static __always_inline bool read_v4(struct segment *segment, const void *at, u32 *length)
{
	struct v4_header ip;

	if (bpf_probe_read_kernel(&ip, sizeof(ip), at) || ip.version_ihl >> 4 != 4 || ip.protocol != IPPROTO_TCP)
		return false;
	/* A later fragment has no TCP header. */
	if (bpf_ntohs(ip.frag) & IP_OFFSET)
		return false;
	v4_mapped(segment->saddr, ip.saddr);
	v4_mapped(segment->daddr, ip.daddr);
	segment->family = 4;
	*length = v4_header_size(&ip);
	return true;
}

static __always_inline bool read_v6(struct segment *segment, const void *at, u32 *length)
{
	struct v6_header ip;

	if (bpf_probe_read_kernel(&ip, sizeof(ip), at) || (ip.flow & 0xf0) != 0x60 || ip.next != IPPROTO_TCP)
		return false;
	__builtin_memcpy(segment->saddr, ip.saddr, sizeof(segment->saddr));
	__builtin_memcpy(segment->daddr, ip.daddr, sizeof(segment->daddr));
	segment->family = 6;
	*length = sizeof(ip);
	return true;
}

/* As tcpdump writes them. Put together in a number: 5.10 has no stores to the stack at a place that is not constant. */
static __always_inline u64 flags_text(u8 flags)
{
	u64 text = 0;

	if (flags & 0x20)
		text = text << 8 | 'U';
	if (flags & 0x10)
		text = text << 8 | '.';
	if (flags & 0x08)
		text = text << 8 | 'P';
	if (flags & 0x01)
		text = text << 8 | 'F';
	if (flags & 0x04)
		text = text << 8 | 'R';
	if (flags & 0x02)
		text = text << 8 | 'S';
	return text;
}

/* From the headers: most segments that are dropped belong to no socket. False if it is no TCP segment. */
static __always_inline bool read_headers(struct segment *segment, struct sk_buff *skb)
{
	u16 protocol = bpf_ntohs(BPF_CORE_READ(skb, protocol));
	const void *at;
	struct tcp_header tcp;
	u32 length;

	if (protocol != ETH_P_IP && protocol != ETH_P_IPV6)
		return false;
	at = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, network_header);
	if (protocol == ETH_P_IP ? !read_v4(segment, at, &length) : !read_v6(segment, at, &length))
		return false;
	if (bpf_probe_read_kernel(&tcp, sizeof(tcp), at + length))
		return false;
	segment->sport = bpf_ntohs(tcp.sport);
	segment->dport = bpf_ntohs(tcp.dport);
	segment->flags = flags_text(tcp.flags);
	return true;
}

/* The socket that received it (since 6.11, c53795d48ee8), or that it was charged to. */
static __always_inline struct sock *socket_of(struct sk_buff *skb, u64 *ctx)
{
	struct sock *sk = nargs__kfree_skb >= 4 ? (void *)ctx[3] : NULL;

	return sk ?: BPF_CORE_READ(skb, sk);
}

static __always_inline void fill_socket(struct segment *segment, struct sk_buff *skb, struct sock *sk)
{
	if (!sk) {
		segment->netns = BPF_CORE_READ(skb, dev, nd_net.net, ns.inum);
		return;
	}
	segment->netns = net_namespace(sk);
	/* It may be a raw socket. */
	segment->state = tcp_state(sk);
}

static __always_inline void fill_owner(struct drop *drop, const struct sock_owner *owner)
{
	if (!is_owner_known(owner))
		return;
	drop->pid = owner->pid;
	drop->cgroup = owner->cgroup;
	__builtin_memcpy(drop->comm, owner->comm, sizeof(drop->comm));
}

/* The source and the destination that the headers name. */
static __always_inline bool are_headers_wanted(const struct segment *segment)
{
	return is_family_wanted(segment->family) && is_port_wanted(sport, segment->sport) &&
	       is_port_wanted(dport, segment->dport) && is_in_network(&saddr, segment->saddr) &&
	       is_in_network(&daddr, segment->daddr);
}

/* The function that threw it away; the kernel itself finds the name of an address since 5.13. */
static __always_inline void fill_location(struct drop *drop, u64 *ctx)
{
	static const char format[] = "%ps";
	u64 place = ctx[1];

	if (!bpf_core_enum_value_exists(enum bpf_func_id___513, BPF_FUNC_snprintf___513))
		return;
	if (bpf_snprintf(drop->location, sizeof(drop->location), format, &place, sizeof(place)) > LOCATION_SIZE)
		count_lost(LOST_TRUNCATED);
}

/*
 * The frames from the one that threw it away on, by name as above. What is in front of it differs by kernel, and by who else
 * watches. A frame that is not there is address 0, which user space cuts off.
 */
static __always_inline void fill_stack(struct drop *drop, u64 *ctx)
{
	static const char format[] = "%ps;%ps;%ps;%ps;%ps;%ps;%ps;%ps;%ps;%ps;%ps;%ps";
	u64 frames[STACK_FRONT + STACK_FRAMES] = {};
	u64 place = ctx[1];
	u32 first = 0, i;
	long size;

	drop->stack[0] = 0;
	if (!bpf_core_enum_value_exists(enum bpf_func_id___513, BPF_FUNC_snprintf___513))
		return;
	size = bpf_get_stack(ctx, frames, sizeof(frames), 0);
	if (size < 0) {
		count_lost(LOST_STACKS);
		return;
	}
	for (i = 0; i < STACK_FRONT; i++) {
		if (frames[i] == place) {
			first = i;
			break;
		}
	}
	barrier_var(first);
	first &= STACK_FRONT - 1;
	size = bpf_snprintf(drop->stack, sizeof(drop->stack), format, &frames[first], STACK_FRAMES * sizeof(u64));
	if (size > STACK_SIZE)
		count_lost(LOST_TRUNCATED);
}

static __always_inline void count_drop(const struct segment *segment)
{
	struct drop_key key = {};
	struct drops zero = {}, *sum;

	if (by == BY_REASON)
		key.reason = segment->reason;
	else if (by == BY_SADDR)
		__builtin_memcpy(key.saddr, segment->saddr, sizeof(key.saddr));
	else if (by == BY_DADDR)
		__builtin_memcpy(key.daddr, segment->daddr, sizeof(key.daddr));
	else if (by == BY_DPORT)
		key.dport = segment->dport;
	else
		key.state = segment->state;
	sum = lookup_or_init(HALF(counts), &key, &zero);
	if (sum)
		add(&sum->count, 1);
}

/* Why: nothing before 5.17 (c504e5c2f964). */
static __always_inline bool read_reason(struct segment *segment, u64 *ctx)
{
	segment->reason = -1;
	if (nargs__kfree_skb < 3)
		return !named;
	segment->reason = (u32)ctx[2];
	if (!is_listed(reason, segment->reason) || (not_reason[0] && is_listed(not_reason, segment->reason)))
		return false;
	return !named || segment->reason != bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_NOT_SPECIFIED);
}

static __always_inline void tell(const struct segment *segment, const struct sock_owner *owner, u64 *ctx)
{
	struct drop *drop = reserve_event_or_until(events, struct drop, stack, stack);

	if (!drop)
		return;
	__builtin_memset(drop, 0, __builtin_offsetof(struct drop, stack));
	drop->time_ns = bpf_ktime_get_ns();
	drop->pid = PID_UNKNOWN;
	drop->netns = segment->netns;
	__builtin_memcpy(drop->saddr, segment->saddr, sizeof(drop->saddr));
	__builtin_memcpy(drop->daddr, segment->daddr, sizeof(drop->daddr));
	drop->sport = segment->sport;
	drop->dport = segment->dport;
	drop->family = segment->family;
	drop->state = segment->state;
	drop->reason = segment->reason;
	__builtin_memcpy(drop->flags, &segment->flags, sizeof(drop->flags));
	fill_owner(drop, owner);
	fill_location(drop, ctx);
	if (stack)
		fill_stack(drop, ctx);
	submit_event(drop);
}

SEC("tp_btf/kfree_skb")
int drop__1(u64 *ctx)
{
	struct segment segment = { .state = -1 };
	struct sk_buff *skb = (void *)ctx[0];
	struct sock_owner *owner;
	struct sock *sk;

	if (!read_reason(&segment, ctx) || !read_headers(&segment, skb) || !are_headers_wanted(&segment))
		return 0;
	sk = socket_of(skb, ctx);
	owner = sk ? owner_of(sk) : NULL;
	if (!is_owner_wanted(owner))
		return 0;
	fill_socket(&segment, skb, sk);
	if (netns && segment.netns != netns)
		return 0;
	if (by == BY_EVENT)
		tell(&segment, owner, ctx);
	else
		count_drop(&segment);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
