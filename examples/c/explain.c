/* Why does this user get that value?
 *
 *   explain API KEY KIND NAME USER_JSON
 *   explain http://127.0.0.1:PORT/v1 secret-demo gate new_checkout '{"userID": "alice"}'
 */
#include <stdio.h>
#include <string.h>
#include <tidegate.h>

#define NUL TIDEGATE_NUL

static int fail(const char *what) {
    char message[512];
    tidegate_last_error(message, sizeof message);
    fprintf(stderr, "%s: %s\n", what, message);
    return 1;
}

static int32_t kind_of(const char *name) {
    const char *kinds[] = {"gate", "config", "experiment", "layer"};
    for (int32_t i = 0; i < 4; i++)
        if (strcmp(name, kinds[i]) == 0) return i + 1;
    return 0;
}

/* The explanation is JSON; its last member, "text", is the same account for people. */
static void print_text(const char *json) {
    const char *key = "\"text\":\"", *at = strstr(json, key), *next;
    while (at && (next = strstr(at + 1, key)) != NULL) at = next;
    if (!at) return;
    for (at += strlen(key); *at && *at != '"'; at++) {
        if (*at != '\\') {
            putchar(*at);
        } else {
            at++;
            putchar(*at == 'n' ? '\n' : *at);
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: %s API KEY gate|config|experiment|layer NAME USER_JSON\n", argv[0]);
        return 2;
    }
    char options_json[512];
    snprintf(options_json, sizeof options_json, "{\"api\": \"%s\"}", argv[1]);
    tidegate_options options = 0;
    tidegate_client client = 0;
    tidegate_user user = 0;
    tidegate_buf *explanation = NULL;
    int status = 0;
    if (tidegate_options_new(options_json, NUL, &options) < 0)
        status = fail("options");
    else if (tidegate_client_new(argv[2], NUL, options, &client) < 0)
        status = fail("key");
    else if (tidegate_client_initialize(client, 5000) < 0)
        status = fail("initialize");
    else if (tidegate_user_new(argv[5], NUL, &user) < 0)
        status = fail("user");
    else if (tidegate_explain(client, user, kind_of(argv[3]), argv[4], NUL, &explanation) < 0)
        status = fail("explain");
    else
        print_text(tidegate_buf_data(explanation));
    tidegate_buf_free(explanation);
    tidegate_user_release(user);
    if (client && tidegate_client_shutdown(client, 1000, NULL) < 0) status = fail("shutdown");
    tidegate_client_release(client);
    tidegate_options_release(options);
    return status;
}
