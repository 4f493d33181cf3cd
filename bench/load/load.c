/* load.c - iSCSI load generator.
 * Two engines: -e raw (own minimal initiator, batched reads, gathers writes; cheap) and -e lib (libiscsi, where its headers are there).
 * build: gcc -O2 -g -msse4.2 -o load load.c -lpthread [-DWITH_LIBISCSI -liscsi]
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <stdatomic.h>
#include <unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <signal.h>
#include <pthread.h>
#include <getopt.h>
#include <dirent.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/resource.h>
#include <sys/epoll.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <nmmintrin.h>
#ifdef WITH_LIBISCSI
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#else
struct scsi_iovec { void *iov_base; size_t iov_len; };
#endif

static struct {
	char host[128], iqn[256], portal[160], user[64], pass[64]; int port, lun;
	int sessions, qd, threads, raw, seq, wpct, digest, verify, mode, fua, flush, drop; /* mode 0 load, 1 idle, 2 login rate, 3 first login */
	uint32_t bs, firstburst, maxburst, mrdsl; int initialr2t, immediate;
	double secs, warm; int pid; const char *label, *csv; uint64_t limit, seed;
} o = { .port = 3260, .sessions = 1, .qd = 1, .threads = 1, .raw = 1, .bs = 4096, .secs = 5, .warm = 0.4,
	.firstburst = 262144, .maxburst = 262144, .mrdsl = 262144, .immediate = 1, .label = "-", .seed = 1 };

static uint64_t now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }
static void die(const char *f, ...) { va_list a; va_start(a, f); vfprintf(stderr, f, a); va_end(a); fputc('\n', stderr); exit(2); }
static atomic_int phase; /* 0 warm-up, 1 measuring, 2 stop */
static uint64_t started; /* the load, after all logins */
/* A failed run prints no row: the process ends with 2. */
#define lost(c, ...) lost_at((c)->id, __VA_ARGS__)
static void lost_at(int session, const char *f, ...) {
	char text[256]; va_list a; va_start(a, f); vsnprintf(text, sizeof text, f, a); va_end(a);
	if (started) die("session %d: %s, %.2f s into the load", session, text, (now() - started) / 1e9);
	die("session %d: %s", session, text);
}

/* log-linear histogram of ns: 128 buckets a power of two */
#define SUB 7
#define NB ((64 - SUB) << SUB)
typedef struct { uint64_t ios, bytes, errs, reads, writes; uint64_t max; uint32_t h[NB]; } stats;
static int hb(uint64_t v) { if (v < (1u << SUB)) return v; int e = 63 - __builtin_clzll(v) - SUB; return ((e + 1) << SUB) + ((v >> e) & ((1 << SUB) - 1)); }
static double hv(int b) { int e = (b >> SUB) - 1; if (e < 0) return b; return (double)((1ull << SUB) + (b & ((1 << SUB) - 1)) + 0.5) * (double)(1ull << e); }

static uint32_t rng(uint64_t *s) { *s ^= *s << 13; *s ^= *s >> 7; *s ^= *s << 17; return *s >> 32; }

struct conn; struct thr;
typedef struct { struct conn *c; uint64_t t0; int idx, write; uint32_t got; uint64_t lba; uint8_t *buf; struct scsi_iovec iov; } slot;
typedef struct { uint8_t hdr[52]; int hlen; const uint8_t *d; uint32_t dlen; uint8_t tail[8]; int tlen; } outq;
typedef struct conn {
	struct thr *t; int id, fd; uint64_t blocks, nio, nextseq, seed; uint32_t blk; slot *s; int inflight;
	struct iscsi_context *isc; int ok; uint64_t ios;
	/* raw */
	uint32_t cmdsn, maxcmdsn, expstatsn, itt; uint32_t tmrdsl, first, burst; int ir2t, imm, hd, dd;
	uint8_t *rb; size_t rlen, rcap, drop, want; uint8_t dropped[48]; outq *q; int qh, qn, qcap; size_t qoff; int *pend; int npend, wantout; uint32_t evs;
} conn;
typedef struct thr { pthread_t th; int id, nc; conn *c; stats st; int ready; double cpu0, cpu1; } thr;

static uint32_t crc(uint32_t c, const uint8_t *p, size_t n) { uint64_t x = c; for (; n >= 8; n -= 8, p += 8) x = _mm_crc32_u64(x, *(const uint64_t *)p); while (n--) x = _mm_crc32_u8(x, *p++); return x; }
static void pbe32(uint8_t *p, uint32_t v) { p[0] = v >> 24; p[1] = v >> 16; p[2] = v >> 8; p[3] = v; }
static void pbe64(uint8_t *p, uint64_t v) { pbe32(p, v >> 32); pbe32(p + 4, v); }
static uint32_t gbe32(const uint8_t *p) { return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }
static uint64_t gbe64(const uint8_t *p) { return (uint64_t)gbe32(p) << 32 | gbe32(p + 4); }

static void done(slot *s, int bad) {
	stats *st = &s->c->t->st;
	if (atomic_load_explicit(&phase, memory_order_relaxed) == 1) {
		uint64_t l = now() - s->t0; st->ios++; s->c->ios++; st->bytes += o.bs; if (s->write) st->writes++; else st->reads++;
		if (bad) st->errs++; if (l > st->max) st->max = l; st->h[hb(l)]++;
	} else if (bad) st->errs++;
	s->c->inflight--;
}
static void pick(slot *s) {
	conn *c = s->c; uint64_t i;
	if (o.seq) { i = c->nextseq++; if (c->nextseq >= c->nio) c->nextseq = 0; } else i = ((uint64_t)rng(&c->seed) * c->nio) >> 32;
	s->lba = i * (o.bs / c->blk);
	s->write = o.wpct == 100 ? 1 : o.wpct == 0 ? 0 : (int)(rng(&c->seed) % 100) < o.wpct;
	s->t0 = now(); s->got = 0; c->inflight++;
}
static void mkslots(conn *c) {
	c->nio = c->blocks * c->blk / o.bs; if (!c->nio) die("LUN smaller than one I/O");
	c->nextseq = (c->nio / o.sessions) * c->id; c->seed = (o.seed + c->id) * 0x9E3779B97F4A7C15ull + 12345; for (int i = 0; i < 8; i++) rng(&c->seed);
	c->s = calloc(o.qd, sizeof(slot));
	for (int i = 0; i < o.qd; i++) { c->s[i].c = c; c->s[i].idx = i; c->s[i].buf = aligned_alloc(4096, (o.bs + 4095) & ~4095u); memset(c->s[i].buf, 0xA5 + i, o.bs); }
}

/* ------------------------------------------------------------------ libiscsi engine */
#ifdef WITH_LIBISCSI
static void lib_issue(slot *s);
static void lib_cb(struct iscsi_context *i, int status, void *cd, void *pv) {
	slot *s = pv; struct scsi_task *t = cd;
	if (status == SCSI_STATUS_CHECK_CONDITION && t->sense.key == SCSI_SENSE_UNIT_ATTENTION) { scsi_free_scsi_task(t); s->c->inflight--; lib_issue(s); return; }
	done(s, status != SCSI_STATUS_GOOD);
	if (t) scsi_free_scsi_task(t);
	if (atomic_load_explicit(&phase, memory_order_relaxed) < 2) lib_issue(s);
}
static void lib_issue(slot *s) {
	conn *c = s->c; struct scsi_task *t; pick(s);
	s->iov.iov_base = s->buf; s->iov.iov_len = o.bs;
	if (s->write) t = iscsi_write16_iov_task(c->isc, o.lun, s->lba, NULL, o.bs, c->blk, 0, 0, 0, 0, 0, lib_cb, s, &s->iov, 1);
	else t = iscsi_read16_iov_task(c->isc, o.lun, s->lba, o.bs, c->blk, 0, 0, 0, 0, 0, lib_cb, s, &s->iov, 1);
	if (!t) die("libiscsi: %s", iscsi_get_error(c->isc));
}
static void lib_login(conn *c) {
	char n[128]; snprintf(n, sizeof n, "iqn.2026-01.load:%d.%d", getpid(), c->id);
	struct iscsi_context *i = c->isc = iscsi_create_context(n); struct scsi_task *t;
	iscsi_set_targetname(i, o.iqn); iscsi_set_session_type(i, ISCSI_SESSION_NORMAL);
	iscsi_set_header_digest(i, o.digest ? ISCSI_HEADER_DIGEST_CRC32C : ISCSI_HEADER_DIGEST_NONE);
	if (o.user[0]) iscsi_set_initiator_username_pwd(i, o.user, o.pass);
	iscsi_set_noautoreconnect(i, 1);
	if (iscsi_full_connect_sync(i, o.portal, o.lun)) die("login: %s", iscsi_get_error(i));
	t = iscsi_readcapacity16_sync(i, o.lun); if (!t || t->status) die("READ CAPACITY(16): %s", iscsi_get_error(i));
	struct scsi_readcapacity16 *r = scsi_datain_unmarshall(t); c->blocks = r->returned_lba + 1; c->blk = r->block_length; scsi_free_scsi_task(t);
	c->fd = iscsi_get_fd(i);
}
static void lib_pump(thr *t) {
	struct pollfd *p = calloc(t->nc, sizeof *p);
	for (int i = 0; i < t->nc; i++) for (int k = 0; k < o.qd; k++) lib_issue(&t->c[i].s[k]);
	uint64_t stop = 0;
	for (;;) {
		int busy = 0, ph = atomic_load(&phase);
		for (int i = 0; i < t->nc; i++) { conn *c = &t->c[i]; if (iscsi_which_events(c->isc) & POLLOUT) if (iscsi_service(c->isc, POLLOUT) < 0) die("libiscsi: %s", iscsi_get_error(c->isc)); p[i].fd = c->fd; p[i].events = iscsi_which_events(c->isc); busy += c->inflight; }
		if (ph == 2) { if (!stop) stop = now(); if (!busy || now() - stop > 3000000000ull) break; }
		if (poll(p, t->nc, 200) < 0 && errno != EINTR) die("poll");
		for (int i = 0; i < t->nc; i++) if (p[i].revents && iscsi_service(t->c[i].isc, p[i].revents) < 0) die("libiscsi: %s", iscsi_get_error(t->c[i].isc));
	}
	free(p);
}

#else
static void lib_login(conn *c) { (void)c; die("built without libiscsi: use -e raw"); }
static void lib_pump(thr *t) { (void)t; }
#endif

/* ------------------------------------------------------------------ raw engine */
static void blk_send(int fd, const void *b, size_t n) { const char *p = b; while (n) { ssize_t k = send(fd, p, n, MSG_NOSIGNAL); if (k <= 0) { if (k < 0 && errno == EINTR) continue; if (o.mode == 3) return; die("send: %s", strerror(errno)); } p += k; n -= k; } }
static int blk_recv(int fd, void *b, size_t n) { char *p = b; while (n) { ssize_t k = recv(fd, p, n, 0); if (k <= 0) { if (k < 0 && errno == EINTR) continue; return -1; } p += k; n -= k; } return 0; }
static const char *key(const char *d, int n, const char *k) { size_t l = strlen(k); for (int i = 0; i < n;) { if (!strncmp(d + i, k, l) && d[i + l] == '=') return d + i + l + 1; i += strlen(d + i) + 1; } return NULL; }
static int raw_login(conn *c, int fatal) {
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(o.port) }; inet_pton(AF_INET, o.host, &sa.sin_addr);
	int fd = c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1; setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(fd, (void *)&sa, sizeof sa)) { close(fd); if (fatal) die("connect: %s", strerror(errno)); return -1; }
	int csg = 0; uint16_t tsih = 0; c->cmdsn = 1; c->expstatsn = 0; c->itt = 0; uint8_t isid[6] = { 0x80, 0x12, 0x34, c->id >> 8, c->id, (uint8_t)getpid() };
	c->tmrdsl = 8192; c->first = o.firstburst; c->burst = o.maxburst; c->ir2t = o.initialr2t; c->imm = o.immediate; c->hd = c->dd = 0; int ohd = 0, odd = 0;
	int sent_op = 0;
	for (int round = 0; round < 12; round++) {
		char d[2048]; int n = 0;
#define K(...) n += snprintf(d + n, sizeof d - n, __VA_ARGS__) + 1
		if (csg == 0 && round == 0) { K("InitiatorName=iqn.2026-01.load:%d.%d", getpid(), c->id); K("InitiatorAlias=load"); K("TargetName=%s", o.iqn); K("SessionType=Normal"); K("AuthMethod=None"); }
		else if (csg == 1 && !sent_op) { sent_op = 1;
			K("HeaderDigest=%s", o.digest ? "CRC32C" : "None"); K("DataDigest=%s", o.digest ? "CRC32C" : "None"); K("InitialR2T=%s", o.initialr2t ? "Yes" : "No"); K("ImmediateData=%s", o.immediate ? "Yes" : "No");
			K("MaxBurstLength=%u", o.maxburst); K("FirstBurstLength=%u", o.firstburst); K("MaxRecvDataSegmentLength=%u", o.mrdsl); K("DefaultTime2Wait=2"); K("DefaultTime2Retain=0"); K("IFMarker=No"); K("OFMarker=No");
			K("ErrorRecoveryLevel=0"); K("MaxConnections=1"); K("MaxOutstandingR2T=1"); K("DataPDUInOrder=Yes"); K("DataSequenceInOrder=Yes"); }
		uint8_t h[48] = { 0x43, csg == 0 ? 0x81 : 0x87 }; h[5] = n >> 16; h[6] = n >> 8; h[7] = n; memcpy(h + 8, isid, 6); h[14] = tsih >> 8; h[15] = tsih; pbe32(h + 24, c->cmdsn); pbe32(h + 28, c->expstatsn);
		blk_send(fd, h, 48); if (n) { memset(d + n, 0, 4); blk_send(fd, d, (n + 3) & ~3); }
		if (blk_recv(fd, h, 48)) { close(fd); if (fatal) die("login: connection closed"); return -1; }
		int len = h[5] << 16 | h[6] << 8 | h[7]; char *r = calloc(1, len + 8); if (blk_recv(fd, r, (len + 3) & ~3)) die("login: short");
		if ((h[0] & 0x3f) != 0x23 || h[36]) { close(fd); if (fatal) die("login refused: opcode %02x status %02x%02x", h[0], h[36], h[37]); free(r); return -1; }
		tsih = h[14] << 8 | h[15]; c->expstatsn = gbe32(h + 24) + 1; c->maxcmdsn = gbe32(h + 32); const char *v;
		if ((v = key(r, len, "MaxRecvDataSegmentLength"))) c->tmrdsl = atoi(v);
		if ((v = key(r, len, "FirstBurstLength"))) c->first = atoi(v);
		if ((v = key(r, len, "MaxBurstLength"))) c->burst = atoi(v);
		if ((v = key(r, len, "InitialR2T"))) c->ir2t = !strcmp(v, "Yes");
		if ((v = key(r, len, "ImmediateData"))) c->imm = !strcmp(v, "Yes");
		if ((v = key(r, len, "HeaderDigest"))) ohd = !strcmp(v, "CRC32C");
		if ((v = key(r, len, "DataDigest"))) odd = !strcmp(v, "CRC32C");
		free(r);
		if (h[1] & 0x80) { if ((h[1] & 3) == 3) { c->hd = ohd; c->dd = odd; return 0; } csg = 1; }
	}
	die("login: no end"); return -1;
}
/* The target may have sent something else before, such as a NOP-In. */
static void raw_logout(conn *c) { uint8_t h[52] = { 0x46, 0x80 }, b[512]; int n = 48; pbe32(h + 16, 0x7ffffffe); pbe32(h + 24, c->cmdsn); pbe32(h + 28, c->expstatsn);
	if (c->hd) { uint32_t x = ~crc(~0u, h, 48); memcpy(h + 48, &x, 4); n = 52; } blk_send(c->fd, h, n);
	do { if (blk_recv(c->fd, h, n)) lost(c, "the target closed the connection before the Logout Response"); size_t dl = h[5] << 16 | h[6] << 8 | h[7]; dl = ((dl + 3) & ~3ul) + (c->dd && dl ? 4 : 0);
		while (dl) { size_t k = dl < sizeof b ? dl : sizeof b; if (blk_recv(c->fd, b, k)) lost(c, "the target closed the connection before the Logout Response"); dl -= k; }
	} while ((h[0] & 0x3f) != 0x26);
	if (h[2]) lost(c, "logout refused: response %d", h[2]); close(c->fd); }
static void lun8(uint8_t *p) { memset(p, 0, 8); p[1] = o.lun; }
static outq *qpush(conn *c) { if (c->qn == c->qcap) { int nc = c->qcap ? c->qcap * 2 : 64; outq *n = malloc(nc * sizeof(outq)); for (int i = 0; i < c->qn; i++) n[i] = c->q[(c->qh + i) % c->qcap]; free(c->q); c->q = n; c->qh = 0; c->qcap = nc; } outq *e = &c->q[(c->qh + c->qn++) % c->qcap]; memset(e->hdr, 0, 48); e->hlen = 48; e->d = NULL; e->dlen = 0; e->tlen = 0; return e; }
static void qseal(conn *c, outq *e) {
	e->hdr[5] = e->dlen >> 16; e->hdr[6] = e->dlen >> 8; e->hdr[7] = e->dlen;
	if (c->hd) { uint32_t x = ~crc(~0u, e->hdr, 48); memcpy(e->hdr + 48, &x, 4); e->hlen = 52; }
	int pad = (4 - (e->dlen & 3)) & 3; memset(e->tail, 0, 8); e->tlen = pad;
	if (c->dd && e->dlen) { uint32_t x = crc(~0u, e->d, e->dlen); x = ~crc(x, e->tail, pad); memcpy(e->tail + pad, &x, 4); e->tlen += 4; }
}
static void raw_flush(conn *c) {
	while (c->qn) {
		struct iovec v[96]; int n = 0; size_t skip = c->qoff, tot = 0;
		for (int i = 0; i < c->qn && n < 93; i++) { outq *e = &c->q[(c->qh + i) % c->qcap];
			struct iovec p[3] = { { e->hdr, e->hlen }, { (void *)e->d, e->dlen }, { e->tail, e->tlen } };
			for (int k = 0; k < 3; k++) { if (!p[k].iov_len) continue; if (skip >= p[k].iov_len) { skip -= p[k].iov_len; continue; } v[n].iov_base = (char *)p[k].iov_base + skip; v[n].iov_len = p[k].iov_len - skip; tot += v[n].iov_len; skip = 0; n++; } }
		ssize_t w = writev(c->fd, v, n);
		if (w < 0) { if (errno == EINTR) continue; if (errno == EAGAIN) { c->wantout = 1; return; } lost(c, "writev: %s", strerror(errno)); }
		int part = (size_t)w < tot;
		c->qoff += w;
		while (c->qn) { outq *e = &c->q[c->qh]; size_t l = e->hlen + e->dlen + e->tlen; if (c->qoff < l) break; c->qoff -= l; c->qh = (c->qh + 1) % c->qcap; c->qn--; }
		if (part) { c->wantout = 1; return; }
	}
	c->wantout = 0;
}
static void dataout(conn *c, slot *s, uint32_t off, uint32_t len, uint32_t ttt, uint32_t itt) {
	uint32_t sn = 0; while (len) { uint32_t k = len < c->tmrdsl ? len : c->tmrdsl; outq *e = qpush(c); e->hdr[0] = 0x05; e->hdr[1] = k == len ? 0x80 : 0; lun8(e->hdr + 8); pbe32(e->hdr + 16, itt); pbe32(e->hdr + 20, ttt); pbe32(e->hdr + 28, c->expstatsn); pbe32(e->hdr + 36, sn++); pbe32(e->hdr + 40, off); e->d = s->buf + off; e->dlen = k; qseal(c, e); off += k; len -= k; }
}
static void raw_send(slot *s) {
	conn *c = s->c; outq *e = qpush(c); uint32_t itt = s->idx; e->hdr[0] = 0x01; lun8(e->hdr + 8); pbe32(e->hdr + 16, itt); pbe32(e->hdr + 20, o.bs); pbe32(e->hdr + 24, c->cmdsn++); pbe32(e->hdr + 28, c->expstatsn);
	if (o.flush) { e->hdr[1] = 0x80 | 1; pbe32(e->hdr + 20, 0); e->hdr[32] = 0x35; qseal(c, e); return; } /* SYNCHRONIZE CACHE (10) of everything */
	e->hdr[32] = s->write ? 0x8a : 0x88; if (o.fua && s->write) e->hdr[33] = 0x08; pbe64(e->hdr + 34, s->lba); pbe32(e->hdr + 42, o.bs / c->blk);
	if (!s->write) { e->hdr[1] = 0x80 | 0x40 | 1; qseal(c, e); return; }
	uint32_t im = 0, un = 0; if (c->imm) { im = o.bs; if (im > c->first) im = c->first; if (im > c->tmrdsl) im = c->tmrdsl; }
	if (!c->ir2t) { un = (o.bs < c->first ? o.bs : c->first) - im; }
	e->hdr[1] = (un ? 0 : 0x80) | 0x20 | 1; e->d = s->buf; e->dlen = im; qseal(c, e);
	if (un) dataout(c, s, im, un, 0xffffffff, itt);
}
/* First come, first sent: a command that waits for the window is not overtaken by later ones. */
static void raw_issue(slot *s, int fresh) { conn *c = s->c; if (fresh) pick(s); if (c->npend || (int32_t)(c->maxcmdsn - c->cmdsn) < 0) { c->pend[c->npend++] = s->idx; return; } raw_send(s); }
static void raw_sn(conn *c, const uint8_t *h) { uint32_t m = gbe32(h + 32); if ((int32_t)(m - c->maxcmdsn) > 0) c->maxcmdsn = m; }
static void raw_pdu(conn *c, const uint8_t *h, const uint8_t *d, uint32_t len) {
	int op = h[0] & 0x3f; uint32_t itt = gbe32(h + 16); slot *s = itt < (uint32_t)o.qd ? &c->s[itt] : NULL; raw_sn(c, h); int fin = 0, st = 0;
	switch (op) {
	case 0x25: if (s) s->got += len; if (h[1] & 1) { c->expstatsn = gbe32(h + 24) + 1; fin = 1; st = h[3]; } break;
	case 0x21: c->expstatsn = gbe32(h + 24) + 1; fin = 1; st = h[2] ? 0xff : h[3]; break;
	case 0x31: if (s) dataout(c, s, gbe32(h + 40), gbe32(h + 44), gbe32(h + 20), itt); break;
	case 0x20: if (gbe32(h + 20) != 0xffffffff) { outq *e = qpush(c); e->hdr[0] = 0x40; e->hdr[1] = 0x80; memcpy(e->hdr + 8, h + 8, 8); pbe32(e->hdr + 16, 0xffffffff); memcpy(e->hdr + 20, h + 20, 4); pbe32(e->hdr + 24, c->cmdsn); pbe32(e->hdr + 28, c->expstatsn); qseal(c, e); } break;
	case 0x3f: lost(c, "REJECT, reason %02x", h[2]);
	case 0x32: if (h[36] >= 1 && h[36] <= 3) lost(c, "the target asks for the end of the session or connection (asynchronous event %d)", h[36]); fprintf(stderr, "async event %02x\n", h[36]); break;
	default: lost(c, "unexpected opcode %02x", h[0]);
	}
	if (!fin || !s) return;
	if (st == 2 && len >= 5 && (d[2 + 2] & 0xf) == 6) { c->inflight--; raw_issue(s, 1); return; } /* unit attention: again */
	if (st) { static int told; if (!told++) fprintf(stderr, "status %02x sense %02x/%02x%02x\n", st, len > 4 ? d[4] & 15 : 0, len > 15 ? d[14] : 0, len > 15 ? d[15] : 0); }
	if (st == 0x08 || st == 0x28) { c->inflight--; raw_issue(s, 1); c->t->st.errs++; return; }
	if (!s->write && !o.flush && !st && s->got != o.bs) { static int told; if (!told++) fprintf(stderr, "short read %u of %u\n", s->got, o.bs); st = 1; }
	done(s, st != 0);
	if (atomic_load_explicit(&phase, memory_order_relaxed) < 2) raw_issue(s, 1);
}
/* With -D the data of a large Data-In are dropped in the kernel (MSG_TRUNC), not copied: one that copies them is slower than a fast target. */
#define DROPS 16384
static void raw_read(conn *c) {
	for (;;) {
		size_t want = c->drop ? c->drop : o.drop ? c->want - c->rlen : c->rcap - c->rlen;
		ssize_t k = c->drop ? recv(c->fd, NULL, want, MSG_TRUNC) : recv(c->fd, c->rb + c->rlen, want, 0);
		if (k == 0) lost(c, "the target closed the connection"); if (k < 0) { if (errno == EINTR) continue; if (errno == EAGAIN) return; lost(c, "recv: %s", strerror(errno)); }
		int full = (size_t)k == want; size_t p = 0;
		if (c->drop) { c->drop -= k; if (!c->drop) raw_pdu(c, c->dropped, NULL, c->dropped[5] << 16 | c->dropped[6] << 8 | c->dropped[7]); if (!full) return; continue; }
		c->rlen += k;
		while (c->rlen - p >= 48) { const uint8_t *h = c->rb + p; uint32_t dl = h[5] << 16 | h[6] << 8 | h[7]; size_t hl = 48 + h[4] * 4 + (c->hd ? 4 : 0), tl = hl + ((dl + 3) & ~3u) + (c->dd && dl ? 4 : 0);
			if (o.drop && !c->dd && dl >= DROPS) { memcpy(c->dropped, h, 48); c->drop = tl - (c->rlen - p); p = c->rlen; break; }
			if (c->rlen - p < tl) { c->want = tl; break; }
			if (c->dd && dl) { uint32_t x = ~crc(~0u, h + hl, (dl + 3) & ~3u); if (memcmp(&x, h + tl - 4, 4)) lost(c, "wrong data digest"); }
			raw_pdu(c, h, h + hl, dl); p += tl; }
		if (p) { memmove(c->rb, c->rb + p, c->rlen - p); c->rlen -= p; c->want = 48; }
		while (c->npend && (int32_t)(c->maxcmdsn - c->cmdsn) >= 0) { int i = c->pend[0]; memmove(c->pend, c->pend + 1, --c->npend * sizeof(int)); raw_send(&c->s[i]); }
		if (!full) return;
	}
}
static void raw_cap(conn *c) {
	for (int try = 0; try < 8; try++) {
		uint8_t h[52] = { 0x01, 0x80 | 0x40 | 1 }, b[300]; lun8(h + 8); pbe32(h + 16, 0x1000 + try); pbe32(h + 20, 32); pbe32(h + 24, c->cmdsn++); pbe32(h + 28, c->expstatsn); h[32] = 0x9e; h[33] = 0x10; h[45] = 32; int n = 48;
		if (c->hd) { uint32_t x = ~crc(~0u, h, 48); memcpy(h + 48, &x, 4); n = 52; } blk_send(c->fd, h, n); int got = 0;
		for (;;) { if (blk_recv(c->fd, h, c->hd ? 52 : 48)) die("closed"); int dl = h[5] << 16 | h[6] << 8 | h[7], dp = ((dl + 3) & ~3) + (c->dd && dl ? 4 : 0); if (dp > (int)sizeof b) die("big"); if (dp && blk_recv(c->fd, b, dp)) die("closed"); raw_sn(c, h); int op = h[0] & 0x3f;
			if (op == 0x25) { c->blocks = gbe64(b) + 1; c->blk = gbe32(b + 8); got = 1; if (h[1] & 1) { c->expstatsn = gbe32(h + 24) + 1; if (!h[3]) goto out; break; } } else if (op == 0x21) { c->expstatsn = gbe32(h + 24) + 1; if (got && !h[2] && !h[3]) goto out; break; } }
	}
	die("READ CAPACITY(16) refused");
out:	if (c->blk < 512 || c->blk > 65536 || (c->blk & (c->blk - 1))) die("odd block size %u", c->blk);
}
static void raw_pump(thr *t) {
	int ep = epoll_create1(0); struct epoll_event ev[64];
	for (int i = 0; i < t->nc; i++) { conn *c = &t->c[i]; fcntl(c->fd, F_SETFL, O_NONBLOCK); struct epoll_event e = { EPOLLIN, { .ptr = c } }; c->evs = EPOLLIN; epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e); }
	for (int i = 0; i < t->nc; i++) { conn *c = &t->c[i]; for (int k = 0; k < o.qd; k++) raw_issue(&c->s[k], 1); raw_flush(c); if (c->wantout) { struct epoll_event e = { c->evs = EPOLLIN | EPOLLOUT, { .ptr = c } }; epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e); } }
	uint64_t stop = 0;
	for (;;) {
		if (atomic_load(&phase) == 2) { int busy = 0; for (int i = 0; i < t->nc; i++) busy += t->c[i].inflight; if (!stop) stop = now(); if (!busy || now() - stop > 3000000000ull) break; }
		int n = epoll_wait(ep, ev, 64, 200);
		for (int i = 0; i < n; i++) { conn *c = ev[i].data.ptr; if (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) raw_read(c); raw_flush(c); uint32_t w = EPOLLIN | (c->wantout ? EPOLLOUT : 0); if (w != c->evs) { struct epoll_event e = { c->evs = w, { .ptr = c } }; epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e); } }
	}
	close(ep);
}

static void *thrmain(void *v) { thr *t = v; if (o.raw) raw_pump(t); else lib_pump(t); return NULL; }

/* ------------------------------------------------------------------ accounting */
static double pidcpu(int pid) { char f[64], b[1024]; snprintf(f, sizeof f, "/proc/%d/stat", pid); int fd = open(f, O_RDONLY); if (fd < 0) return 0; int n = read(fd, b, sizeof b - 1); close(fd); if (n <= 0) return 0; b[n] = 0; char *p = strrchr(b, ')'); unsigned long u = 0, s = 0; if (p) sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &u, &s); return (double)(u + s) / sysconf(_SC_CLK_TCK); }
static double selfcpu(void) { struct rusage r; getrusage(RUSAGE_SELF, &r); return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6; }
static void syscpu(double *busy, double *idle, double *steal) { FILE *f = fopen("/proc/stat", "r"); unsigned long long a[8] = { 0 }; if (fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", a, a + 1, a + 2, a + 3, a + 4, a + 5, a + 6, a + 7) < 8) {} fclose(f); double k = sysconf(_SC_CLK_TCK); *busy = (a[0] + a[1] + a[2] + a[5] + a[6]) / k; *idle = (a[3] + a[4]) / k; *steal = a[7] / k; }
/* Resident sizes in KiB. VmHWM has no parts, so the parts are looked at during the run: anonymous memory, and pages of files (of tmpfs too) that are mapped. */
typedef struct { long rss, hwm, anon, mapped, threads; } sizes;
static sizes resident(int pid) {
	sizes z = { 0 }; char f[64], l[256]; snprintf(f, sizeof f, "/proc/%d/status", pid); FILE *p = pid ? fopen(f, "r") : NULL; if (!p) return z;
	while (fgets(l, sizeof l, p)) { char *e = strchr(l, ':'); if (!e) continue; *e = 0; long v = atol(e + 1);
		if (!strcmp(l, "VmRSS")) z.rss = v; else if (!strcmp(l, "VmHWM")) z.hwm = v; else if (!strcmp(l, "RssAnon")) z.anon = v; else if (!strcmp(l, "RssFile") || !strcmp(l, "RssShmem")) z.mapped += v; else if (!strcmp(l, "Threads")) z.threads = v; }
	fclose(p); return z;
}
/* Sleeps, and keeps the greatest sizes seen meanwhile. A look each 20 ms costs some 2 permille of a processor. */
static void watch(double secs, sizes *z) {
	uint64_t end = now() + (uint64_t)(secs * 1e9);
	for (;;) {
		sizes s = resident(o.pid); if (s.rss > z->rss) z->rss = s.rss; if (s.hwm > z->hwm) z->hwm = s.hwm; if (s.anon > z->anon) z->anon = s.anon; if (s.mapped > z->mapped) z->mapped = s.mapped; if (s.threads > z->threads) z->threads = s.threads;
		uint64_t t = now(); if (t >= end) return; usleep(end - t < 20000000 ? (end - t) / 1000 + 1 : 20000);
	}
}

static void url(const char *u) { /* iscsi://[user%pass@]host[:port]/iqn/lun */
	if (strncmp(u, "iscsi://", 8)) die("URL: iscsi://host:port/iqn/lun"); char b[600]; snprintf(b, sizeof b, "%s", u + 8); char *h = b, *a = strchr(b, '@');
	if (a) { *a = 0; char *p = strchr(b, '%'); if (p) { *p = 0; snprintf(o.pass, sizeof o.pass, "%s", p + 1); } snprintf(o.user, sizeof o.user, "%s", b); h = a + 1; }
	char *s = strchr(h, '/'); if (!s) die("URL"); *s = 0; char *i = s + 1; s = strrchr(i, '/'); if (!s) die("URL"); *s = 0; o.lun = atoi(s + 1); snprintf(o.iqn, sizeof o.iqn, "%s", i); snprintf(o.portal, sizeof o.portal, "%s", h);
	char *c = strchr(h, ':'); if (c) { *c = 0; o.port = atoi(c + 1); } snprintf(o.host, sizeof o.host, "%s", h); if (!strcmp(o.host, "localhost")) strcpy(o.host, "127.0.0.1"); }
static uint32_t sz(const char *s) { char *e; double v = strtod(s, &e); if (*e == 'k' || *e == 'K') v *= 1024; if (*e == 'm' || *e == 'M') v *= 1048576; return v; }
static void usage(FILE *f, int code) {
	fputs("usage: load [options] iscsi://HOST[:PORT]/IQN/LUN      HOST is an IPv4 address or localhost\n"
		"what    -R reads (default)   -W writes   -w PERCENT writes among reads   -Y SYNCHRONIZE CACHE instead   -U writes with FUA\n"
		"        -b SIZE of an I/O, with k or m (4k)   -s sequential, each session in a part of its own (random)   -S SEED of the random places (1)\n"
		"how     -q DEPTH of each session (1)   -r SESSIONS (1)   -j THREADS (1)   -t SECONDS (5)   -T WARM-UP in seconds (0.4)\n"
		"login   -g header and data digests   -B MaxBurstLength   -F FirstBurstLength   -M MaxRecvDataSegmentLength (256k each)\n"
		"        -2 InitialR2T=Yes   -N ImmediateData=No   (no CHAP; -e lib takes user%secret@ in the URL, and of these -g alone, for headers)\n"
		"instead -I keeps idle sessions for the seconds of -t   -L logs in and out at depth 1   -1 waits up to 60 s for the first login\n"
		"says    -P PID of the target, for its CPU and memory   -l LABEL   -c FILE appends a line of CSV\n"
		"        -D drops the data of reads from 16 KiB up in the kernel, uncopied (not with -g)\n"
		"engine  -e raw (default), or lib where it was built with libiscsi\n"
		"Ends with 0 after a whole run, I/Os that failed included, which it counts; with 1 for its arguments; with 2, and without a row, when the\n"
		"target ends a connection, refuses a login or logout, breaks the protocol, or leaves an I/O unanswered for 3 s after the end.\n", f);
	exit(code);
}
static int cmpd(const void *a, const void *b) { double x = *(double *)a, y = *(double *)b; return (x > y) - (x < y); }

int main(int ac, char **av) {
	int k; while ((k = getopt(ac, av, "e:r:q:b:w:RWst:T:j:P:gl:c:B:F:M:2NIL1S:UYDh")) > 0) switch (k) {
		case 'e': o.raw = !strcmp(optarg, "raw"); break; case 'r': o.sessions = atoi(optarg); break; case 'q': o.qd = atoi(optarg); break; case 'b': o.bs = sz(optarg); break;
		case 'w': o.wpct = atoi(optarg); break; case 'R': o.wpct = 0; break; case 'W': o.wpct = 100; break; case 's': o.seq = 1; break; case 't': o.secs = atof(optarg); break; case 'T': o.warm = atof(optarg); break;
		case 'j': o.threads = atoi(optarg); break; case 'P': o.pid = atoi(optarg); break; case 'g': o.digest = 1; break; case 'l': o.label = optarg; break; case 'c': o.csv = optarg; break;
		case 'B': o.maxburst = sz(optarg); break; case 'F': o.firstburst = sz(optarg); break; case 'M': o.mrdsl = sz(optarg); break; case '2': o.initialr2t = 1; break; case 'N': o.immediate = 0; break;
		case 'I': o.mode = 1; break; case 'L': o.mode = 2; break; case '1': o.mode = 3; break; case 'S': o.seed = atoll(optarg); break; case 'U': o.fua = 1; break; case 'Y': o.flush = 1; break; case 'D': o.drop = 1; break; case 'h': usage(stdout, 0); break; default: usage(stderr, 1); }
	if (optind != ac - 1 || o.sessions < 1 || o.qd < 1 || o.threads < 1 || !o.bs) usage(stderr, 1); url(av[optind]); signal(SIGPIPE, SIG_IGN); setvbuf(stdout, NULL, _IOLBF, 0);
	if (o.mode == 3) { uint64_t a = now(); conn c = { .id = 0 }; while (raw_login(&c, 0)) { if (now() - a > 60000000000ull) die("no login in 60 s"); usleep(1000); } printf("first login after %.1f ms\n", (now() - a) / 1e6); raw_logout(&c); return 0; }
	if (o.mode == 2) { double *l = malloc(sizeof(double) * 1000000); int n = 0; uint64_t a = now(), e = a + (uint64_t)(o.secs * 1e9); double tc = pidcpu(o.pid), sc = selfcpu(); while (now() < e && n < 1000000) { uint64_t b = now(); conn c = { .id = n & 0xffff }; raw_login(&c, 1); l[n++] = (now() - b) / 1e3; raw_logout(&c); }
		double el = (now() - a) / 1e9; qsort(l, n, sizeof *l, cmpd); printf("%s logins %d in %.2fs = %.0f login+logout/s, login p50 %.0f us p99 %.0f us, target CPU %.1f us/login, own %.1f\n", o.label, n, el, n / el, l[n / 2], l[n * 99 / 100], o.pid ? (pidcpu(o.pid) - tc) * 1e6 / n : 0., (selfcpu() - sc) * 1e6 / n); return 0; }
	conn *cs = calloc(o.sessions, sizeof(conn)); if (o.threads > o.sessions) o.threads = o.sessions; thr *th = calloc(o.threads, sizeof(thr));
	for (int i = 0; i < o.sessions; i++) { conn *c = &cs[i]; c->id = i; if (o.raw) { raw_login(c, 1); raw_cap(c); } else lib_login(c); }
	if (o.mode == 1) {
		sizes z = { 0 }; watch(o.secs, &z);
		printf("%s idle sessions %d target RSS %ld HWM %ld anonymous %ld mapped %ld KiB, %ld threads\n", o.label, o.sessions, z.rss, z.hwm, z.anon, z.mapped, z.threads);
		for (int i = 0; i < o.sessions; i++) if (o.raw) raw_logout(&cs[i]);
		return 0;
	}
	for (int i = 0; i < o.sessions; i++) { conn *c = &cs[i]; mkslots(c); c->pend = calloc(o.qd + 1, sizeof(int)); if (o.raw) { c->rcap = o.mrdsl + 65536 > 524288 ? (size_t)o.mrdsl * 2 : 524288; c->rb = malloc(c->rcap); c->want = 48; } }
	for (int i = 0, p = 0; i < o.threads; i++) { th[i].nc = o.sessions / o.threads + (i < o.sessions % o.threads); th[i].c = cs + p; for (int m = 0; m < th[i].nc; m++) cs[p + m].t = &th[i]; p += th[i].nc; }
	started = now();
	for (int i = 0; i < o.threads; i++) pthread_create(&th[i].th, NULL, thrmain, &th[i]);
	sizes z = { 0 }; watch(o.warm, &z); double b0, i0, s0, b1, i1, s1, t0 = pidcpu(o.pid), c0 = selfcpu(); syscpu(&b0, &i0, &s0); uint64_t n0 = now(); atomic_store(&phase, 1);
	watch(o.secs, &z); atomic_store(&phase, 2); uint64_t n1 = now(); double t1 = pidcpu(o.pid), c1 = selfcpu(); syscpu(&b1, &i1, &s1);
	for (int i = 0; i < o.threads; i++) pthread_join(th[i].th, NULL);
	int unanswered = 0; for (int i = 0; i < o.sessions; i++) unanswered += cs[i].inflight;
	if (unanswered) die("%d I/Os had no answer 3 s after the end", unanswered);
	if (o.raw) for (int i = 0; i < o.sessions; i++) { fcntl(cs[i].fd, F_SETFL, 0); if (!cs[i].rlen) raw_logout(&cs[i]); else close(cs[i].fd); } /* a PDU come in part: without logout */
	stats *g = calloc(1, sizeof(stats)); for (int i = 0; i < o.threads; i++) { stats *s = &th[i].st; g->ios += s->ios; g->bytes += s->bytes; g->errs += s->errs; if (s->max > g->max) g->max = s->max; for (int b = 0; b < NB; b++) g->h[b] += s->h[b]; }
	double el = (n1 - n0) / 1e9, pc[4] = { .5, .99, .999, 0 }, r[3] = { 0 }; uint64_t acc = 0; int pi = 0; for (int b = 0; b < NB && pi < 3; b++) { acc += g->h[b]; while (pi < 3 && g->ios && acc >= pc[pi] * g->ios) r[pi++] = hv(b) / 1000; }
	if (!g->ios) die("no I/O was answered in the time measured");
	double io = g->ios, tcpu = o.pid ? t1 - t0 : 0, other = b1 - b0 - tcpu - (c1 - c0);
	uint64_t least = UINT64_MAX, most = 0; for (int i = 0; i < o.sessions; i++) { if (cs[i].ios < least) least = cs[i].ios; if (cs[i].ios > most) most = cs[i].ios; } double mean = io / o.sessions; /* of a session */
	printf("%s %s bs=%u r=%d qd=%d w=%d %s: %.0f IOPS %.1f MiB/s p50 %.1f p99 %.1f p99.9 %.1f max %.0f us errs %lu | target CPU %.2fs = %.2f us/IO (%.0f%%) | own CPU %.2fs = %.2f us/IO (%.0f%%) | other busy %.2fs idle %.2fs steal %.2fs | RSS %ld HWM %ld anonymous %ld mapped %ld KiB | slowest session %.2f of the mean, fastest %.2f\n", o.label, o.raw ? "raw" : "lib", o.bs, o.sessions, o.qd, o.wpct, o.seq ? "seq" : "rand",
		g->ios / el, g->bytes / el / 1048576, r[0], r[1], r[2], g->max / 1e3, g->errs, tcpu, tcpu * 1e6 / io, tcpu / el * 100, c1 - c0, (c1 - c0) * 1e6 / io, (c1 - c0) / el * 100, other, i1 - i0, s1 - s0, z.rss, z.hwm, z.anon, z.mapped, least / mean, most / mean);
	if (o.csv) { FILE *f = fopen(o.csv, "a"); if (!f) die("%s: %s", o.csv, strerror(errno)); fprintf(f, "%s,%s,%u,%d,%d,%d,%s,%.1f,%.2f,%.2f,%.2f,%.2f,%lu,%.3f,%.3f,%.3f,%.3f,%.2f,%.2f,%.2f,%ld,%ld,%.3f,%.3f,%ld,%ld\n", o.label, o.raw ? "raw" : "lib", o.bs, o.sessions, o.qd, o.wpct, o.seq ? "seq" : "rand", g->ios / el, g->bytes / el / 1048576, r[0], r[1], r[2], g->errs, tcpu * 1e6 / io, (c1 - c0) * 1e6 / io, tcpu / el, (c1 - c0) / el, other, i1 - i0, s1 - s0, z.rss, z.hwm, least / mean, most / mean, z.anon, z.mapped); if (fclose(f)) die("%s: %s", o.csv, strerror(errno)); }
	return 0;
}
