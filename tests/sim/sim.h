/* A GPU of one thread: runs a kernel's blocks one after another on the host, or those of a cluster
 * together, each lane a fiber.
 *
 * A lane runs until it meets others. What lanes do together (a barrier, a matrix instruction) is a
 * rendezvous: each lane brings its operands and waits, the last one to come does the work for all.
 * Between two meetings lanes run one after another, and waves in a random order and each as far as
 * it can: whoever relies on another lane without a meeting reads what is not there yet. What waves
 * wait for otherwise (a count in memory) is a question that is asked until the answer is yes.
 *
 * Nothing here knows a vendor: the words of one (tests/sim/amdgcn.h) are made of these.
 */
#ifndef OCTGEMM_SIM_H
#define OCTGEMM_SIM_H

#ifdef __cplusplus
extern "C" {
#endif

struct sim_launch {
    void (*kernel)(const void *params);
    const void *params;
    unsigned blocks, threads;
    int wave;         /* lanes */
    unsigned cluster; /* blocks that run together; 0: one */

    /* What goes on beside the lanes, or NULL: called now and then, it does some of what is left
     * to do and says whether there was any. */
    int (*beside)(void);
};

/* Runs a launch to its end. */
void sim_run(const struct sim_launch *launch);

/* For the lane that is running. */
unsigned sim_thread(void);
unsigned sim_block(void);
unsigned sim_threads(void); /* of the whole launch */

/* All lanes of the block. Not in a cluster. */
void sim_barrier(void);

/* Until ready(of) is true. */
void sim_wait(int (*ready)(const void *of), const void *of);

/* For whoever wants to know what an order that nobody promised does. */
unsigned sim_random(void);

/* All lanes of the wave: work(operands, lanes) runs once, when every lane has come with the same
 * `work`; it finds the operands of lane l at operands[l] and leaves results there. */
typedef void (*sim_work)(void *const *operands, int lanes);
void sim_meet(sim_work work, void *operand);

/* Ends the process: the kernel did what no GPU would allow. */
void sim_fail(const char *text) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif
#endif
