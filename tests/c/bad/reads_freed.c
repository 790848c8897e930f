/* Wrong on purpose: reads a text after it was freed. A checker that misses this is not working. */
#include "world.h"

int main(int argc, char **argv) {
  tidegate_user user;
  tidegate_buf *json = NULL;
  const char *text;
  begin(argc, argv);
  user = make_user(ADA);
  CHECK(tidegate_user_to_json(user, 0, &json) == TIDEGATE_OK);
  text = tidegate_buf_data(json);
  tidegate_buf_free(json);
  printf("%c\n", text[0]);
  CHECK(tidegate_user_release(user) == TIDEGATE_OK);
  return end();
}
