// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/* Bytes over TCP by connection and process. */
#include "filter.h"
#include "sock.h"

const volatile bool hide_loopback = false; /* not what stays on this machine */

struct connection {
	tgid_t pid;
	ns_inum_t netns;
	ip_t laddr;
	ip_t raddr;
	port_t lport;
	port_t rport;
	ip_version_t family;
	u8 _pad[3];
};

struct traffic {
	bytes_t rx;
	bytes_t tx;
	comm_t comm;
};

HASH_HALVES(bytes, struct connection, struct traffic, 32768);

/* How far a socket was read when we last looked. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u32);
} read_of_sock SEC(".maps");

/* The same by address, where tracing programs have no socket storage. An entry of a socket that is
 * gone is overwritten when its address is used again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, u64);
	__type(value, u32);
} read_of_addr SEC(".maps");

/* Set when the iterators have met all sockets that were open before. */
u32 seeded = 0;

/* 127.0.0.0/8, ::1, and an address of this machine that it speaks to itself: the kernel sends all of them over lo. */
static __always_inline bool is_loopback(const u8 *local, const u8 *remote)
{
	const u32 *from = (const u32 *)local, *to = (const u32 *)remote;

	if (is_v4_mapped(remote) && remote[12] == 127)
		return true;
	if (!to[0] && !to[1] && !to[2] && to[3] == bpf_htonl(1))
		return true;
	return from[0] == to[0] && from[1] == to[1] && from[2] == to[2] && from[3] == to[3];
}

static __always_inline void record(struct sock *sk, u64 rx, u64 tx)
{
	struct connection conn = {};
	struct traffic zero = {}, *traffic;

	if (!is_current_wanted())
		return;
	conn.pid = bpf_get_current_pid_tgid() >> 32;
	fill_ends(&conn, sk);
	if (!are_ends_wanted(conn.family, conn.laddr, conn.raddr, conn.lport, conn.rport))
		return;
	if (hide_loopback && is_loopback(conn.laddr, conn.raddr))
		return;
	traffic = lookup_or_init(HALF(bytes), &conn, &zero);
	if (!traffic)
		return;
	read_current_comm(&traffic->comm);
	if (rx)
		add(&traffic->rx, rx);
	if (tx)
		add(&traffic->tx, tx);
}

static __always_inline int sent(struct sock *sk, int ret)
{
	if (ret > 0 && is_tcp(sk))
		record(sk, 0, ret);
	return 0;
}

/* In sock_sendmsg(): every way to send ends there since sendpage is gone (6.5). */
SEC("tp_btf/sock_send_length")
int BPF_PROG(send__1, struct sock *sk, int ret, int flags)
{
	return sent(sk, ret);
}

/* Until 6.4 sendfile and splice go another way; tcp_sendpage() would count the same bytes again. */
SEC("fexit/tcp_sendmsg_locked")
int BPF_PROG(send__2_msg, struct sock *sk, void *msg, u64 size, int ret)
{
	return sent(sk, ret);
}

SEC("fexit/do_tcp_sendpages")
int BPF_PROG(send__2_pages, struct sock *sk, void *page, int offset, u64 size, int flags, int ret)
{
	return sent(sk, ret);
}

SEC("fexit/tcp_sendmsg_locked")
int BPF_PROG(send__3, struct sock *sk, void *msg, u64 size, int ret)
{
	return sent(sk, ret);
}

/* The socket of the call that a thread is in, for the kretprobes. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, u64);
} sending SEC(".maps");

static __always_inline int send_begins(struct sock *sk)
{
	u64 id = bpf_get_current_pid_tgid(), addr = (u64)sk;

	bpf_map_update_elem(&sending, &id, &addr, BPF_ANY);
	return 0;
}

static __always_inline int send_ends(int ret)
{
	u64 id = bpf_get_current_pid_tgid(), *addr = bpf_map_lookup_elem(&sending, &id);

	if (!addr) {
		count_lost(LOST_EVENTS);
		return 0;
	}
	sent((void *)*addr, ret);
	bpf_map_delete_elem(&sending, &id);
	return 0;
}

SEC("kprobe/tcp_sendmsg_locked")
int BPF_KPROBE(send__4_msg, struct sock *sk)
{
	return send_begins(sk);
}

SEC("kretprobe/tcp_sendmsg_locked")
int BPF_KRETPROBE(send__4_msg_ret, int ret)
{
	return send_ends(ret);
}

SEC("kprobe/do_tcp_sendpages")
int BPF_KPROBE(send__4_pages, struct sock *sk)
{
	return send_begins(sk);
}

SEC("kretprobe/do_tcp_sendpages")
int BPF_KRETPROBE(send__4_pages_ret, int ret)
{
	return send_ends(ret);
}

SEC("kprobe/tcp_sendmsg_locked")
int BPF_KPROBE(send__5_msg, struct sock *sk)
{
	return send_begins(sk);
}

SEC("kretprobe/tcp_sendmsg_locked")
int BPF_KRETPROBE(send__5_msg_ret, int ret)
{
	return send_ends(ret);
}

/*
 * Bytes the process has taken out: the advance of copied_seq. The sequence number of the peer's
 * FIN is taken like a byte when it is consumed: it is the last before rcv_nxt once the FIN was
 * received (tcp_fin sets SOCK_DONE), and no byte.
 */
static __always_inline u32 read_position(struct sock *sk)
{
	struct tcp_sock *tp = (void *)sk;
	u32 position = BPF_CORE_READ(tp, copied_seq);
	u64 done = 1ULL << bpf_core_enum_value(enum sock_flags, SOCK_DONE);

	if ((BPF_CORE_READ(sk, __sk_common.skc_flags) & done) && position == BPF_CORE_READ(tp, rcv_nxt))
		position -= 1;
	return position;
}

static __always_inline int advanced(struct sock *sk, u32 *seen, u32 position)
{
	u32 from = *seen, bytes = position - from;

	*seen = position;
	/* The receive window is at most 1 GiB: more is a jump (TCP_REPAIR), not data. */
	if (bytes > 1U << 30)
		count_lost(LOST_EVENTS);
	else if (bytes)
		record(sk, bytes, 0);
	return 0;
}

/* A socket met for the first time: if the iterators should have met it, bytes were lost. */
static __always_inline void met(void)
{
	if (seeded)
		count_lost(LOST_EVENTS);
}

SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(recv__1, struct sock *sk)
{
	u32 position, *seen;

	if (!is_tcp(sk))
		return 0;
	position = read_position(sk);
	seen = bpf_sk_storage_get(&read_of_sock, sk, NULL, 0);
	if (seen)
		return advanced(sk, seen, position);
	met();
	bpf_sk_storage_get(&read_of_sock, sk, &position, BPF_LOCAL_STORAGE_GET_F_CREATE);
	return 0;
}

/* Both sides set copied_seq before they enter ESTABLISHED (tcp_rcv_state_process,
 * tcp_rcv_synsent_state_process). */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(recv__1_established, struct sock *sk, int oldstate, int newstate)
{
	u32 position;

	if (newstate != TCP_ESTABLISHED || !is_tcp(sk))
		return 0;
	position = read_position(sk);
	bpf_sk_storage_get(&read_of_sock, sk, &position, BPF_LOCAL_STORAGE_GET_F_CREATE);
	return 0;
}

/* Sockets that wait to be accepted have no file; those of other network namespaces have one. */
SEC("iter/tcp")
int recv__1_tcp_seed(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;
	u32 position;

	if (!sk || !is_tcp((void *)sk))
		return 0;
	position = read_position((void *)sk);
	bpf_sk_storage_get(&read_of_sock, (void *)sk, &position, BPF_LOCAL_STORAGE_GET_F_CREATE);
	return 0;
}

SEC("iter/task_file")
int recv__1_file_seed(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct socket *socket;
	u32 position;

	if (!ctx->task || !file) {
		seeded = 1;
		return 0;
	}
	socket = bpf_sock_from_file(file);
	if (!socket || !socket->sk || !is_tcp(socket->sk))
		return 0;
	position = read_position(socket->sk);
	bpf_sk_storage_get(&read_of_sock, socket->sk, &position, BPF_LOCAL_STORAGE_GET_F_CREATE);
	return 0;
}

SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(recv__2, struct sock *sk)
{
	u64 addr = (u64)sk;
	u32 position, *seen;

	if (!is_tcp(sk))
		return 0;
	position = read_position(sk);
	seen = bpf_map_lookup_elem(&read_of_addr, &addr);
	if (seen)
		return advanced(sk, seen, position);
	met();
	bpf_map_update_elem(&read_of_addr, &addr, &position, BPF_ANY);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(recv__2_established, struct sock *sk, int oldstate, int newstate)
{
	u64 addr = (u64)sk;
	u32 position;

	if (newstate != TCP_ESTABLISHED || !is_tcp(sk))
		return 0;
	position = read_position(sk);
	bpf_map_update_elem(&read_of_addr, &addr, &position, BPF_ANY);
	return 0;
}

SEC("iter/tcp")
int recv__2_tcp_seed(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;
	u64 addr = (u64)sk;
	u32 position;

	if (!sk) {
		seeded = 1;
		return 0;
	}
	if (!is_tcp((void *)sk))
		return 0;
	position = read_position((void *)sk);
	bpf_map_update_elem(&read_of_addr, &addr, &position, BPF_NOEXIST);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
