/* dlclose while a client lives: the library stays, its threads go on, and nothing else happens. */
#include <dlfcn.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"
#include "tidegate.h"

enum { WAIT_MS = 20000 };

static int failures;

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      failures++;                                                              \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);          \
    }                                                                          \
  } while (0)

/* Looked up by name, as the program is not linked with the library. */
#define FIND(name)                                                             \
  do {                                                                         \
    void *symbol = dlsym(library, #name);                                      \
    CHECK(symbol != NULL);                                                     \
    memcpy(&name##_found, &symbol, sizeof symbol);                             \
  } while (0)

static int is_mapped(void) {
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[1000];
  int found = 0;
  while (fgets(line, sizeof line, maps) != NULL) {
    found |= strstr(line, "libtidegate") != NULL;
  }
  fclose(maps);
  return found;
}

/* Arguments as of the other programs: rules (not needed), the library's path, options. */
int main(int argc, char **argv) {
  tidegate_status (*tidegate_options_new_found)(const char *, size_t,
                                                tidegate_options *);
  tidegate_status (*tidegate_client_new_found)(
      const char *, size_t, tidegate_options, tidegate_client *);
  tidegate_status (*tidegate_client_initialize_found)(tidegate_client,
                                                      uint32_t);
  tidegate_status (*tidegate_client_sync_now_found)(tidegate_client, uint32_t);
  tidegate_options options = 0;
  tidegate_client client = 0;
  void *library;
  const char *path;
  int before;
  if (argc != 4) {
    return 2;
  }
  path = argv[2];
  CHECK(!is_mapped());
  library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  CHECK(library != NULL);
  FIND(tidegate_options_new);
  FIND(tidegate_client_new);
  FIND(tidegate_client_initialize);
  FIND(tidegate_client_sync_now);
  CHECK(tidegate_options_new_found(argv[3], TIDEGATE_NUL, &options) ==
        TIDEGATE_OK);
  CHECK(tidegate_client_new_found("secret-test", TIDEGATE_NUL, options, &client) ==
        TIDEGATE_OK);
  CHECK(tidegate_client_initialize_found(client, WAIT_MS) == TIDEGATE_OK);
  before = threads();
  CHECK(before >= 3);
  CHECK(dlclose(library) == 0);
  CHECK(is_mapped());
  /* Its threads run on: one of them answers. */
  CHECK(tidegate_client_sync_now_found(client, WAIT_MS) == TIDEGATE_OK);
  CHECK(threads() == before);
  library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  CHECK(library != NULL);
  CHECK(dlsym(library, "tidegate_client_sync_now") != NULL);
  CHECK(dlclose(library) == 0);
  return failures == 0 ? 0 : 1;
}
