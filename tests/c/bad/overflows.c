/* Wrong on purpose: undefined arithmetic. A checker that misses this is not working. */
#include "world.h"

int main(int argc, char **argv) {
  int32_t big = INT32_MAX;
  begin(argc, argv);
  big += argc;
  printf("%d\n", big);
  return end();
}
