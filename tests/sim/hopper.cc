/* src/cuda/hopper.cu for the host, and the instructions of hopper.h. */
#include <cstdint>
#include <cstring>

#include "hopper.h"

#include "cuda/hopper.cu"
#include "batches.h"
#include "hopper_run.h"

namespace
{
enum { warp = 32, warpgroup = 128, most_blocks = 8, most_threads = 512 };

/* A meeting of some warps, counted in threads. */
struct meeting {
    int come;
    unsigned open; /* how many times it was complete */
};

/* A barrier in shared memory: eight bytes. */
struct barrier {
    int32_t bytes; /* that are still to come */
    uint16_t left, arrivals : 15, phase : 1;
};

struct load {
    uint32_t shared, barrier;
    mock_tensor_map map; /* its own: the thread that asked may be gone */
    int column, row;
};

struct store {
    uint32_t shared;
    mock_tensor_map map;
    int column, row, batch;
};

struct product {
    int32_t *sum;
    uint64_t a, b;
    int n, batch;
    bool add;
};

/* What is under way for a thread. */
struct thread {
    std::vector<product> products;
    std::vector<store> stores;
    int products_batch, stores_batch;
    unsigned cluster_open;
};

struct block {
    meeting named[16];
    meeting warpgroups[most_threads / warpgroup];
    thread threads[most_threads];
    bool late; /* products wait until they are waited for */
};

struct {
    unsigned cluster, threads;
    block blocks[most_blocks];
    meeting together;
    int left; /* threads of the cluster that are done: as good as come */
    std::vector<load> loads;
} gpu;

/* The running thread's. One cluster after another has the same memory. */
block &here()
{
    return gpu.blocks[cluster_rank()];
}

thread &me()
{
    return here().threads[threadIdx.x];
}

/* The 128-byte swizzle: 16-byte pieces of a row by the row's number, which is in the address. */
uint32_t swizzled_place(uint32_t address)
{
    return address ^ (address >> 7 & 7) << 4;
}

} // namespace

/* -- barriers --------------------------------------------------------------------------------- */

namespace
{
struct visit {
    meeting *at;
    int threads;
    unsigned open; /* out: the number of times that it must have been complete */
};

/* Threads that are done count where the whole cluster meets. */
void open_if_all(meeting *at, int threads)
{
    const int come = at->come + (at == &gpu.together ? gpu.left : 0);
    if (come > threads)
        sim_fail("more threads come to a barrier than it has");
    if (come == threads) {
        at->come = 0;
        at->open++;
    }
}

/* The warp's threads come to a meeting together. */
void do_visit(void *const *operands, int lanes)
{
    const visit *const first = (const visit *)operands[0];
    meeting *const at = first->at;
    const unsigned open = at->open + 1;
    for (int i = 0; i < lanes; i++) {
        visit *const each = (visit *)operands[i];
        if (each->at != at || each->threads != first->threads)
            sim_fail("threads of a warp come to different barriers");
        each->open = open;
    }
    at->come += lanes;
    open_if_all(at, first->threads);
}

int is_open(const void *of)
{
    const visit *const mine = (const visit *)of;
    return (int)(mine->at->open - mine->open) >= 0;
}

int cluster_threads()
{
    return (int)(gpu.threads * gpu.cluster);
}

/* A thread is done; the next cluster starts with none that are. */
void leave()
{
    gpu.left++;
    if (gpu.together.come > 0)
        open_if_all(&gpu.together, cluster_threads());
    if (gpu.left == cluster_threads())
        gpu.left = 0;
}

visit come(meeting *at, int threads)
{
    visit mine = {at, threads, 0};
    sim_meet(do_visit, &mine);
    return mine;
}

void meet(meeting *at, int threads)
{
    const visit mine = come(at, threads);
    sim_wait(is_open, &mine);
}

barrier *find_barrier(uint32_t address)
{
    return (barrier *)shared_pointer(address, sizeof(barrier));
}

void change(uint32_t address, int arrivals, int bytes)
{
    barrier *const it = find_barrier(address);
    if (it->left < arrivals)
        sim_fail("more arrive at a barrier than it was made for");
    it->left = (uint16_t)(it->left - arrivals);
    it->bytes += bytes;
    if (it->left == 0 && it->bytes == 0) {
        it->phase ^= 1;
        it->left = it->arrivals;
    }
}

struct phase_wait {
    const barrier *at;
    uint32_t parity;
};

int phase_is_over(const void *of)
{
    const phase_wait *const mine = (const phase_wait *)of;
    return mine->at->phase != mine->parity;
}
} // namespace

void named_barrier(int number, int threads)
{
    meet(&here().named[number], threads);
}

void block_arrive(int threads)
{
    come(&here().named[0], threads);
}

void cluster_arrive()
{
    me().cluster_open = come(&gpu.together, cluster_threads()).open;
}

void cluster_wait()
{
    const visit mine = {&gpu.together, 0, me().cluster_open};
    sim_wait(is_open, &mine);
}

void barrier_init(uint32_t address, int arrivals)
{
    barrier *const it = find_barrier(address);
    *it = barrier();
    it->left = (uint16_t)arrivals;
    it->arrivals = (uint16_t)(arrivals & 0x7fff);
}

void barrier_wait(uint32_t address, uint32_t parity)
{
    const phase_wait mine = {find_barrier(address), parity};
    sim_wait(phase_is_over, &mine);
}

void barrier_expect(uint32_t address, int bytes)
{
    find_barrier(address)->bytes += bytes;
    change(address, 1, 0);
}

void barrier_arrive(uint32_t address)
{
    change(address, 1, 0);
}

void store_to_block(uint32_t to, const int32_t *v, uint32_t barrier)
{
    memcpy(shared_pointer(to, 16), v, 16);
    change(barrier, 0, -16);
}

/* -- the copy engine -------------------------------------------------------------------------- */

namespace
{
mock_tensor_map read_map(const tensor_map &map)
{
    mock_tensor_map known;
    memcpy(&known, map.opaque, sizeof known);
    return known;
}

/* A byte of a box's row that exists, or null. */
uint8_t *in_matrix(const mock_tensor_map &map, int column, int row, unsigned byte)
{
    const int64_t at = column + (int64_t)(byte / map.width);
    if (at < 0 || at >= (int64_t)map.sizes[0] || row < 0 || row >= (int64_t)map.sizes[1])
        return nullptr;
    return map.base + (uint64_t)row * map.stride + (uint64_t)at * map.width + byte % map.width;
}

void do_load(const load &what)
{
    const mock_tensor_map &map = what.map;
    const unsigned bytes = map.box[0] * map.width;
    for (unsigned row = 0; row < map.box[1]; row++)
        for (unsigned byte = 0; byte < bytes; byte += 16) {
            uint8_t *const to =
                shared_pointer(swizzled_place(what.shared + row * bytes + byte), 16);
            for (unsigned i = 0; i < 16; i++) {
                const uint8_t *const from =
                    in_matrix(map, what.column, what.row + (int)row, byte + i);
                to[i] = from ? *from : 0;
            }
        }
    change(what.barrier, 0, -(int)(bytes * map.box[1]));
}

void do_store(const store &what)
{
    const mock_tensor_map &map = what.map;
    const unsigned bytes = map.box[0] * map.width;
    for (unsigned row = 0; row < map.box[1]; row++)
        for (unsigned byte = 0; byte < bytes; byte++) {
            uint8_t *const to = in_matrix(map, what.column, what.row + (int)row, byte);
            if (to)
                *to = *shared_pointer(swizzled_place(what.shared + row * bytes + byte), 1);
        }
}

/* Some of the boxes that were asked for come. */
int bring_boxes()
{
    const int asked = (int)gpu.loads.size();
    for (size_t i = 0; i < gpu.loads.size();)
        if (sim_random() % 2 == 0) {
            do_load(gpu.loads[i]);
            gpu.loads.erase(gpu.loads.begin() + (ptrdiff_t)i);
        } else {
            i++;
        }
    return asked;
}
} // namespace

void tensor_load(uint32_t shared, const tensor_map &map, int column, int row, uint32_t barrier)
{
    const load asked = {shared, barrier, read_map(map), column, row};
    if (sim_scrambled()) /* at once, lest it find what came meanwhile */
        do_load(asked);
    else
        gpu.loads.push_back(asked);
}

void tensor_load_all(uint32_t shared, const tensor_map &map, int column, int row, uint32_t barrier,
                     uint16_t blocks)
{
    for (int rank = 0; rank < (int)gpu.cluster; rank++)
        if (blocks >> rank & 1)
            tensor_load(place_in_block(shared, rank), map, column, row,
                        place_in_block(barrier, rank));
}

void tensor_store(const tensor_map &map, int column, int row, uint32_t shared, uint64_t)
{
    me().stores.push_back({shared, read_map(map), column, row, me().stores_batch});
}

void tensor_stores_commit()
{
    me().stores_batch++;
}

void sim_stores_read(int pending)
{
    finish(me().stores, me().stores_batch - pending, do_store);
}

/* -- matrix products -------------------------------------------------------------------------- */

namespace
{
/* A swizzled tile of rows of 128 bytes, from where a description says. */
struct tile {
    const uint8_t *memory;
    uint32_t first;

    tile(uint64_t description, int rows)
    {
        const uint32_t own = shared_address(block_memory());
        if (description >> 62 != 1 || (description >> 32 & 0x3fff) != 1024 >> 4)
            sim_fail("not the description of a swizzled tile");
        first = (uint32_t)(description & 0x3fff) << 4;
        memory = shared_pointer(own, 0);
        shared_pointer(own | first, (rows - 1) * 128 + 32);
    }

    /* 32 bytes of a row. */
    sim_row read(int row) const
    {
        const uint32_t at = first + (uint32_t)row * 128;
        return {sim_widen(memory + swizzled_place(at)),
                sim_widen(memory + swizzled_place(at + 16))};
    }
};

/* A lane's share: two rows of a by two columns in each eight. */
void do_product(const product &what)
{
    const int lane = (int)threadIdx.x % warp, row = (int)threadIdx.x % warpgroup / warp * 16;
    const tile rows(what.a, 64), columns(what.b, what.n);
    const sim_row a[2] = {rows.read(row + lane / 4), rows.read(row + lane / 4 + 8)};
    for (int j = 0; j < what.n / 8; j++)
        for (int c = 0; c < 2; c++) {
            const sim_row b = columns.read(j * 8 + lane % 4 * 2 + c);
            for (int e = 0; e < 2; e++) {
                int32_t &sum = what.sum[j * 4 + e * 2 + c];
                sum = (what.add ? sum : 0) + sim_dot(a[e], b);
            }
        }
}
} // namespace

void sim_multiply(int32_t *sum, int n, uint64_t a, uint64_t b, bool add)
{
    const product what = {sum, a, b, n, me().products_batch, add};
    if (here().late)
        me().products.push_back(what);
    else
        do_product(what);
}

void wgmma_begin()
{
    meet(&here().warpgroups[threadIdx.x / warpgroup], warpgroup);
}

void wgmma_commit()
{
    me().products_batch++;
}

void sim_products_done(int pending)
{
    finish(me().products, me().products_batch - pending, do_product);
}

/* -- launches --------------------------------------------------------------------------------- */

namespace
{
template <typename maps>
void call(void (*kernel)(octgemm_gemm_params, maps), void *const *params)
{
    kernel(*(const octgemm_gemm_params *)params[0], *(const maps *)params[1]);
    leave();
}

const struct {
    const char *name;
    void (*call)(const void *params);
} functions[] = {
#define KERNEL_NAME(name)                                                                          \
    {"octgemm_wgmma_" #name,                                                                       \
     [](const void *params) { call(octgemm_wgmma_##name, (void *const *)params); }},
#include "hopper_names.inc"
#undef KERNEL_NAME
};

/* Memory and barriers as a launch finds them. */
void prepare(const mock_launch *launch)
{
    gpu.cluster = launch->cluster > 1 ? launch->cluster : 1;
    gpu.threads = launch->threads;
    gpu.together = meeting();
    gpu.left = 0;
    gpu.loads.clear();
    sim_give_memory(gpu.cluster, launch->shared);
    for (unsigned rank = 0; rank < gpu.cluster; rank++) {
        block &each = gpu.blocks[rank];
        each.late = sim_random() % 2 == 0;
        memset(each.named, 0, sizeof each.named);
        memset(each.warpgroups, 0, sizeof each.warpgroups);
        for (thread &of : each.threads)
            of = thread();
    }
}
} // namespace

int sim_hopper_launch(const mock_launch *launch)
{
    enum { not_found = 500 };
    for (const auto &function : functions) {
        if (strcmp(function.name, launch->function) != 0)
            continue;
        prepare(launch);
        gridDim.x = launch->blocks;
        const sim_launch run = {.kernel = function.call,
                                .params = launch->params,
                                .blocks = launch->blocks,
                                .threads = launch->threads,
                                .wave = warp,
                                .cluster = launch->cluster,
                                .beside = bring_boxes};
        sim_scramble(launch);
        sim_run(&run);
        sim_launch_ends();
        if (!gpu.loads.empty())
            sim_fail("a block ended before what it asked for came");
        for (unsigned rank = 0; rank < gpu.cluster; rank++)
            for (const thread &of : gpu.blocks[rank].threads)
                if (!of.stores.empty())
                    sim_fail("a block ended before its results were read");
        return 0;
    }
    return not_found;
}
