/* Looks host names up as it is told: a dynamic program, as the test binary is static. A line `FUNCTION NAME` is a lookup, answered with
 * the time it took (ns) and 1 if it found something. `armed` is answered with 1 if the function that is watched last has a
 * breakpoint: by then the others have all of theirs. */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

static sigjmp_buf out;

static void leave(int signal)
{
	(void)signal;
	siglongjmp(out, 1);
}

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* As programs did that wanted to wait no longer. */
static int give_up_after(const char *name, long ms)
{
	struct itimerval timer = { .it_value = { ms / 1000, ms % 1000 * 1000 } };
	struct addrinfo *found;

	signal(SIGALRM, leave);
	if (sigsetjmp(out, 1))
		return 0;
	setitimer(ITIMER_REAL, &timer, NULL);
	return getaddrinfo(name, NULL, NULL, &found) == 0;
}

static int look_up(const char *function, const char *name)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *list;
	struct hostent host, *found = NULL;
	char memory[4096];
	int error, why;

	if (!strcmp(function, "getaddrinfo")) {
		error = getaddrinfo(name, NULL, &hints, &list);
		if (!error)
			freeaddrinfo(list);
		return !error;
	}
	if (!strcmp(function, "gethostbyname"))
		return gethostbyname(name) != NULL;
	if (!strcmp(function, "gethostbyname2"))
		return gethostbyname2(name, AF_INET) != NULL;
	if (!strcmp(function, "gethostbyname_r"))
		return !gethostbyname_r(name, &host, memory, sizeof(memory), &found, &why) && found;
	if (!strcmp(function, "gethostbyname2_r"))
		return !gethostbyname2_r(name, AF_INET, &host, memory, sizeof(memory), &found, &why) && found;
	if (!strcmp(function, "small"))
		return gethostbyname_r(name, &host, memory, 8, &found, &why) == ERANGE;
	if (!strcmp(function, "service"))
		return getaddrinfo(NULL, "1", NULL, &list) == 0;
	if (!strcmp(function, "give_up"))
		return give_up_after(name, 200);
	abort();
}

int main(void)
{
	char function[32], name[512];
	/* Volatile, or the compiler knows its own function's first byte. */
	unsigned char *volatile code = (unsigned char *)gethostbyname2_r;
	long long begun;
	int found;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("ready\n");
	while (scanf("%31s %511s", function, name) == 2) {
		if (!strcmp(function, "armed")) {
			printf("0 %d\n", *code == 0xcc);
			continue;
		}
		begun = now();
		found = look_up(function, name);
		printf("%lld %d\n", now() - begun, found);
	}
	return 0;
}
