/* What a thread has asked for, by batches, and what of it is done when it waits for all but some.
 */
#ifndef OCTGEMM_SIM_BATCHES_H
#define OCTGEMM_SIM_BATCHES_H

#include <cstddef>
#include <vector>

/* Does what is under way of the batches before `batch`. */
template <typename what>
void finish(std::vector<what> &under_way, int batch, void (*work)(const what &))
{
    size_t done = 0;
    while (done < under_way.size() && under_way[done].batch < batch)
        work(under_way[done++]);
    under_way.erase(under_way.begin(), under_way.begin() + (ptrdiff_t)done);
}

#endif
