/* How long a start takes that finds nobody: start SPECS.json
 *
 * A client keeps its last good copy on disk; then another starts from it while every connection is
 * refused. Prints the milliseconds of initialize, the best of a few starts.
 */
#include "../client.h"

static char *document;
static size_t document_len;

static int32_t store_get(void *user_data, const char *key, size_t len, tidegate_reply *reply) {
    (void)user_data, (void)key, (void)len;
    return tidegate_reply_set(reply, document, document_len) == TIDEGATE_OK ? 0 : 1;
}

/* Milliseconds of initialize; the source must be `source`. */
static double start(const char *folder, int has_store, const char *source) {
    static const char *format =
        "{\"api\":\"http://127.0.0.1:1/v1\",\"api_for_statsig_network\":\"http://127.0.0.1:1/v1\","
        "\"api_for_sdk_exception\":\"http://127.0.0.1:1/e\",\"spec_cache_dir\":\"%s\","
        "\"output_logger_level\":\"none\",\"rulesets_sync_interval\":60}";
    tidegate_data_store_vtable store = {sizeof store, NULL, NULL, store_get, NULL, NULL, NULL};
    tidegate_options options;
    tidegate_client client;
    tidegate_buf *details = NULL;
    char json[1000];
    int64_t before, took;
    snprintf(json, sizeof json, format, folder);
    check(tidegate_options_new(json, NUL, &options), "options");
    if (has_store) check(tidegate_options_set_data_store(options, &store), "store");
    check(tidegate_client_new(KEY, NUL, options, &client), "client");
    before = now_ns();
    check(tidegate_client_initialize(client, 60000), "initialize");
    took = now_ns() - before;
    check(tidegate_client_init_details(client, &details), "details");
    if (strstr(tidegate_buf_data(details), source) == NULL) {
        fprintf(stderr, "not from %s: %s\n", source, tidegate_buf_data(details));
        exit(1);
    }
    tidegate_buf_free(details);
    client_end(client, 30000);
    tidegate_options_release(options);
    return (double)took / 1e6;
}

int main(int argc, char **argv) {
    static const char small[] =
        "{\"time\":100,\"has_updates\":true,\"feature_gates\":[],\"dynamic_configs\":[],"
        "\"layer_configs\":[],\"layers\":{}}";
    int round, size;
    if (argc != 2) {
        fprintf(stderr, "usage: %s SPECS.json\n", argv[0]);
        return 2;
    }
    for (size = 0; size < 2; size++) {
        char folder[] = "/tmp/tidegate-start-XXXXXX", remove[100];
        double best = 1e9;
        if (size == 0) {
            document = strdup(small);
            document_len = strlen(small);
        } else {
            document = read_file(argv[1], &document_len);
        }
        if (mkdtemp(folder) == NULL) return 1;
        start(folder, 1, "DataAdapter");
        for (round = 0; round < 5; round++) {
            double took = start(folder, 0, "DiskCache");
            if (took < best) best = took;
        }
        printf("{\"row\":\"start from the last good copy\",\"bytes\":%zu,\"ms\":%.2f}\n",
               document_len, best);
        free(document);
        snprintf(remove, sizeof remove, "rm -rf %s", folder);
        if (system(remove) != 0) return 1;
    }
    return 0;
}
