/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * Single events: a ring that all CPUs write and user space empties several times a second. Nobody is
 * woken for an event, which is what makes other tools cost microseconds for each.
 */
#ifndef BCC_TOP_EVENTS_H
#define BCC_TOP_EVENTS_H

#include "filter.h"

/* Most events of an interval that user space keeps; 0 is its default. What is over it is counted as lost. */
const volatile u32 max_events = 0;

/* The value type is the schema: the engine reads it from BTF, and takes it away before the kernel,
 * which wants a ring without one (ringbuf_map_alloc), sees it. BYTES is a power of two. */
#define EVENT_RING(name, T, BYTES)					\
	struct {							\
		__uint(type, BPF_MAP_TYPE_RINGBUF);			\
		__uint(max_entries, BYTES);				\
		__type(value, T);					\
	} name SEC(".maps")

/* Room for an event; NULL, counted, if the ring is full. What comes back holds what was there before:
 * every field has to be written, and whoever gets it has to call submit_event(). */
#define reserve_event(ring, T) ((T *)__reserve_event(&(ring), sizeof(T)))

static __always_inline void *__reserve_event(void *ring, u64 size)
{
	void *event = bpf_ringbuf_reserve(ring, size, 0);

	if (!event)
		count_lost(LOST_EVENTS);
	return event;
}

/* Room for all of an event if `whole`, which has to be constant, else for what stands before `end`. */
#define reserve_event_or_until(ring, T, whole, end)			\
	({								\
		T *reserved;						\
									\
		if (whole)						\
			reserved = reserve_event(ring, T);		\
		else							\
			reserved = __reserve_event(&(ring), __builtin_offsetof(T, end)); \
		reserved;						\
	})

static __always_inline void submit_event(void *event)
{
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

#endif
