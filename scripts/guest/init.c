// The only program of a test guest: maps pages of every kind in three processes and tells where.
// SPDX-License-Identifier: Apache-2.0
//
// No libc, so that clang alone builds it for every machine. Output, one line each on the console:
//   V2P PROC pid index state | V2P MAP pid va bytes kind | V2P PM pid va present pa |
//   V2P SWAP pid va type offset | V2P SYM va | V2P READY
// With brd.ko in the initrd there are two swap areas, and some pages are written out to them.
#include <stdint.h>

typedef unsigned long ulong;
long SysCall(long n, long a, long b, long c, long d, long e, long f);

#if defined(__x86_64__)
__asm__(
    ".globl _start\n_start: and $-16,%rsp; call Main\n"
    ".globl SysCall\nSysCall: mov %rdi,%rax; mov %rsi,%rdi; mov %rdx,%rsi; mov %rcx,%rdx;"
    "mov %r8,%r10; mov %r9,%r8; mov 8(%rsp),%r9; syscall; ret\n");
enum {
  kRead = 0,
  kWrite = 1,
  kClose = 3,
  kMmap = 9,
  kMprotect = 10,
  kPread = 17,
  kMadvise = 28,
  kPipe = 293,
  kClone = 56,
  kGetpid = 39,
  kMount = 165,
  kAffinity = 203,
  kOpenat = 257,
  kMkdirat = 258,
  kFinit = 313,
  kSwapon = 167,
  kNanosleep = 35
};
#elif defined(__i386__)
__asm__(
    ".globl _start\n_start: and $-16,%esp; call Main\n"
    ".globl SysCall\nSysCall: push %ebp; push %ebx; push %esi; push %edi; mov 20(%esp),%eax;"
    "mov 24(%esp),%ebx; mov 28(%esp),%ecx; mov 32(%esp),%edx; mov 36(%esp),%esi; mov 40(%esp),%edi;"
    "mov 44(%esp),%ebp; int $0x80; pop %edi; pop %esi; pop %ebx; pop %ebp; ret\n");
enum {
  kRead = 3,
  kWrite = 4,
  kClose = 6,
  kMmap = 192,
  kMprotect = 125,
  kPread = 180,
  kMadvise = 219,
  kPipe = 331,
  kClone = 120,
  kGetpid = 20,
  kMount = 21,
  kAffinity = 241,
  kOpenat = 295,
  kMkdirat = 296,
  kFinit = 350,
  kSwapon = 87,
  kNanosleep = 162
};
#elif defined(__aarch64__)
__asm__(
    ".globl _start\n_start: bl Main\n"
    ".globl SysCall\nSysCall: mov x8,x0; mov x0,x1; mov x1,x2; mov x2,x3; mov x3,x4; mov x4,x5;"
    "mov x5,x6; svc #0; ret\n");
enum {
  kRead = 63,
  kWrite = 64,
  kClose = 57,
  kMmap = 222,
  kMprotect = 226,
  kPread = 67,
  kMadvise = 233,
  kPipe = 59,
  kClone = 220,
  kGetpid = 172,
  kMount = 40,
  kAffinity = 122,
  kOpenat = 56,
  kMkdirat = 34,
  kFinit = 273,
  kSwapon = 224,
  kNanosleep = 101
};
#endif

enum {
  kPage = 4096,
  kRd = 1,
  kWr = 2,
  kEx = 4,
  kShared = 1,
  kPrivate = 2,
  kFixed = 0x10,
  kAnon = 0x20,
  kHuge = 0x40000,
  kMaps = 28
};

struct Map {
  ulong va, bytes;
  const char* kind;
};
static struct Map maps[kMaps];
static int map_count, swap_areas;
static char line[256];
static int length;

void* memset(void* p, int c, ulong n) {
  for (ulong i = 0; i < n; ++i) ((volatile char*)p)[i] = (char)c;
  return p;
}

static void Text(const char* s) {
  while (*s) line[length++] = *s++;
}
static void Hex(uint64_t v) {
  Text("0x");
  int shift = 60;
  while (shift && !(v >> shift)) shift -= 4;
  for (; shift >= 0; shift -= 4) line[length++] = "0123456789abcdef"[v >> shift & 15];
}
static void Decimal(ulong v) {
  char digits[24];
  int n = 0;
  do digits[n++] = (char)('0' + v % 10);
  while (v /= 10);
  while (n) line[length++] = digits[--n];
}
static void EndLine(void) {
  line[length++] = '\n';
  SysCall(kWrite, 1, (long)line, length, 0, 0, 0);
  length = 0;
}
static long Open(const char* path, int flags) {
  return SysCall(kOpenat, -100, (long)path, flags, 0, 0, 0);
}

// Maps, and writes to each page something that names it (write = 1), reads it (0), or leaves it
// (-1).
static char* Make(const char* kind, ulong at, ulong bytes, int prot, int flags, int write) {
  long p = SysCall(kMmap, (long)at, (long)bytes, prot | (write > 0 ? kWr : 0),
                   kAnon | (flags & kShared ? 0 : kPrivate) | flags, -1, 0);
  if (p < 0 && p > -4096) return 0;
  volatile char* page = (volatile char*)p;
  for (ulong i = 0; write >= 0 && i < bytes; i += kPage) {
    if (!write) {
      (void)page[i];
      continue;
    }
    const char* name = kind;
    for (int j = 0; name[j]; ++j) page[i + (ulong)j] = name[j];
    page[i + 32] = (char)(i / kPage);
  }
  if (write > 0 && !(prot & kWr)) SysCall(kMprotect, p, (long)bytes, prot, 0, 0, 0);
  maps[map_count++] = (struct Map){(ulong)p, bytes, kind};
  return (char*)p;
}

// Pages `first`, `first + step`, ... of an area of its own: asks the kernel to write them out.
static void MakeSwapped(const char* kind, ulong pages, int prot, ulong first, ulong step) {
  char* area = Make(kind, 0, pages * kPage, prot, 0, 1);
  for (ulong i = first; area && i < pages; i += step) {
    SysCall(kMadvise, (long)(area + i * kPage), kPage, 21, 0, 0, 0);  // MADV_PAGEOUT
  }
}

static void MapEverything(int index) {
  char here;
  Make("anon4k", 0, 64 * kPage, kRd | kWr, 0, 1);
  Make("ro", 0, 4 * kPage, kRd, 0, 1);
  Make("rx", 0, 4 * kPage, kRd | kEx, 0, 1);
  Make("protnone", 0, 4 * kPage, 0, 0, 1);
  Make("untouched", 0, 8 * kPage, kRd | kWr, 0, -1);
  Make("zeropage", 0, 4 * kPage, kRd, 0, 0);
  Make("shared", 0, 4 * kPage, kRd | kWr, kShared, 1);
  Make("fixlow", 0x120000, 4 * kPage, kRd | kWr, kFixed, 1);
  Make("fixcross2g", 0x7ffff000, 2 * kPage, kRd | kWr, kFixed, 1);
#if !defined(__i386__)
  Make("fixcross1t", 0xffffffe000, 4 * kPage, kRd | kWr, kFixed, 1);
  Make("fixhigh", 0x500012345000, 3 * kPage, kRd | kWr, kFixed, 1);
  Make("high57", 0xab001234567000, 4 * kPage, kRd | kWr, 0,
       1);  // above 47 bits where there are five levels
  char* thp = Make("thp", 0, 8 << 20, kRd | kWr, 0, -1);
  if (thp) {
    SysCall(kMadvise, (long)thp, 8 << 20, 14, 0, 0, 0);
    for (ulong i = 0; i < 8 << 20; i += kPage) thp[i] = 1;
  }
  if (index == 0) Make("huge1g", 0, 1 << 30, kRd | kWr, kHuge | 30 << 26, 1);
#else
  (void)index;
#endif
  Make("huge", 0, 4 << 20, kRd | kWr, kHuge, 1);
  if (swap_areas) {
    MakeSwapped("swapped", 48, kRd | kWr, 0, 1);
    MakeSwapped("swapmixed", 16, kRd | kWr, 1, 2);
    MakeSwapped("swapro", 4, kRd, 0, 1);
    MakeSwapped("swapnone", 4, 0, 0, 1);
  }
  maps[map_count++] = (struct Map){(ulong)&MapEverything & ~(kPage - 1ul), kPage, "text_segment"};
  maps[map_count++] = (struct Map){(ulong)&here & ~(kPage - 1ul), kPage, "stack"};
}

static void Tell(ulong pid, ulong index) {
  long pagemap = Open("/proc/self/pagemap", 0);
  Text("V2P PROC "), Decimal(pid), Text(" "), Decimal(index), Text(index == 2 ? " sleep" : " spin"),
      EndLine();
  for (int m = 0; m < map_count; ++m) {
    Text("V2P MAP "), Decimal(pid), Text(" "), Hex(maps[m].va), Text(" "), Decimal(maps[m].bytes),
        Text(" ");
    Text(maps[m].kind), EndLine();
    ulong pages = maps[m].bytes / kPage;
    for (ulong i = 0; i<pages; i += pages> 4096 ? 65521 : pages > 64 ? 61 : 1) {
      ulong va = maps[m].va + i * kPage;
      uint64_t entry = 0;
      uint64_t at = (uint64_t)(va / kPage) * 8;
      SysCall(kPread, pagemap, (long)&entry, 8, (long)at, (long)(at >> 32), 0);
      Text("V2P PM "), Decimal(pid), Text(" "), Hex(va), Text(entry >> 63 ? " 1 " : " 0 ");
      Hex(entry >> 63 ? (entry & ((1ull << 55) - 1)) << 12 : 0), EndLine();
      if (entry >> 62 != 1) continue;  // Documentation/admin-guide/mm/pagemap.rst: bit 62, swapped
      Text("V2P SWAP "), Decimal(pid), Text(" "), Hex(va), Text(" "), Decimal(entry & 31);
      Text(" "), Hex((entry & ((1ull << 55) - 1)) >> 5), EndLine();
    }
  }
}

// Every 1500th kernel symbol, as the addresses to ask the monitor about.
static void TellSymbols(void) {
  static char buffer[65536];
  long file = Open("/proc/kallsyms", 0), got;
  ulong lines = 0, column = 0;
  while ((got = SysCall(kRead, file, (long)buffer, sizeof buffer, 0, 0, 0)) > 0) {
    for (long i = 0; i < got; ++i) {
      if (column == 0 && lines % 1500 == 0) Text("V2P SYM 0x");
      if (lines % 1500 == 0 && column < sizeof(long) * 2) line[length++] = buffer[i];
      if (lines % 1500 == 0 && column == sizeof(long) * 2) EndLine();
      ++column;
      if (buffer[i] == '\n') ++lines, column = 0;
    }
  }
  length = 0;
}

static void WriteFile(const char* path, const char* text) {
  long f = Open(path, 1), n = 0;
  while (text[n]) ++n;
  SysCall(kWrite, f, (long)text, n, 0, 0, 0);
  SysCall(kClose, f, 0, 0, 0, 0, 0);
}

// Swap areas on RAM disks of 4 MiB, of one priority, so that the kernel takes both in turn. Header:
// include/linux/swap.h, union swap_header.
static void AddSwap(const char* disk) {
  static char header[kPage];
  ((uint32_t*)header)[256] = 1;
  ((uint32_t*)header)[257] = 1023;  // the last page
  for (int i = 0; i < 10; ++i) header[kPage - 10 + i] = "SWAPSPACE2"[i];
  long file = Open(disk, 1);
  SysCall(kWrite, file, (long)header, kPage, 0, 0, 0);
  SysCall(kClose, file, 0, 0, 0, 0, 0);
  swap_areas += SysCall(kSwapon, (long)disk, 0x8000 | 5, 0, 0, 0, 0) == 0;
}

static void Sleep(long seconds) {
  long time[2] = {seconds, 0};
  SysCall(kNanosleep, (long)time, 0, 0, 0, 0, 0);
}

// Process 0 spins in user mode on CPU 0; process 1 mostly in the kernel on CPU 1; process 2 sleeps.
static void Child(ulong index, int told) {
  ulong cpu = 1ul << (index & 1);
  SysCall(kAffinity, 0, sizeof cpu, (long)&cpu, 0, 0, 0);
  MapEverything((int)index);
  Tell((ulong)SysCall(kGetpid, 0, 0, 0, 0, 0, 0), index);
  static char sink[65536];
  long zero = Open("/dev/zero", 0);
  SysCall(kWrite, told, (long)sink, 1, 0, 0, 0);
  for (;;) {
    if (index == 2) Sleep(3600);
    if (index == 1) SysCall(kRead, zero, (long)sink, sizeof sink, 0, 0, 0);
  }
}

void Main(void) {
  SysCall(kMkdirat, -100, (long)"/proc", 0755, 0, 0, 0);
  SysCall(kMkdirat, -100, (long)"/dev", 0755, 0, 0, 0);
  SysCall(kMount, (long)"proc", (long)"/proc", (long)"proc", 0, 0, 0);
  SysCall(kMount, (long)"dev", (long)"/dev", (long)"devtmpfs", 0, 0, 0);
  long module = Open("/qemu_fw_cfg.ko", 0);  // gives QEMU the VMCOREINFO note
  SysCall(kFinit, module, (long)"", 0, 0, 0, 0);
  WriteFile("/proc/sys/vm/nr_hugepages", "16");
  module = Open("/brd.ko", 0);
  if (module >= 0 && SysCall(kFinit, module, (long)"rd_nr=2 rd_size=4096", 0, 0, 0, 0) == 0) {
    AddSwap("/dev/ram0");
    AddSwap("/dev/ram1");
  }
  TellSymbols();
  int told[2];
  char byte;
  SysCall(kPipe, (long)told, 0, 0, 0, 0, 0);
  for (ulong i = 0; i < 3; ++i) {  // one after the other, so that their lines do not mix
    if (SysCall(kClone, 17, 0, 0, 0, 0, 0) == 0) Child(i, told[1]);
    SysCall(kRead, told[0], (long)&byte, 1, 0, 0, 0);
  }
  Text("V2P READY"), EndLine();
  for (;;) Sleep(3600);
}
