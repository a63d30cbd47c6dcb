/* How far ahead weights are asked for on x86-64.
 *
 * Zen 4 reads memory faster by the prefetches of its own, and these stay behind where instructions
 * ask far ahead: with 8192 one core takes 1.1 to 1.3 times as long at m = 1 to 6 from memory, 1.15
 * times at m = 1 from L3. Zen 3 is of the same family, 19h, and does not mind: with 0 and 8192 it
 * took the same time within 6 % (weights as rows, 4096x4096, one thread, m = 1, 2, 4, 8). Zen 5 and
 * a Xeon with AMX keep up with memory at 8192; nothing else was tried there. */
#include "cpu.h"

int64_t octgemm_cpu_stream_ahead(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_is("amdfam19h") ? 0 : 8192;
}
