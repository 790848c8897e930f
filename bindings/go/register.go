package tidegate

// #include "bridge.h"
import "C"

import "runtime/cgo"

// hold gives the library a number for a Go value, which is kept until it destroys the number.
func hold(value any) C.uintptr_t {
	return C.uintptr_t(cgo.NewHandle(value))
}

// answer puts a text into the reply of a callback.
func answer(reply *C.tidegate_reply, text string) C.int32_t {
	return C.int32_t(C.tg_reply_set(reply, text))
}

// setCallbacks registers what the options want to have called.
func setCallbacks(id C.tidegate_options, options *Options) error {
	status := C.tidegate_status(C.TIDEGATE_OK)
	if options.DataStore != nil && status >= 0 {
		status = C.tg_set_data_store(id, hold(options.DataStore))
	}
	if options.Metrics != nil && status >= 0 {
		status = C.tg_set_metrics(id, hold(options.Metrics), boolean(options.HighCardinalityMetrics))
	}
	if options.OnEvaluation != nil && status >= 0 {
		status = C.tg_set_evaluation_callback(id, hold(options.OnEvaluation))
	}
	if options.OnRulesUpdated != nil && status >= 0 {
		status = C.tg_set_rules_callback(id, hold(rulesCallback(options.OnRulesUpdated)))
	}
	if options.OnFlushed != nil && status >= 0 {
		status = C.tg_set_flush_callback(id, hold(options.OnFlushed))
	}
	if options.OnError != nil && status >= 0 {
		status = C.tg_set_error_callback(id, hold(options.OnError))
	}
	if status < 0 {
		return fail(Status(status), "options: %v", Status(status))
	}
	return nil
}

// SetLogSink sends what the library logs, for all clients of the process, to sink, on any thread.
// Secret keys are masked. A nil sink ends that. How much a client logs is its option
// OutputLoggerLevel.
func SetLogSink(level LogLevel, sink func(level LogLevel, tag, message string)) error {
	if err := checkLibrary(); err != nil {
		return err
	}
	if sink == nil {
		return check(C.tg_remove_log_sink())
	}
	if status := Status(C.tg_set_log_sink(C.int32_t(level), hold(logSink(sink)))); status < 0 {
		return fail(status, "log sink: %v", status)
	}
	return nil
}
