/* A tour of Tidegate: gates, a config, an experiment, a layer, an event, a flush report.
 *
 *   cc -Iinclude examples/c/quickstart.c -Ltarget/release -ltidegate -o quickstart
 *   ./quickstart http://127.0.0.1:PORT/v1     (the local server; without it, the real service)
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <tidegate.h>

#define NUL TIDEGATE_NUL /* "this text ends in a NUL" */

/* Every call that can fail returns a status; the message names what was wrong. */
static void check(tidegate_status status, const char *what) {
    if (status < 0) {
        char message[512];
        tidegate_last_error(message, sizeof message);
        fprintf(stderr, "%s: %s (%s)\n", what, message, tidegate_status_name(status));
        exit(1);
    }
}

static tidegate_user user_from(const char *json) {
    tidegate_user user;
    check(tidegate_user_new(json, NUL, &user), "user");
    return user;
}

int main(int argc, char **argv) {
    char options_json[512];
    tidegate_options options;
    tidegate_client client;
    tidegate_result result;
    int i;

    /* One client for the life of the process. It keeps the rules fresh on a thread of its own. */
    snprintf(options_json, sizeof options_json,
             "{%s%s%s \"environment\": {\"tier\": \"development\"}}",
             argc > 1 ? "\"api\": \"" : "", argc > 1 ? argv[1] : "", argc > 1 ? "\"," : "");
    check(tidegate_options_new(options_json, NUL, &options), "options");
    check(tidegate_client_new(getenv("STATSIG_KEY") ? getenv("STATSIG_KEY") : "secret-demo", NUL,
                              options, &client), "client");
    check(tidegate_client_initialize(client, 3000), "initialize");

    /* Users are parsed once and can be asked about as often as you like. */
    tidegate_user users[3];
    const char *names[3] = {"alice", "carol", "frank"};
    users[0] = user_from("{\"userID\": \"alice\", \"email\": \"alice@shop.example\"}");
    users[1] = user_from("{\"userID\": \"carol\", \"country\": \"DE\"}");
    users[2] = user_from("{\"userID\": \"frank\", \"country\": \"AT\","
                         " \"privateAttributes\": {\"loyalty_card\": \"4711\"}}");

    puts("Gate new_checkout");
    for (i = 0; i < 3; i++) {
        int32_t passed;
        check(tidegate_check_gate(client, users[i], "new_checkout", NUL, 0, &passed), "gate");
        printf("  %-6s %s\n", names[i], passed ? "on" : "off");
    }

    puts("Why, for alice");
    check(tidegate_get_gate(client, users[0], "new_checkout", NUL, 0, &result), "gate");
    printf("  rule %s, from %s\n", tidegate_result_rule_id(result, NULL),
           tidegate_result_reason(result, NULL));
    tidegate_result_release(result);

    puts("Config shop_banner, for carol");
    const char *text;
    int64_t discount;
    check(tidegate_get_config(client, users[1], "shop_banner", NUL, 0, &result), "config");
    check(tidegate_result_get_str(result, "title", NUL, &text, NULL), "title");
    check(tidegate_result_get_i64(result, "discount_percent", NUL, 0, &discount), "discount");
    printf("  title %s, discount %" PRId64 " %%\n", text ? text : "(none)", discount);
    tidegate_result_release(result);

    puts("Experiment free_shipping_threshold, for carol");
    double minimum;
    check(tidegate_get_experiment(client, users[1], "free_shipping_threshold", NUL, 0, &result),
          "experiment");
    check(tidegate_result_get_f64(result, "threshold", NUL, 0, &minimum), "threshold");
    text = tidegate_result_group_name(result, NULL);
    printf("  group %s: free from %.2f\n", text ? text : "(none)", minimum);
    tidegate_result_release(result);

    puts("Layer checkout_layer, for frank");
    int32_t reviews;
    check(tidegate_get_layer(client, users[2], "checkout_layer", NUL, 0, &result), "layer");
    check(tidegate_result_get_str(result, "button_text", NUL, &text, NULL), "button_text");
    check(tidegate_result_get_bool(result, "show_reviews", NUL, 0, &reviews), "show_reviews");
    printf("  button \"%s\", reviews %s\n", text ? text : "Buy", reviews ? "shown" : "hidden");
    tidegate_result_release(result);

    /* What happened, for the metrics of the experiments above. */
    double amount = 42.5;
    check(tidegate_log_event(client, users[2], "purchase", NUL, &amount, NULL, 0,
                             "{\"currency\": \"EUR\"}", NUL), "event");

    /* Shutdown delivers what is queued, within the bound, and says what became of it. */
    tidegate_flush_info info = {sizeof info, 0, 0, 0, 0};
    check(tidegate_client_shutdown(client, 5000, &info), "shutdown");
    printf("Events: %" PRIu64 " sent, %" PRIu64 " spooled, %" PRIu64 " dropped\n", info.sent,
           info.spooled, info.dropped);

    for (i = 0; i < 3; i++) tidegate_user_release(users[i]);
    tidegate_client_release(client);
    tidegate_options_release(options);
    return info.dropped == 0 ? 0 : 1;
}
