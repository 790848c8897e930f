/* Wrong on purpose: never frees a text. A checker that misses this is not working. */
#include "world.h"

int main(int argc, char **argv) {
  tidegate_user user;
  tidegate_buf *json = NULL;
  begin(argc, argv);
  user = make_user(ADA);
  CHECK(tidegate_user_to_json(user, 0, &json) == TIDEGATE_OK);
  json = NULL;
  CHECK(tidegate_user_release(user) == TIDEGATE_OK);
  return end();
}
