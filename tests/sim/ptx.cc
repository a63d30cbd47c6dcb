/* Shared memory, warps and their matrix instructions: what ptx.h declares. */
#include "ptx.h"

#include "batches.h"

#include <cstring>

namespace
{
enum { warp = 32, address_bits = 18, most_blocks = 8, most_threads = 1024, alignment = 1024 };

struct copy {
    uint32_t shared;
    const void *global;
    int bytes, batch;
};

/* Copies that are under way for a thread. */
struct copier {
    std::vector<copy> copies;
    int batch;
};

struct {
    unsigned blocks, bytes;
    std::vector<uint8_t> room[most_blocks];
    uint8_t *memory[most_blocks];
    copier copiers[most_threads]; /* of blocks that run alone */
} gpu;

copier &me()
{
    return gpu.copiers[threadIdx.x];
}
} // namespace

/* -- launches --------------------------------------------------------------------------------- */

void sim_give_memory(unsigned blocks, unsigned bytes)
{
    gpu.blocks = blocks;
    gpu.bytes = bytes;
    for (unsigned rank = 0; rank < blocks; rank++) {
        std::vector<uint8_t> &room = gpu.room[rank];
        room.assign(bytes + alignment, 0xa5);
        gpu.memory[rank] =
            room.data() + (alignment - (uintptr_t)room.data() % alignment) % alignment;
    }
}

void sim_thread_ends()
{
    if (!me().copies.empty())
        sim_fail("a thread ended before what it asked for came");
}

/* -- a block's memory ------------------------------------------------------------------------- */

int cluster_rank()
{
    return (int)(sim_block() % gpu.blocks);
}

uint8_t *block_memory()
{
    return gpu.memory[cluster_rank()];
}

uint32_t shared_address(const void *pointer)
{
    return (uint32_t)cluster_rank() << address_bits |
           (uint32_t)((const uint8_t *)pointer - block_memory());
}

uint8_t *shared_pointer(uint32_t address, int bytes)
{
    const uint32_t rank = address >> address_bits, place = address & ((1 << address_bits) - 1);
    if (rank >= gpu.blocks || place + (uint32_t)bytes > gpu.bytes)
        sim_fail("an address past the block's shared memory");
    return gpu.memory[rank] + place;
}

uint32_t place_in_block(uint32_t address, int rank)
{
    return (uint32_t)rank << address_bits | (address & ((1 << address_bits) - 1));
}

namespace
{
void do_copy(const copy &what)
{
    memcpy(shared_pointer(what.shared, what.bytes), what.global, (size_t)what.bytes);
}
} // namespace

void sim_copy(uint32_t shared, const void *global, int bytes)
{
    const copy what = {shared, global, bytes, me().batch};
    if ((uintptr_t)global % (uintptr_t)bytes != 0 || shared % (uint32_t)bytes != 0)
        sim_fail("a copy that is not aligned");
    if (sim_random() % 2 == 0)
        do_copy(what);
    else
        me().copies.push_back(what);
}

void copy_async_commit()
{
    me().batch++;
}

void sim_copies_done(int pending)
{
    finish(me().copies, me().batch - pending, do_copy);
}

/* -- warps ------------------------------------------------------------------------------------ */

namespace
{
void nothing(void *const *, int)
{
}

struct shuffle {
    uint32_t value;
    int from;
};

void do_shuffle(void *const *operands, int lanes)
{
    uint32_t values[warp];
    for (int i = 0; i < lanes; i++)
        values[i] = ((shuffle *)operands[i])->value;
    for (int i = 0; i < lanes; i++) {
        shuffle *const of = (shuffle *)operands[i];
        of->value = values[of->from % lanes];
    }
}

/* A lane's part of four 8 x 8 matrices of 16 bits. */
struct matrices {
    uint32_t address, r[4];
};

/* Lane l holds (row l / 4, columns 2 (l % 4) and the next) of each matrix; lane 8i + c says where
 * column c of matrix i goes. */
void do_store_columns(void *const *operands, int lanes)
{
    for (int l = 0; l < lanes; l++) {
        uint8_t *const to = shared_pointer(((matrices *)operands[l])->address, 16);
        const int matrix = l / 8, column = l % 8;
        for (int row = 0; row < 8; row++) {
            const matrices *const holder = (const matrices *)operands[row * 4 + column / 2];
            const uint16_t half = (uint16_t)(holder->r[matrix] >> column % 2 * 16);
            memcpy(to + row * 2, &half, sizeof half);
        }
    }
}

/* Lane l gives the address of row l % 8 of matrix l / 8, and has bytes 4t..4t+3 of row g of each.
 */
void do_load_rows(void *const *operands, int lanes)
{
    for (int l = 0; l < lanes; l++)
        for (int matrix = 0; matrix < 4; matrix++) {
            const matrices *const giver = (const matrices *)operands[matrix * 8 + l / 4];
            memcpy(&((matrices *)operands[l])->r[matrix],
                   shared_pointer(giver->address, 16) + l % 4 * 4, 4);
        }
}

struct product {
    int32_t *c;
    const uint32_t *a;
    uint32_t b[2];
};

/* Fragments: src/cuda/ptx.cuh. */
void do_multiply(void *const *operands, int lanes)
{
    uint32_t a_bytes[16][8], b_bytes[8][8];
    sim_row a[16], b[8];
    for (int l = 0; l < lanes; l++) {
        const product *const of = (const product *)operands[l];
        for (int half = 0; half < 2; half++) {
            a_bytes[l / 4][half * 4 + l % 4] = of->a[half * 2];
            a_bytes[l / 4 + 8][half * 4 + l % 4] = of->a[half * 2 + 1];
            b_bytes[l / 4][half * 4 + l % 4] = of->b[half];
        }
    }
    for (int row = 0; row < 16; row++)
        a[row] = {sim_widen(a_bytes[row]), sim_widen(a_bytes[row] + 4)};
    for (int row = 0; row < 8; row++)
        b[row] = {sim_widen(b_bytes[row]), sim_widen(b_bytes[row] + 4)};
    for (int l = 0; l < lanes; l++)
        for (int i = 0; i < 4; i++)
            ((product *)operands[l])->c[i] += sim_dot(a[l / 4 + i / 2 * 8], b[l % 4 * 2 + i % 2]);
}
} // namespace

void __syncwarp()
{
    sim_meet(nothing, nullptr);
}

uint32_t __shfl_sync(unsigned, uint32_t value, int from)
{
    shuffle mine = {value, from};
    sim_meet(do_shuffle, &mine);
    return mine.value;
}

void store_columns_x4(uint32_t address, uint32_t r0, uint32_t r1, uint32_t r2, uint32_t r3)
{
    matrices mine = {address, {r0, r1, r2, r3}};
    sim_meet(do_store_columns, &mine);
}

void load_matrix_x4(uint32_t &r0, uint32_t &r1, uint32_t &r2, uint32_t &r3, uint32_t address)
{
    matrices mine = {address, {}};
    sim_meet(do_load_rows, &mine);
    r0 = mine.r[0], r1 = mine.r[1], r2 = mine.r[2], r3 = mine.r[3];
}

void mma_16832(int32_t (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1)
{
    product mine = {c, a, {b0, b1}};
    sim_meet(do_multiply, &mine);
}
