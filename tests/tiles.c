/* AMX in software: see tiles.h. */
#define _GNU_SOURCE /* REG_RIP and the other names of saved registers */
#include "tiles.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum { tiles = 8, most_rows = 16, row_bytes = 64 };

struct tile {
    int rows, bytes; /* of a row */
    uint8_t data[most_rows][row_bytes];
};

/* Each thread has its own, as in hardware. */
static __thread struct {
    int configured;
    struct tile tile[tiles];
} state;

static atomic_long executed;

long tiles_executed(void)
{
    return atomic_load(&executed);
}

/* A signal handler may write and leave, and little else. */
static void fault(const char *what)
{
    static const char head[] = "tiles: the processor would fault here: ";
    if (write(STDERR_FILENO, head, sizeof head - 1) < 0 ||
        write(STDERR_FILENO, what, strlen(what)) < 0 || write(STDERR_FILENO, "\n", 1) < 0)
        _exit(2);
    _exit(1);
}

/* ---- decoding ------------------------------------------------------------------------------- */

/* An instruction with a VEX prefix of three bytes. */
struct instruction {
    int prefix; /* none, 66, F3, F2 */
    int opcode, reg, rm, vvvv;
    int memory;    /* its operand is in memory: */
    int64_t base;  /* address without the index */
    int64_t index; /* scaled */
    int length;
};

enum { none, prefix_66, prefix_f3, prefix_f2 };

static int64_t saved_register(const ucontext_t *context, int number)
{
    static const int names[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                  REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                  REG_R12, REG_R13, REG_R14, REG_R15};
    return context->uc_mcontext.gregs[names[number]];
}

static int decode(const ucontext_t *context, struct instruction *in)
{
    const uint8_t *const start = (const uint8_t *)context->uc_mcontext.gregs[REG_RIP];
    const uint8_t *p = start;
    if (p[0] != 0xc4 || (p[1] & 0x1f) != 2 || p[2] & 0x84) /* VEX.128.0F38.W0 */
        return 0;
    const int x = p[1] & 0x40 ? 0 : 8, b = p[1] & 0x20 ? 0 : 8;
    *in = (struct instruction){
        .prefix = p[2] & 3, .vvvv = ~p[2] >> 3 & 15, .opcode = p[3], .memory = p[4] < 0xc0};
    in->reg = p[4] >> 3 & 7;
    in->rm = p[4] & 7;
    const int mode = p[4] >> 6;
    p += 5;
    if (in->memory) {
        int base = in->rm | b, has_base = 1;
        if (in->rm == 4) {
            const int index = (*p >> 3 & 7) | x;
            if (index != 4)
                in->index = (int64_t)((uint64_t)saved_register(context, index) << (*p >> 6));
            has_base = (*p & 7) != 5 || mode != 0;
            base = (*p & 7) | b;
            p++;
        } else if (mode == 0 && in->rm == 5) {
            fault("an address relative to rip, which no kernel uses");
        }
        if (has_base)
            in->base = saved_register(context, base);
        if (mode == 1) {
            in->base += (int8_t)*p++;
        } else if (mode == 2 || !has_base) {
            int32_t displacement;
            memcpy(&displacement, p, sizeof displacement);
            in->base += displacement;
            p += sizeof displacement;
        }
    }
    in->length = (int)(p - start);
    return 1;
}

/* ---- the instructions ----------------------------------------------------------------------- */

static struct tile *tile(int number)
{
    if (!state.configured)
        fault("a tile before ldtilecfg");
    if (number >= tiles || state.tile[number].rows == 0)
        fault("a tile that is not configured");
    return &state.tile[number];
}

static void load_configuration(const struct instruction *in)
{
    const uint8_t *const from = (const uint8_t *)(in->base + in->index);
    memset(&state, 0, sizeof state);
    if (from[0] > 1)
        fault("ldtilecfg: palette");
    for (int i = 2; i < 16; i++)
        if (from[i] != 0)
            fault("ldtilecfg: reserved byte");
    state.configured = from[0] == 1;
    for (int i = 0; i < 16; i++) {
        const int bytes = from[16 + 2 * i] | from[17 + 2 * i] << 8, rows = from[48 + i];
        if (!state.configured)
            continue;
        if (i >= tiles && (bytes > 0 || rows > 0))
            fault("ldtilecfg: a tile that does not exist");
        if (bytes > row_bytes || rows > most_rows || (bytes == 0) != (rows == 0))
            fault("ldtilecfg: size of a tile");
        if (i < tiles) {
            state.tile[i].rows = rows;
            state.tile[i].bytes = bytes;
        }
    }
}

static void release(void)
{
    memset(&state, 0, sizeof state);
}

static void zero(struct tile *to)
{
    memset(to->data, 0, sizeof to->data);
}

static void load(struct tile *to, const struct instruction *in)
{
    zero(to);
    for (int i = 0; i < to->rows; i++)
        memcpy(to->data[i], (const uint8_t *)(in->base + i * in->index), (size_t)to->bytes);
}

static void store(const struct tile *from, const struct instruction *in)
{
    for (int i = 0; i < from->rows; i++)
        memcpy((uint8_t *)(in->base + i * in->index), from->data[i], (size_t)from->bytes);
}

static int value(uint8_t byte, int is_signed)
{
    return is_signed ? (int8_t)byte : byte;
}

static void multiply(struct tile *to, const struct tile *a, const struct tile *b, int a_signed,
                     int b_signed)
{
    if (to == a || to == b || a == b)
        fault("tdp: a tile twice");
    if (to->rows != a->rows || to->bytes != b->bytes || a->bytes / 4 != b->rows ||
        (to->bytes | a->bytes) % 4 != 0)
        fault("tdp: tiles that do not fit");
    for (int i = 0; i < to->rows; i++)
        for (int j = 0; j < to->bytes / 4; j++) {
            uint32_t sum;
            memcpy(&sum, to->data[i] + 4 * j, sizeof sum);
            for (int k = 0; k < a->bytes; k++)
                sum += (uint32_t)(value(a->data[i][k], a_signed) *
                                  value(b->data[k / 4][4 * j + k % 4], b_signed));
            memcpy(to->data[i] + 4 * j, &sum, sizeof sum);
        }
}

static int execute(const struct instruction *in)
{
    enum { configuration = 0x49, memory = 0x4b, product = 0x5e };
    if (in->opcode == configuration && in->memory && in->prefix == none)
        load_configuration(in);
    else if (in->opcode == configuration && !in->memory && in->prefix == none)
        release();
    else if (in->opcode == configuration && !in->memory && in->prefix == prefix_f2)
        zero(tile(in->reg));
    else if (in->opcode == memory && (in->prefix == prefix_f2 || in->prefix == prefix_66))
        load(tile(in->reg), in);
    else if (in->opcode == memory && in->prefix == prefix_f3)
        store(tile(in->reg), in);
    else if (in->opcode == product && !in->memory)
        multiply(tile(in->reg), tile(in->rm), tile(in->vvvv),
                 in->prefix == prefix_f2 || in->prefix == prefix_f3,
                 in->prefix == prefix_f2 || in->prefix == prefix_66);
    else
        return 0;
    return 1;
}

static void on_illegal(int number, siginfo_t *info, void *user)
{
    ucontext_t *const context = user;
    struct instruction in;
    (void)number;
    (void)info;
    if (!decode(context, &in) || !execute(&in))
        fault("an instruction that is none of AMX's");
    context->uc_mcontext.gregs[REG_RIP] += in.length;
    atomic_fetch_add(&executed, 1);
}

void tiles_emulate(void)
{
    struct sigaction action = {.sa_sigaction = on_illegal, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    sigaction(SIGILL, &action, NULL);
}
