package tidegate

// #include "bridge.h"
import "C"

import (
	"encoding/json"
	"runtime"
)

// User is who is asking, as plain data. A user id or a custom id must be there.
type User struct {
	UserID            string            `json:"userID,omitempty"`
	CustomIDs         map[string]string `json:"customIDs,omitempty"`
	Email             string            `json:"email,omitempty"`
	IP                string            `json:"ip,omitempty"`
	UserAgent         string            `json:"userAgent,omitempty"`
	Country           string            `json:"country,omitempty"`
	Locale            string            `json:"locale,omitempty"`
	AppVersion        string            `json:"appVersion,omitempty"`
	Custom            map[string]any    `json:"custom,omitempty"`
	PrivateAttributes map[string]any    `json:"privateAttributes,omitempty"`
	Environment       map[string]string `json:"statsigEnvironment,omitempty"`
}

// Prepare hands the user to the library, which parses it once. Do that for each request, and use it
// for everything in the request.
func (u User) Prepare() (*PreparedUser, error) {
	text, err := encode("user", u)
	if err != nil {
		return nil, err
	}
	return prepare(text)
}

// PrepareJSON prepares a user that is JSON already.
func PrepareJSON(user json.RawMessage) (*PreparedUser, error) {
	return prepare(string(user))
}

func prepare(text string) (*PreparedUser, error) {
	if err := checkLibrary(); err != nil {
		return nil, err
	}
	answer := C.tg_user_new(text)
	if err := check(answer.outcome); err != nil {
		return nil, err
	}
	user := &PreparedUser{}
	user.id.Store(uint64(answer.id))
	runtime.SetFinalizer(user, (*PreparedUser).Close)
	return user, nil
}

// PreparedUser is a user that the library knows. It does not change, and any number of goroutines
// and clients may use it.
type PreparedUser struct {
	handle
}

// Close frees the user. Calls that use it finish first.
func (u *PreparedUser) Close() {
	C.tidegate_user_release(C.tidegate_user(u.take()))
	runtime.SetFinalizer(u, nil)
}

// JSON returns the user as it is logged, without private attributes.
func (u *PreparedUser) JSON() (json.RawMessage, error) {
	return u.json(false)
}

// PrivateJSON returns the user with private attributes.
func (u *PreparedUser) PrivateJSON() (json.RawMessage, error) {
	return u.json(true)
}

// MarshalJSON returns the user as it is logged.
func (u *PreparedUser) MarshalJSON() ([]byte, error) {
	return u.JSON()
}

func (u *PreparedUser) json(private bool) (json.RawMessage, error) {
	defer runtime.KeepAlive(u)
	return raw(C.tg_user_to_json(u.user(), boolean(private)))
}

func (u *PreparedUser) user() C.tidegate_user {
	if u == nil {
		return 0
	}
	return C.tidegate_user(u.id.Load())
}
