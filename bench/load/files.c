/* files.c - what the machine allows for a file over TCP: a server in C that does nothing but the system calls no target can do without.
 * Reads: recv, pread of each request (from 16 KiB: sendfile), one send for the batch. Writes: recv, pwrite of each request, one send for the
 * batch. Requests are 48 bytes, and responses, as a SCSI command and its response or the header of its data are; no protocol in between.
 * gcc -O2 -o files files.c ; usage: files FILE R|W BYTES DEPTH PAIRS SECS   (each pair: a client and a server process)
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <unistd.h>
#include <time.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>

enum { HEADER = 48, LARGE = 16384, MOST = 256 };
static size_t size, depth, places;
static int writes, fd;
static volatile uint64_t *done; /* shared: of each pair */

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static void die(const char *what) { perror(what); _exit(2); }
static void sendall(int s, const char *b, size_t n, int flags) { while (n) { ssize_t k = send(s, b, n, MSG_NOSIGNAL | flags); if (k < 0) _exit(0); b += k; n -= k; } }

/* Small ones at random, large ones one after the other, as the load generator does it. */
static off_t place(void) {
	static uint64_t x = 88172645463325252ull, next;
	if (size > LARGE) return (off_t)(next++ % places * size);
	x ^= x << 13; x ^= x >> 7; x ^= x << 17;
	return (off_t)(((x >> 32) * places >> 32) * size);
}

static void sendv(int s, struct iovec *v, int n) {
	while (n) {
		struct msghdr m = { .msg_iov = v, .msg_iovlen = n };
		ssize_t k = sendmsg(s, &m, MSG_NOSIGNAL);
		if (k < 0) _exit(0);
		while (n && (size_t)k >= v->iov_len) { k -= v->iov_len; v++; n--; }
		if (n) { v->iov_base = (char *)v->iov_base + k; v->iov_len -= k; }
	}
}

static void serve(int s) {
	size_t request = HEADER + (writes ? size : 0), have = 0, room = request * (size > LARGE ? 1 : depth) + 4096;
	char *in = malloc(room), *out = malloc(size * depth), header[HEADER] = { 0 };
	memset(in, 1, room); memset(out, 1, size * depth);
	for (;;) {
		ssize_t k = recv(s, in + have, room - have, 0);
		if (k <= 0) _exit(0);
		size_t count = (have += k) / request;
		struct iovec v[2 * MOST];
		int n = 0;
		for (size_t i = 0; i < count; i++) {
			if (!writes && size >= LARGE) {
				off_t at = place();
				sendall(s, header, HEADER, MSG_MORE);
				for (size_t left = size; left;) { ssize_t w = sendfile(s, fd, &at, left); if (w <= 0) _exit(0); left -= w; }
				continue;
			}
			v[n].iov_base = header; v[n++].iov_len = HEADER;
			if (writes) { if (pwrite(fd, in + i * request + HEADER, size, place()) < 0) die("pwrite"); continue; }
			if (pread(fd, out + i * size, size, place()) < 0) die("pread");
			v[n].iov_base = out + i * size; v[n++].iov_len = size;
		}
		if (n) sendv(s, v, n);
		memmove(in, in + count * request, have -= count * request);
	}
}

static void load(int c, volatile uint64_t *counter) {
	size_t request = HEADER + (writes ? size : 0), response = HEADER + (writes ? 0 : size), have = 0;
	char *out = malloc(request), *in = malloc(1 << 18);
	struct iovec v[MOST];
	memset(out, 7, request); memset(in, 0, 1 << 18);
	for (size_t n = depth;;) {
		for (size_t i = 0; i < n; i++) { v[i].iov_base = out; v[i].iov_len = request; }
		if (n) sendv(c, v, n);
		ssize_t k = recv(c, response > LARGE ? NULL : in, response > LARGE ? 1 << 20 : 1 << 18, response > LARGE ? MSG_TRUNC : 0);
		if (k <= 0) _exit(0);
		n = (have += k) / response; have -= n * response; *counter += n;
	}
}

static double cpu(pid_t p) {
	char name[64]; unsigned long u = 0, s = 0;
	snprintf(name, sizeof name, "/proc/%d/stat", p);
	FILE *f = fopen(name, "r");
	if (f) { if (fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &u, &s) < 2) u = s = 0; fclose(f); }
	return (double)(u + s) / sysconf(_SC_CLK_TCK);
}

int main(int ac, char **av) {
	if (ac != 7) { fprintf(stderr, "files FILE R|W BYTES DEPTH PAIRS SECS\n"); return 1; }
	writes = av[2][0] == 'W'; size = atol(av[3]); depth = atol(av[4]); int pairs = atoi(av[5]), one = 1; double secs = atof(av[6]);
	struct stat st; fd = open(av[1], O_RDWR);
	if (fd < 0 || fstat(fd, &st)) die(av[1]);
	if (!size || !(places = st.st_size / size) || depth > MOST || pairs < 1 || pairs > 64) { fprintf(stderr, "files: sizes\n"); return 1; }
	done = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t server[64], client[64];
	for (int i = 0; i < pairs; i++) {
		struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) }; socklen_t length = sizeof a;
		int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);
		if (bind(l, (void *)&a, sizeof a) || listen(l, 1) || getsockname(l, (void *)&a, &length) || connect(c, (void *)&a, sizeof a)) die("socket");
		int s = accept(l, NULL, NULL); close(l);
		setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		if (!(server[i] = fork())) { close(c); serve(s); }
		if (!(client[i] = fork())) { close(s); load(c, done + 8 * i); }
		close(s); close(c);
	}
	usleep(300000);
	double t = now(), used = 0; uint64_t ios = 0;
	for (int i = 0; i < pairs; i++) { used -= cpu(server[i]); ios -= done[8 * i]; }
	usleep((useconds_t)(secs * 1e6));
	for (int i = 0; i < pairs; i++) { used += cpu(server[i]); ios += done[8 * i]; }
	t = now() - t;
	for (int i = 0; i < pairs; i++) { kill(client[i], SIGKILL); kill(server[i], SIGKILL); }
	while (wait(NULL) > 0) {}
	printf("%.0f IOPS, server CPU %.2f us/IO\n", ios / t, used * 1e6 / (ios ? ios : 1));
	return 0;
}
