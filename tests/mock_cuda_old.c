/* A CUDA driver of long ago: it starts, and lacks everything newer. */
#pragma GCC visibility push(default)
int cuInit(unsigned flags);
#pragma GCC visibility pop

int cuInit(unsigned flags)
{
    (void)flags;
    return 0;
}
