/* How far ahead weights are asked for on machines where nothing was measured: as on most x86-64. */
#include "cpu.h"

int64_t octgemm_cpu_stream_ahead(void)
{
    return 8192;
}
