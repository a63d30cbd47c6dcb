/* Fibers and rendezvous. Switching is done with sigsetjmp and siglongjmp, which unlike swapcontext
 * make no system call; ucontext only gives a fiber its stack. */
#undef _FORTIFY_SOURCE /* its longjmp refuses to go to another stack */
#include "sim.h"

#include <fenv.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifndef __SANITIZE_ADDRESS__
#define __SANITIZE_ADDRESS__ 0
#endif
#if __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#else
static void __sanitizer_start_switch_fiber(void **fake, const void *stack, size_t bytes)
{
    (void)fake, (void)stack, (void)bytes;
}
static void __sanitizer_finish_switch_fiber(void *fake, const void **stack, size_t *bytes)
{
    (void)fake, (void)stack, (void)bytes;
}
#endif

/* Stacks begin at different places of their pages: all lanes use the same part of theirs at the
 * same time, and would compete for the same few lines of a cache. */
enum { most_threads = 4096, stack_bytes = 128 * 1024, stagger = 13 * 64, most_stagger = 32 * 1024 };

struct fiber {
    sigjmp_buf at;
    char *stack; /* NULL: the host's own */
    const void *stack_low;
    size_t stack_size;
};

struct lane {
    struct fiber fiber;
    unsigned block, thread;
    struct wave *wave;
    struct lane *neighbour; /* the next of the wave, in a ring */
    int index;              /* in the wave */
    int ended;
    int waits;                    /* at the wave's meeting */
    int (*ready)(const void *of); /* else, what it waits for; NULL: nothing */
    const void *of;
};

struct wave {
    struct lane *lanes;
    int size;
    int come;      /* lanes that wait at the meeting */
    int ended;     /* lanes that have left the kernel */
    sim_work work; /* what the meeting is for; NULL: the block's barrier */
    void *operands[64];
    struct lane *next; /* who goes on when the wave does, if it can */
    int waits;         /* all lanes wait at the barrier */
};

static struct {
    const struct sim_launch *launch;
    struct fiber host;
    struct lane lanes[most_threads];
    struct wave waves[most_threads];
    int wave_count;
    struct lane *running;
    struct fiber *from; /* of the switch under way */
    uint32_t random;
} sim;

void sim_fail(const char *text)
{
    fprintf(stderr, "simulator: block %u, thread %u: %s\n", sim.running ? sim.running->block : 0,
            sim.running ? sim.running->thread : 0, text);
    abort();
}

static void arrive(void *fake)
{
    const void *low;
    size_t size;
    __sanitizer_finish_switch_fiber(fake, &low, &size);
    if (__SANITIZE_ADDRESS__ && sim.from == &sim.host && !sim.host.stack_low) {
        sim.host.stack_low = low;
        sim.host.stack_size = size;
    }
}

static void switch_to(struct fiber *from, struct fiber *to)
{
    void *fake = NULL;
    sim.from = from;
    __sanitizer_start_switch_fiber(&fake, to->stack_low, to->stack_size);
    if (sigsetjmp(from->at, 0) == 0)
        siglongjmp(to->at, 1);
    arrive(fake);
}

static void resume(struct fiber *from, struct lane *lane)
{
    sim.running = lane;
    switch_to(from, &lane->fiber);
}

/* The first lane that can go on, from this one around the ring, or NULL. */
static struct lane *find_lane(struct lane *from)
{
    struct lane *lane = from;
    do {
        if (!lane->ended && !lane->waits && (!lane->ready || lane->ready(lane->of))) {
            lane->ready = NULL;
            return lane;
        }
        lane = lane->neighbour;
    } while (lane != from);
    return NULL;
}

/* To another lane of the wave, else to other waves. */
static void pass_on(struct lane *lane)
{
    struct lane *next = find_lane(lane->neighbour);
    lane->wave->next = lane;
    if (next)
        resume(&lane->fiber, next);
    else
        switch_to(&lane->fiber, &sim.host);
}

/* Every lane of a wave must come to the same meeting. True in the last one. */
static int come(struct lane *lane, sim_work work)
{
    struct wave *wave = lane->wave;
    if (wave->ended > 0)
        sim_fail("a lane waits for others that have left the kernel");
    if (wave->come == 0)
        wave->work = work;
    if (wave->work != work)
        sim_fail("lanes of a wave have come to different meetings");
    lane->waits = 1;
    if (++wave->come < wave->size)
        return 0;
    wave->come = 0;
    for (int i = 0; i < wave->size; i++)
        wave->lanes[i].waits = 0;
    return 1;
}

void sim_meet(sim_work work, void *operand)
{
    struct lane *lane = sim.running;
    struct wave *wave = lane->wave;
    wave->operands[lane->index] = operand;
    if (come(lane, work))
        work(wave->operands, wave->size);
    else
        pass_on(lane);
}

void sim_barrier(void)
{
    struct lane *lane = sim.running;
    if (come(lane, NULL)) {
        lane->wave->waits = 1;
        lane->wave->next = lane;
        switch_to(&lane->fiber, &sim.host);
    } else {
        pass_on(lane);
    }
}

void sim_wait(int (*ready)(const void *of), const void *of)
{
    struct lane *lane = sim.running;
    if (ready(of))
        return;
    lane->ready = ready;
    lane->of = of;
    pass_on(lane);
}

static void lane_main(void)
{
    struct lane *lane = sim.running;
    arrive(NULL);
    switch_to(&lane->fiber, &sim.host); /* made; waits for the first block */
    for (;;) {                          /* once for each block */
        sim.launch->kernel(sim.launch->params);
        lane->ended = 1;
        lane->wave->ended++;
        if (lane->wave->come > 0)
            sim_fail("a lane left the kernel while others of its wave wait for it");
        pass_on(lane);
    }
}

static void make_fiber(struct lane *lane)
{
    struct fiber *fiber = &lane->fiber;
    ucontext_t context, here;
    fiber->stack = mmap(NULL, stack_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (fiber->stack == MAP_FAILED || getcontext(&context) != 0)
        sim_fail("no memory for a stack");
    mprotect(fiber->stack, 4096, PROT_NONE); /* where an overflow ends */
    fiber->stack_low = fiber->stack + 4096;
    fiber->stack_size = stack_bytes - 4096 - (size_t)(lane - sim.lanes) * stagger % most_stagger;
    context.uc_stack.ss_sp = fiber->stack + 4096;
    context.uc_stack.ss_size = fiber->stack_size;
    context.uc_link = NULL;
    makecontext(&context, lane_main, 0);
    void *fake = NULL;
    sim.running = lane;
    sim.from = &sim.host;
    __sanitizer_start_switch_fiber(&fake, fiber->stack_low, fiber->stack_size);
    if (sigsetjmp(sim.host.at, 0) == 0)
        swapcontext(&here, &context);
    arrive(fake);
}

unsigned sim_random(void)
{
    sim.random = sim.random * 1664525u + 1013904223u;
    return sim.random >> 8;
}

/* Runs a wave until it waits for something or has ended. False: it waits still. */
static int run_wave(struct wave *wave)
{
    struct lane *lane = wave->waits ? NULL : find_lane(wave->next);
    if (lane)
        resume(&sim.host, lane);
    return lane != NULL;
}

/* Runs waves once, in a random order. Returns how many could go on. */
static int run_waves(void)
{
    int order[most_threads];
    int gone_on = 0;
    for (int i = 0; i < sim.wave_count; i++) {
        int j = (int)(sim_random() % (unsigned)(i + 1));
        order[i] = order[j];
        order[j] = i;
    }
    for (int i = 0; i < sim.wave_count; i++)
        gone_on += run_wave(&sim.waves[order[i]]);
    return gone_on;
}

/* Opens the barrier if every wave has come. */
static void open_barrier(void)
{
    int waiting = 0;
    for (int i = 0; i < sim.wave_count; i++)
        waiting += sim.waves[i].waits;
    if (waiting < sim.wave_count)
        return;
    for (int i = 0; i < sim.wave_count; i++)
        sim.waves[i].waits = 0;
}

static int all_ended(void)
{
    for (int i = 0; i < sim.wave_count; i++)
        if (sim.waves[i].ended < sim.waves[i].size)
            return 0;
    return 1;
}

/* As many blocks as run together, from `block` on. */
static void run_blocks(unsigned block)
{
    int waves = (int)sim.launch->threads / sim.launch->wave; /* of a block */
    for (int w = 0; w < sim.wave_count; w++) {
        struct wave *wave = &sim.waves[w];
        *wave = (struct wave){.lanes = &sim.lanes[w * sim.launch->wave], .size = sim.launch->wave};
        wave->next = &wave->lanes[0];
        for (int l = 0; l < wave->size; l++) {
            struct lane *lane = &wave->lanes[l];
            lane->wave = wave;
            lane->neighbour = &wave->lanes[(l + 1) % wave->size];
            lane->index = l;
            lane->ended = 0;
            lane->waits = 0;
            lane->ready = NULL;
            lane->block = block + (unsigned)(w / waves);
            lane->thread = (unsigned)(w % waves * wave->size + l);
        }
    }
    while (!all_ended()) {
        int gone_on = run_waves();
        open_barrier();
        if (sim.launch->beside)
            gone_on += sim.launch->beside();
        if (gone_on == 0)
            sim_fail("waves wait for what nobody does, or others have left the kernel");
    }
}

void sim_run(const struct sim_launch *launch)
{
    fenv_t environment;
    unsigned together = launch->cluster > 1 ? launch->cluster : 1;
    if (launch->threads * together > most_threads || launch->blocks % together != 0 ||
        launch->threads % (unsigned)launch->wave != 0)
        sim_fail("a block is a number of whole waves, and a launch of whole clusters");
    fegetenv(&environment); /* the host's rounding is not the device's */
    fesetenv(FE_DFL_ENV);
    sim.launch = launch;
    sim.host.stack_low = NULL; /* another thread's, perhaps */
    for (unsigned i = 0; i < launch->threads * together; i++)
        if (!sim.lanes[i].fiber.stack)
            make_fiber(&sim.lanes[i]);
    sim.wave_count = (int)(launch->threads * together) / launch->wave;
    for (unsigned block = 0; block < launch->blocks; block += together)
        run_blocks(block);
    sim.running = NULL;
    fesetenv(&environment);
}

unsigned sim_thread(void)
{
    return sim.running->thread;
}

unsigned sim_block(void)
{
    return sim.running->block;
}

unsigned sim_threads(void)
{
    return sim.launch->blocks * sim.launch->threads;
}
