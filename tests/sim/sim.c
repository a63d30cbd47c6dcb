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
enum { most_threads = 1024, stack_bytes = 128 * 1024, stagger = 13 * 64, most_stagger = 32 * 1024 };

struct fiber {
    sigjmp_buf at;
    char *stack; /* NULL: the host's own */
    const void *stack_low;
    size_t stack_size;
};

struct lane {
    struct fiber fiber;
    unsigned thread;
    struct wave *wave;
    struct lane *neighbour; /* goes on while this one waits: the next of the wave, in a ring */
    int index;              /* in the wave */
    int ended;
};

struct wave {
    struct lane *lanes;
    int size;
    int come;      /* lanes that wait at the meeting */
    int ended;     /* lanes that have left the kernel */
    sim_work work; /* what the meeting is for; NULL: the block's barrier */
    void *operands[64];
    struct lane *next; /* who goes on when the wave does */
    int waits;         /* all lanes wait at the barrier */
};

static struct {
    const struct sim_launch *launch;
    unsigned block;
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
    fprintf(stderr, "simulator: block %u, thread %u: %s\n", sim.block,
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

static void wait_for_others(struct lane *lane)
{
    if (lane->neighbour->ended)
        sim_fail("a lane left the kernel while others of its wave wait for it");
    resume(&lane->fiber, lane->neighbour);
}

/* Every lane of a wave must come to the same meeting. */
static void come(struct lane *lane, sim_work work)
{
    struct wave *wave = lane->wave;
    if (wave->ended > 0)
        sim_fail("a lane waits for others that have left the kernel");
    if (wave->come == 0)
        wave->work = work;
    if (wave->work != work)
        sim_fail("lanes of a wave have come to different meetings");
    wave->come++;
}

void sim_meet(sim_work work, void *operand)
{
    struct lane *lane = sim.running;
    struct wave *wave = lane->wave;
    come(lane, work);
    wave->operands[lane->index] = operand;
    if (wave->come < wave->size) {
        wait_for_others(lane);
        return;
    }
    wave->come = 0;
    work(wave->operands, wave->size);
}

void sim_barrier(void)
{
    struct lane *lane = sim.running;
    struct wave *wave = lane->wave;
    come(lane, NULL);
    if (wave->come < wave->size) {
        wait_for_others(lane);
        return;
    }
    wave->come = 0;
    wave->waits = 1;
    wave->next = lane;
    switch_to(&lane->fiber, &sim.host);
}

static void lane_main(void)
{
    struct lane *lane = sim.running;
    arrive(NULL);
    switch_to(&lane->fiber, &sim.host); /* made; waits for the first block */
    for (;;) {                          /* once for each block */
        sim.launch->kernel(sim.launch->params);
        lane->ended = 1;
        if (lane->wave->come > 0)
            sim_fail("a lane left the kernel while others of its wave wait for it");
        if (++lane->wave->ended < lane->wave->size)
            resume(&lane->fiber, lane->neighbour);
        else
            switch_to(&lane->fiber, &sim.host);
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

static uint32_t random_number(void)
{
    sim.random = sim.random * 1664525u + 1013904223u;
    return sim.random >> 8;
}

/* Runs waves, in a random order, until each waits at the barrier or has ended. Returns how many
 * wait. */
static int run_waves(void)
{
    int order[most_threads];
    int waiting = 0;
    for (int i = 0; i < sim.wave_count; i++) {
        int j = (int)(random_number() % (unsigned)(i + 1));
        order[i] = order[j];
        order[j] = i;
    }
    for (int i = 0; i < sim.wave_count; i++) {
        struct wave *wave = &sim.waves[order[i]];
        if (wave->ended < wave->size) {
            wave->waits = 0;
            resume(&sim.host, wave->next);
            waiting += wave->waits;
        }
    }
    return waiting;
}

static void run_block(void)
{
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
            lane->thread = (unsigned)(w * wave->size + l);
        }
    }
    for (int waiting = sim.wave_count; waiting > 0;) {
        waiting = run_waves();
        if (waiting > 0 && waiting < sim.wave_count)
            sim_fail("waves wait at a barrier, others have left the kernel");
    }
}

void sim_run(const struct sim_launch *launch)
{
    fenv_t environment;
    if (launch->threads > most_threads || launch->threads % (unsigned)launch->wave != 0)
        sim_fail("a block is a number of whole waves");
    fegetenv(&environment); /* the host's rounding is not the device's */
    fesetenv(FE_DFL_ENV);
    sim.launch = launch;
    sim.host.stack_low = NULL; /* another thread's, perhaps */
    for (unsigned i = 0; i < launch->threads; i++)
        if (!sim.lanes[i].fiber.stack)
            make_fiber(&sim.lanes[i]);
    sim.wave_count = (int)launch->threads / launch->wave;
    for (sim.block = 0; sim.block < launch->blocks; sim.block++)
        run_block();
    sim.running = NULL;
    fesetenv(&environment);
}

unsigned sim_thread(void)
{
    return sim.running->thread;
}

unsigned sim_block(void)
{
    return sim.block;
}

unsigned sim_threads(void)
{
    return sim.launch->blocks * sim.launch->threads;
}
