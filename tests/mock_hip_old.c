/* A HIP runtime of long ago: it starts, and lacks everything newer. */
#pragma GCC visibility push(default)
int hipInit(unsigned flags);
const char *hipGetErrorName(int code);
const char *hipGetErrorString(int code);
#pragma GCC visibility pop

int hipInit(unsigned flags)
{
    (void)flags;
    return 0;
}

const char *hipGetErrorName(int code)
{
    (void)code;
    return "hipSuccess";
}

const char *hipGetErrorString(int code)
{
    (void)code;
    return "no error";
}
