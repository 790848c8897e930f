CHAOS_SECONDS ?= 300

## make chaos                 two clients against a service that answers as it likes, five minutes
.PHONY: chaos
chaos:
	CHAOS_SECONDS=$(CHAOS_SECONDS) $(CARGO) test --features $(FEATURES) --test suite -- \
		--exact sync_chaos::chaos_harms_nobody --nocapture

LONG_RUN := $(CARGO) test --profile quick --features $(FEATURES) --test suite -- \
	--ignored --exact --nocapture

## make soak                  every event accounted for, SOAK_SECONDS (600) at the highest rate
.PHONY: soak
soak:
	timeout 7200 $(LONG_RUN) events_soak::at_length

## make crash                 a process killed CRASH_KILLS (200) times loses no event
.PHONY: crash
crash:
	timeout 7200 $(LONG_RUN) events_crash::at_length
