/* What the benchmark asks of a library, so that one program measures two of them. Each function
 * is one call, or the few calls, that a host would make. They end the process when one fails. */
#ifndef SIDE_H
#define SIDE_H

#include <stddef.h>
#include <stdint.h>

typedef uint64_t side_user;

extern const char *const side_name;

/* Makes the client and initializes it from the server at `url` (without a path). */
void side_start(const char *url);
/* Puts a ruleset in use without a network, if the library can. */
int side_specs(const char *json, size_t len);

side_user side_user_new(const char *json, size_t len);
void side_user_release(side_user user);

int side_gate(side_user user, const char *name, size_t len, int exposed);
/* Evaluates, and reads "title" and "count". */
int64_t side_config(side_user user, const char *name, size_t len);
int64_t side_experiment(side_user user, const char *name, size_t len);
/* Evaluates, and reads "title", which is exposed. */
int64_t side_layer(side_user user, const char *name, size_t len);
void side_event(side_user user, double value);
size_t side_init_response(side_user user);

/* Sends what waits. */
void side_flush(void);
/* Shuts down and releases the client. */
void side_stop(void);

#endif
