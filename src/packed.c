/* The header in front of packed weights on the host backends. */
#include "packed.h"
#include "error.h"

#include <inttypes.h>
#include <string.h>

static const char magic[8] = {'O', 'C', 'T', 'G', 'P', 'A', 'C', 'K'};

/* The name of a format as a header has it: zeros behind it. */
static void name_format(struct packed_header *header, const char *family)
{
    memset(header->family, 0, sizeof header->family);
    memcpy(header->family, family, strnlen(family, sizeof header->family - 1));
}

void octgemm_packed_write(void *packed, const char *family, int64_t n, int64_t k, uint64_t bytes)
{
    struct packed_header header = {
        .version = OCTGEMM_PACKED_VERSION, .n = n, .k = k, .bytes = bytes};
    memcpy(header.magic, magic, sizeof magic);
    name_format(&header, family);
    memcpy(packed, &header, sizeof header);
}

octgemm_status octgemm_packed_check(const octgemm_args *args, const char *family, uint64_t bytes)
{
    struct packed_header header, wanted;
    name_format(&wanted, family);
    memcpy(&header, args->b, sizeof header);
    if (memcmp(header.magic, magic, sizeof magic) != 0)
        return octgemm_fail(OCTGEMM_ERR_ARG,
                            "octgemm_args: b_layout is OCTGEMM_B_PACKED, but b was not written by "
                            "octgemm_pack()");
    if (header.version != OCTGEMM_PACKED_VERSION)
        return octgemm_fail(OCTGEMM_ERR_ARG,
                            "octgemm_args: b is packed in format version %" PRIu32
                            ", this library reads %d",
                            header.version, OCTGEMM_PACKED_VERSION);
    if (memcmp(header.family, wanted.family, sizeof wanted.family) != 0)
        return octgemm_fail(
            OCTGEMM_ERR_ARG,
            "octgemm_args: b is packed as \"%.*s\", this context wants \"%s\"; pack it "
            "with the context that runs it",
            (int)sizeof header.family - 1, header.family, family);
    if (header.n != args->n || header.k != args->k)
        return octgemm_fail(OCTGEMM_ERR_ARG,
                            "octgemm_args: b is packed for n = %" PRId64 ", k = %" PRId64
                            ", not for n = %" PRId64 ", k = %" PRId64,
                            header.n, header.k, args->n, args->k);
    if (header.bytes != bytes || header.reserved != 0)
        return octgemm_fail(OCTGEMM_ERR_ARG,
                            "octgemm_args: b has a damaged header: its size is %" PRIu64
                            ", not %" PRIu64 ", or its reserved field, %" PRIu64 ", not 0",
                            header.bytes, bytes, header.reserved);
    return OCTGEMM_OK;
}
