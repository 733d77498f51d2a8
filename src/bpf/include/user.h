/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/* The setting `uid`: whose work is looked at. 0 is root, so it is not the number of anybody. */
#ifndef BCC_TOP_USER_H
#define BCC_TOP_USER_H

#include "kernel.h"

#define UID_ANY (~0U)

const volatile u32 uid = UID_ANY; /* only this user */

static __always_inline bool is_user_wanted(u32 user)
{
	return uid == UID_ANY || user == uid;
}

static __always_inline bool is_current_user_wanted(void)
{
	return uid == UID_ANY || is_user_wanted(bpf_get_current_uid_gid());
}

#endif
