CHAOS_SECONDS ?= 300

## make chaos                 two clients against a service that answers as it likes, five minutes
.PHONY: chaos
chaos:
	CHAOS_SECONDS=$(CHAOS_SECONDS) $(CARGO) test --features $(FEATURES) --test suite -- \
		--exact sync_chaos::chaos_harms_nobody --nocapture
