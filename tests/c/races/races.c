/* Wrong on purpose: two threads write one number. A checker that misses this is not working. */
#include <pthread.h>

#include "../world.h"

static int number;

static void *writes(void *unused) {
  number++;
  return unused;
}

int main(int argc, char **argv) {
  pthread_t thread;
  begin(argc, argv);
  CHECK(pthread_create(&thread, NULL, writes, NULL) == 0);
  number++;
  CHECK(pthread_join(thread, NULL) == 0);
  return end();
}
