/* Registers Go values with the library. A value is a number here, a cgo.Handle; the library gives it
 * back exactly once, also if it refuses it. */

#ifndef TIDEGATE_GO_CALLBACKS_H
#define TIDEGATE_GO_CALLBACKS_H

#include <tidegate.h>

tidegate_status tg_set_data_store(tidegate_options options, uintptr_t store);
tidegate_status tg_set_metrics(tidegate_options options, uintptr_t metrics,
                               int32_t high_cardinality);
tidegate_status tg_set_evaluation_callback(tidegate_options options, uintptr_t callback);
tidegate_status tg_set_rules_callback(tidegate_options options, uintptr_t callback);
tidegate_status tg_set_flush_callback(tidegate_options options, uintptr_t callback);
tidegate_status tg_set_error_callback(tidegate_options options, uintptr_t callback);
tidegate_status tg_client_initialize_async(tidegate_client client, uintptr_t callback);
tidegate_status tg_set_log_sink(int32_t level, uintptr_t sink);

#endif
