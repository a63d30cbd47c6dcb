/* octgemm tensors: what a file holds, for people and for scripts that go through all of it. */
#include "command.h"
#include "options.h"
#include "report.h"
#include "tensor_file.h"

#include <stdio.h>
#include <string.h>

struct tensors_options {
    int json;
};

static const struct option_row option_rows[] = {
    {"json", 0, NULL, "print JSON", .kind = OPTION_FLAG,
     .offset = offsetof(struct tensors_options, json)},
};
const struct syntax octgemm_tensors_syntax = {
    .command = "tensors",
    .operands = "FILE",
    .summary = "Lists type, shape and name of every tensor in a .safetensors or .npy file.",
    .rows = option_rows,
    .row_count = sizeof option_rows / sizeof *option_rows,
    .others = octgemm_syntaxes,
};

static json_t *tensor_json(const struct tensor *tensor)
{
    json_t *shape = json_array();
    for (size_t i = 0; i < tensor->rank && i < tensor_rank_max; i++)
        json_array_append_new(shape, json_integer((json_int_t)tensor->shape[i]));
    return json_pack("{s:s, s:s, s:I, s:o}", "name", tensor->name, "type",
                     tensor->type ? tensor->type->name : tensor->dtype, "rank",
                     (json_int_t)tensor->rank, "shape", shape);
}

static void print_tensor(const struct tensor *tensor)
{
    char shape[128], type[32], name[512];
    printf("%-8s %-20s %s\n",
           octgemm_clean(type, sizeof type, tensor->type ? tensor->type->name : tensor->dtype),
           octgemm_format_shape(shape, sizeof shape, tensor),
           octgemm_clean(name, sizeof name, tensor->name));
}

int octgemm_tensors_command(int argc, char **argv)
{
    struct tensors_options options = {0};
    struct tensor_list list;
    int operand;
    int status = octgemm_parse_options(&octgemm_tensors_syntax, argc, argv, &options, &operand);
    if (status >= 0)
        return status;
    if (argc - operand != 1)
        return octgemm_complain("tensors: name one file");
    status = octgemm_list_tensors(argv[operand], &list);
    if (status)
        return status;
    json_t *tensors = json_array();
    for (size_t i = 0; i < list.count; i++) {
        if (options.json)
            json_array_append_new(tensors, tensor_json(&list.tensors[i]));
        else
            print_tensor(&list.tensors[i]);
    }
    octgemm_release_tensors(&list);
    if (options.json)
        return octgemm_print_json(
            json_pack("{s:o, s:o}", "file", octgemm_json_text(argv[operand]), "tensors", tensors));
    json_decref(tensors);
    return octgemm_flush_output();
}
