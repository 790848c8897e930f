/* The sizes and places that hosts without a C compiler rely on, as src/ffi/vtables.rs has them. */
#include "world.h"

#define SIZE(type, bytes)                                                      \
  typedef char size_of_##type[sizeof(type) == (bytes) ? 1 : -1]
#define PLACE(type, member, at)                                                \
  typedef char place_of_##type##_##member[offsetof(type, member) == (at) ? 1 : -1]

SIZE(tidegate_status, 4);
SIZE(tidegate_options, 8);
SIZE(tidegate_client, 8);
SIZE(tidegate_user, 8);
SIZE(tidegate_result, 8);

#if UINTPTR_MAX == UINT64_MAX
SIZE(tidegate_data_store_vtable, 56);
PLACE(tidegate_data_store_vtable, struct_size, 0);
PLACE(tidegate_data_store_vtable, user_data, 8);
PLACE(tidegate_data_store_vtable, destroy, 16);
PLACE(tidegate_data_store_vtable, get, 24);
PLACE(tidegate_data_store_vtable, set, 32);
PLACE(tidegate_data_store_vtable, supports_polling, 40);
PLACE(tidegate_data_store_vtable, shutdown, 48);

SIZE(tidegate_metrics_vtable, 56);
PLACE(tidegate_metrics_vtable, struct_size, 0);
PLACE(tidegate_metrics_vtable, user_data, 8);
PLACE(tidegate_metrics_vtable, destroy, 16);
PLACE(tidegate_metrics_vtable, increment, 24);
PLACE(tidegate_metrics_vtable, gauge, 32);
PLACE(tidegate_metrics_vtable, distribution, 40);
PLACE(tidegate_metrics_vtable, high_cardinality, 48);

SIZE(tidegate_log_vtable, 40);
PLACE(tidegate_log_vtable, struct_size, 0);
PLACE(tidegate_log_vtable, user_data, 8);
PLACE(tidegate_log_vtable, destroy, 16);
PLACE(tidegate_log_vtable, level, 24);
PLACE(tidegate_log_vtable, log, 32);

SIZE(tidegate_flush_info, 40);
PLACE(tidegate_flush_info, struct_size, 0);
PLACE(tidegate_flush_info, sent, 8);
PLACE(tidegate_flush_info, spooled, 16);
PLACE(tidegate_flush_info, dropped, 24);
PLACE(tidegate_flush_info, queued, 32);

SIZE(tidegate_eval_times, 32);
PLACE(tidegate_eval_times, struct_size, 0);
PLACE(tidegate_eval_times, config_sync, 8);
PLACE(tidegate_eval_times, init, 16);
PLACE(tidegate_eval_times, server, 24);
#endif

/* Every status has its own name. */
int main(int argc, char **argv) {
  int32_t status;
  begin(argc, argv);
  for (status = TIDEGATE_E_BUSY; status <= TIDEGATE_NOTE_DEFAULTED; status++) {
    CHECK(strcmp(tidegate_status_name(status), "TIDEGATE_UNKNOWN_STATUS") != 0);
    CHECK(strcmp(tidegate_status_name(status),
                 tidegate_status_name(status + 1)) != 0);
  }
  CHECK_TEXT(tidegate_status_name(TIDEGATE_E_HANDLE), "TIDEGATE_E_HANDLE");
  CHECK_TEXT(tidegate_status_name(99), "TIDEGATE_UNKNOWN_STATUS");
  return end();
}
