package tidegate

import (
	"context"
	"sync"
	"sync/atomic"
)

var (
	defaultClient atomic.Pointer[Client]
	defaultLock   sync.Mutex
)

// Initialize makes and initializes the process's default client, unless there is one.
func Initialize(ctx context.Context, sdkKey string, options *Options) error {
	defaultLock.Lock()
	defer defaultLock.Unlock()
	if defaultClient.Load() != nil {
		return nil
	}
	client, err := NewClient(sdkKey, options)
	if err != nil {
		return err
	}
	if err := client.Initialize(ctx); err != nil {
		client.release()
		return err
	}
	defaultClient.Store(client)
	return nil
}

// Default returns the process's default client. It is nil, and its methods fail with [ErrHandle],
// before [Initialize] and after [Shutdown].
func Default() *Client {
	return defaultClient.Load()
}

// Shutdown shuts the default client down, if there is one. Afterwards there is none.
func Shutdown(ctx context.Context) (FlushReport, error) {
	defaultLock.Lock()
	defer defaultLock.Unlock()
	client := defaultClient.Swap(nil)
	if client == nil {
		return FlushReport{}, nil
	}
	defer client.release()
	return client.Shutdown(ctx)
}
