/* How the libraries of mock_rivals.c are told to fail. */
#ifndef OCTGEMM_MOCK_RIVALS_H
#define OCTGEMM_MOCK_RIVALS_H

enum mock_fault {
    MOCK_SOUND,
    MOCK_WRONG,   /* one sum of each product is one too large */
    MOCK_REFUSES, /* no product is supported */
    MOCK_FAILS,   /* every product ends in an error */
};

struct mock_rivals {
    enum mock_fault fault;
    long products, alive; /* products computed; objects not yet destroyed */
};

#endif
