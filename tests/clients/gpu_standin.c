/* A stand-in for libcuda.so.1 and libcudnn.so.N that computes on the CPU and refuses calls in the wrong order.
 * Compiled twice: with -DDRIVER for the driver, with -DVERSION=... for cuDNN. STANDIN_FAULT in the environment breaks it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int broken(const char *how) { const char *now = getenv("STANDIN_FAULT"); return now && !strcmp(now, how); }

#ifdef DRIVER
static int ready, current;
static struct { char *from; size_t size; } held[256];
static int count;
int standin_holds(const char *place, size_t size) {
  for (int at = 0; current && at < count; at++)
    if (place >= held[at].from && place + size <= held[at].from + held[at].size) return 1;
  return 0;
}
int cuInit(unsigned flags) { if (broken("no-gpu")) return 100; if (broken("old-driver")) return 803; ready = !flags; return 0; }
int cuGetErrorString(int status, const char **text) { *text = status == 803 ? "system has unsupported display driver" : "invalid"; return 0; }
int cuDeviceGet(int *device, int number) { *device = 7; return ready && number == 0 ? 0 : 3; }
int cuDeviceGetName(char *name, int size, int device) { strncpy(name, "Stand-in 9000", size); return device == 7 ? 0 : 101; }
int cuDriverGetVersion(int *version) { *version = 12080; return 0; }
int cuDeviceGetAttribute(int *value, int what, int device) { *value = what == 75 ? 9 : 0; return device == 7 ? 0 : 101; }
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = &ready; return device == 7 && ready ? 0 : 101; }
int cuCtxSetCurrent(void *context) { current = context == &ready; return current ? 0 : 201; }
int cuCtxSynchronize(void) { return current ? 0 : 201; }
int cuMemGetInfo_v2(size_t *free, size_t *total) { *total = 80ul << 30; *free = broken("full") || broken("call-when-full") ? 1 << 20 : *total; return 0; }
int cuMemAlloc_v2(char **place, size_t size) {
  if (broken("full")) return 2;
  if (!current || !size || count == 256) return 201;
  *place = held[count].from = malloc(size); held[count++].size = size; return 0;
}
int cuMemcpyHtoD_v2(char *to, const void *from, size_t size) { if (!standin_holds(to, size)) return 1; memcpy(to, from, size); return 0; }
int cuMemcpyDtoH_v2(void *to, const char *from, size_t size) { if (!standin_holds(from, size)) return 1; memcpy(to, from, size); return 0; }
struct event { struct timespec at; };
int cuEventCreate(struct event **event, unsigned flags) { *event = calloc(1, sizeof **event); return flags; }
int cuEventRecord(struct event *event, void *stream) { return clock_gettime(CLOCK_MONOTONIC, &event->at) || stream; }
int cuEventSynchronize(struct event *event) { return !event->at.tv_sec; }
int cuEventElapsedTime(float *ms, struct event *from, struct event *to) {
  *ms = (to->at.tv_sec - from->at.tv_sec) * 1e3 + (to->at.tv_nsec - from->at.tv_nsec) / 1e6; return 0;
}
#else
struct descriptor { int kind, set, n[8]; };  /* kinds: 1 tensor, 2 filter, 3 convolution, 4 pooling */
struct perf { int algo, status; float time; size_t memory; int determinism, math, reserved[3]; };
static int handle;
static int is(const struct descriptor *one, int kind) { return one && one->kind == kind && one->set; }
static int floats(const void *place, const int *n) {
  int (*holds)(const void *, size_t) = dlsym(RTLD_DEFAULT, "standin_holds");
  return holds && holds(place, 4ul * n[0] * n[1] * n[2] * n[3]);
}
static int make(struct descriptor **one, int kind) { *one = calloc(1, sizeof **one); (*one)->kind = kind; return 0; }
static int set(struct descriptor *one, int kind, int n0, int n1, int n2, int n3, int n4, int n5) {
  if (!one || one->kind != kind) return 3;
  int n[] = {n0, n1, n2, n3, n4, n5}; memcpy(one->n, n, sizeof n); one->set = 1; return 0;
}
size_t cudnnGetVersion(void) { if (broken("abort")) abort(); return VERSION; }
size_t cudnnGetCudartVersion(void) { return 12010; }
const char *cudnnGetErrorString(int status) { return status == 8 ? "CUDNN_STATUS_EXECUTION_FAILED" : status == 6 ? "CUDNN_STATUS_ARCH_MISMATCH" : "CUDNN_STATUS_BAD_PARAM"; }
int cudnnCreate(void **out) {
  if (broken("translates")) pause();
  if (broken("create-abort")) { write(2, "Could not load library libcublasLt.so.12.\n", 42); abort(); }
  *out = &handle; handle = 1; return 0;
}
int cudnnCreateTensorDescriptor(struct descriptor **one) { return make(one, 1); }
int cudnnCreateFilterDescriptor(struct descriptor **one) { return make(one, 2); }
int cudnnCreateConvolutionDescriptor(struct descriptor **one) { return make(one, 3); }
int cudnnCreatePoolingDescriptor(struct descriptor **one) { return make(one, 4); }
int cudnnSetTensor4dDescriptor(struct descriptor *one, int format, int type, int n, int c, int h, int w) {
  return format || type ? 3 : set(one, 1, n, c, h, w, 0, 0);
}
int cudnnSetFilter4dDescriptor(struct descriptor *one, int type, int format, int k, int c, int r, int s) {
  return format || type ? 3 : set(one, 2, k, c, r, s, 0, 0);
}
int cudnnSetConvolution2dDescriptor(struct descriptor *one, int ph, int pw, int u, int v, int dh, int dw, int mode, int type) {
  return mode != 1 || type || dh != 1 || dw != 1 ? 3 : set(one, 3, ph, pw, u, v, 0, 0);
}
int cudnnSetConvolutionMathType(struct descriptor *one, int math) { return is(one, 3) && math == 1 ? 0 : 3; }
int cudnnSetPooling2dDescriptor(struct descriptor *one, int mode, int nan, int h, int w, int ph, int pw, int sh, int sw) {
  return mode || nan != 1 || h != 2 || w != 2 || ph || pw || sh != 2 || sw != 2 ? 3 : set(one, 4, h, w, sh, sw, 0, 0);
}
int cudnnGetConvolution2dForwardOutputDim(const struct descriptor *how, const struct descriptor *x, const struct descriptor *w, int *n, int *c, int *h, int *v) {
  if (!is(how, 3) || !is(x, 1) || !is(w, 2) || x->n[1] != w->n[1]) return 3;
  *n = x->n[0]; *c = w->n[0]; *h = x->n[2] + 2 * how->n[0] - w->n[2] + 1; *v = x->n[3] + 2 * how->n[1] - w->n[3] + 1; return 0;
}
int cudnnGetConvolutionForwardAlgorithm_v7(void *h, const struct descriptor *x, const struct descriptor *w, const struct descriptor *how, const struct descriptor *y, int asked, int *found, struct perf *perfs) {
  if (h != &handle || !is(x, 1) || !is(w, 2) || !is(how, 3) || !is(y, 1) || asked < 2) return 3;
  perfs[0] = (struct perf){.algo = 6, .status = 9}; perfs[1] = (struct perf){.algo = 1, .memory = 4096, .math = 1}; *found = 2; return 0;
}
int cudnnGetConvolutionForwardWorkspaceSize(void *h, const struct descriptor *x, const struct descriptor *w, const struct descriptor *how, const struct descriptor *y, int algo, size_t *size) {
  if (h != &handle || !is(x, 1) || !is(w, 2) || !is(how, 3) || !is(y, 1) || algo != 1) return 3;
  *size = 4096; return 0;
}
int cudnnConvolutionForward(void *h, const float *one, const struct descriptor *x, const float *from, const struct descriptor *w, const float *weights, const struct descriptor *how, int algo, const float *work, size_t size, const float *zero, const struct descriptor *y, float *to) {
  static int done;  /* the result is the same each round */
  int side[] = {1, 1, 1, 1024};
  if (h != &handle || *one != 1 || *zero || !is(how, 3) || !floats(from, x->n) || !floats(weights, w->n) || !floats(to, y->n) || algo != 1 || size != 4096 || !floats(work, side)) return 3;
  if (broken("execution")) return 8;
  if (broken("no-code")) return 6;
  if (done++) return 0;
  int C = x->n[1], H = x->n[2], W = x->n[3], K = w->n[0], R = w->n[2], S = w->n[3];
  memset(to, 0, 4ul * y->n[0] * K * H * W);
  for (int n = 0; n < x->n[0]; n++) for (int k = 0; k < K; k++) for (int c = 0; c < C; c++) for (int r = 0; r < R; r++) for (int s = 0; s < S; s++) {
    float by = weights[((k * C + c) * R + r) * S + s];
    for (int i = 0; i < H; i++) {
      int row = i + r - how->n[0], first = how->n[1] - s > 0 ? how->n[1] - s : 0, last = W + how->n[1] - s < W ? W + how->n[1] - s : W;
      if (row < 0 || row >= H) continue;
      float *out = to + ((n * K + k) * H + i) * W; const float *in = from + ((n * C + c) * H + row) * W + s - how->n[1];
      for (int j = first; j < last; j++) out[j] += by * in[j];
    }
  }
  return 0;
}
int cudnnPoolingForward(void *h, const struct descriptor *how, const float *one, const struct descriptor *x, const float *from, const float *zero, const struct descriptor *y, float *to) {
  if (h != &handle || !is(how, 4) || *one != 1 || *zero || !floats(from, x->n) || !floats(to, y->n)) return 3;
  int H = y->n[2], W = y->n[3];
  for (int p = 0; p < y->n[0] * y->n[1]; p++) for (int i = 0; i < H; i++) for (int j = 0; j < W; j++) {
    const float *in = from + (p * 2 * H + 2 * i) * 2 * W + 2 * j;
    to[(p * H + i) * W + j] = fmaxf(fmaxf(in[0], in[1]), fmaxf(in[2 * W], in[2 * W + 1]));
  }
  return 0;
}
int cudnnSoftmaxForward(void *h, int algo, int mode, const float *one, const struct descriptor *x, const float *from, const float *zero, const struct descriptor *y, float *to) {
  if (h != &handle || algo != 1 || mode != 1 || *one != 1 || *zero || !floats(from, x->n) || !floats(to, y->n)) return 3;
  int C = x->n[1];
  for (int n = 0; n < x->n[0]; n++) {
    float sum = 0;
    for (int c = 0; c < C; c++) sum += expf(from[n * C + c]);
    for (int c = 0; c < C; c++) to[n * C + c] = broken("nan") ? NAN : broken("wrong") ? 0.5f : expf(from[n * C + c]) / sum;
  }
  return 0;
}
/* The backend API, as far as one graph of convolution, bias and ReLU needs it (8.5 and newer). */
struct attribute { int name, kind, count; char bytes[64]; };
struct backend { int kind, done; struct attribute held[16]; int used; struct backend *graph; };
static int width(int kind) { return kind == 3 || kind == 0 || kind == 6 || kind == 15 ? 8 : kind == 2 ? 1 : 4; }
static struct attribute *held(struct backend *one, int name) {
  for (int at = 0; one && at < one->used; at++) if (one->held[at].name == name) return &one->held[at];
  return 0;
}
static struct backend *child(struct backend *one, int name, int at) { struct attribute *a = held(one, name); return a && a->count > at ? ((struct backend **)a->bytes)[at] : 0; }
static long number(struct backend *one, int name, int at) { struct attribute *a = held(one, name); return a && a->count > at ? ((long *)a->bytes)[at] : -1; }
int cudnnBackendCreateDescriptor(int kind, struct backend **one) { *one = calloc(1, sizeof **one); (*one)->kind = kind; return 0; }
int cudnnBackendSetAttribute(struct backend *one, int name, int kind, long count, const void *values) {
  if (!one || one->done || one->used == 16 || count * width(kind) > 64 || (kind == 15 && !(*(struct backend **)values)->done)) return 3;
  struct attribute *a = &one->held[one->used++];
  a->name = name; a->kind = kind; a->count = count; memcpy(a->bytes, values, count * width(kind)); return 0;
}
int cudnnBackendFinalize(struct backend *one) {
  if (one->kind == 4 && (!child(one, 201, 0) || *(int *)held(one, 200)->bytes != 3)) return 3;
  if (one->kind == 5 && broken("first-engine") && child(one, 401, 0)->used == 0) return 9;
  if (one->kind == 17 && number(one, 902, 3) < 1) return 3;
  return !(one->done = 1);
}
int cudnnBackendGetAttribute(struct backend *one, int name, int kind, long asked, long *count, void *values) {
  if (!one->done) return 3;
  *count = name == 202 ? broken("no-engine") ? 0 : 2 : 1;
  if (name == 202) for (int at = 0; at < *count; at++) { struct backend *config = ((struct backend **)values)[at]; config->graph = child(one, 201, 0); config->used = at; config->done = 1; }
  if (name == 402) *(long *)values = 4096;
  return 0;
}
int cudnnBackendExecute(void *h, struct backend *plan, struct backend *pack) {
  if (h != &handle || !plan->done || !pack->done || !held(pack, 1003)) return 3;
  struct backend *graph = child(plan, 401, 0)->graph, *conv = child(graph, 801, 0), *add = child(graph, 801, 1), *relu = child(graph, 801, 2);
  struct backend *x = child(conv, 704, 0), *w = child(conv, 703, 0), *b = child(add, 752, 0), *y = child(relu, 753, 0);
  if (conv->kind != 10 || add->kind != 13 || *(int *)held(child(relu, 750, 0), 0)->bytes != 100 || child(add, 751, 0) != child(conv, 705, 0)) return 3;
  float *at[4] = {0};
  for (int i = 0; i < 4; i++) at[number(pack, 1000, i)] = ((float **)held(pack, 1001)->bytes)[i];
  float *in = at[number(x, 906, 0)], *weights = at[number(w, 906, 0)], *bias = at[number(b, 906, 0)], *out = at[number(y, 906, 0)];
  long C = number(x, 902, 1), H = number(x, 902, 2), W = number(x, 902, 3), K = number(w, 902, 0), R = number(w, 902, 2), S = number(w, 902, 3);
  for (long n = 0; n < number(x, 902, 0); n++) for (long i = 0; i <= H - R; i++) for (long j = 0; j <= W - S; j++) for (long k = 0; k < K; k++) {
    float sum = bias[k];
    for (long r = 0; r < R; r++) for (long t = 0; t < S; t++) for (long c = 0; c < C; c++)
      sum += in[((n * H + i + r) * W + j + t) * C + c] * weights[((k * R + r) * S + t) * C + c];
    out[((n * (H - R + 1) + i) * (W - S + 1) + j) * K + k] = sum > 0 ? sum : 0;
  }
  return 0;
}
#endif
