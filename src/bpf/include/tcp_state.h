/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/* States of TCP sockets, shown by name. The kernel's enum has no name, so the names are these. */
#ifndef BCC_TOP_TCP_STATE_H
#define BCC_TOP_TCP_STATE_H

#include "kernel.h"

enum tcp_state_name {
	STATE_ESTABLISHED = 1,
	STATE_SYN_SENT,
	STATE_SYN_RECV,
	STATE_FIN_WAIT1,
	STATE_FIN_WAIT2,
	STATE_TIME_WAIT,
	STATE_CLOSE,
	STATE_CLOSE_WAIT,
	STATE_LAST_ACK,
	STATE_LISTEN,
	STATE_CLOSING,
	STATE_NEW_SYN_RECV,
};

#endif
