"""C of the stand-in libraries of cuDNN since 9.14, as NVIDIA's are: ``libcudnn.so.9`` only opens the others.

Seen in the x86_64 wheel of 9.14.0.64 for CUDA 13: ``libcudnn.so.9`` needs no other part; it makes names of
``%s.%d.%d.%d``, ``%s.%d.%d`` and ``%s.%d``, in this order, and passes each call on. Only ``libcudnn_graph`` has an
object with its version (``cudnn_graph_version``: patch, minor, major, 0); ``libcudnn_cnn`` has none.
"""

from __future__ import annotations

_DISPATCHING = """
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
__asm__(".symver dlopen,dlopen@GLIBC_2.2.5");
__asm__(".symver dlsym,dlsym@GLIBC_2.2.5");
static void *opened(void) {{
  static const char *const names[] = {{{names}}};
  void *handle = 0;
  for (int at = 0; at < 4 && !handle; at++) handle = dlopen(names[at], RTLD_LAZY);
  if (!handle) {{
    dprintf(2, "Unable to load any of {{%s, %s, %s, %s}}\\n", names[0], names[1], names[2], names[3]);
    abort();
  }}
  return handle;
}}
static unsigned long passed(const char *name) {{
  unsigned long (*function)(void) = (unsigned long (*)(void))dlsym(opened(), name);
  return function ? function() : 0UL;
}}
unsigned long cudnnGetVersion(void) {{ return passed("cudnnGetVersion"); }}
unsigned long cudnnGetCudartVersion(void) {{ return passed("cudnnGetCudartVersion"); }}
"""


def code_of(stem: str, numbers: tuple[int, int, int]) -> str:
    """Return what a library does beside being there; ``numbers`` are the release's major, minor and patch level."""
    major, minor, patch = numbers
    if stem == "libcudnn":
        ends = (f".{major}.{minor}.{patch}", f".{major}.{minor}", f".{major}", "")
        return _DISPATCHING.format(names=", ".join(f'"libcudnn_graph.so{end}"' for end in ends))
    if stem == "libcudnn_graph":
        return f"const unsigned char cudnn_graph_version[4] = {{{patch}, {minor}, {major}, 0}};\n"
    return ""
