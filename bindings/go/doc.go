// Package tidegate evaluates feature gates, dynamic configs, experiments and layers locally.
//
//	client, err := tidegate.NewClient("secret-...", nil)
//	...
//	defer client.Close()
//	err = client.Initialize(ctx)
//	...
//	user, err := tidegate.User{UserID: "ada"}.Prepare()
//	...
//	defer user.Close()
//	if on, _ := client.CheckGate(user, "new_checkout"); on {
//		...
//	}
//
// It is a thin layer of cgo over the Tidegate library, which is found with pkg-config. The build tag
// tidegate_static links it in; tidegate_dev uses the one that was built in the repository.
//
// # Objects
//
// A [Client], a [PreparedUser] and the results ([Gate], [Config], [Experiment], [Layer]) stand for
// objects of the library. Close frees them; what is forgotten is freed with the garbage. Their
// methods may be called from any goroutine. After Close they fail with [ErrHandle].
//
// # Errors
//
// Errors of the library are an [*Error], which says what happened and matches its [Status]:
//
//	if errors.Is(err, tidegate.ErrState) { ... }
//
// Evaluations do not fail because of rules or networks: a gate that is not known is off, and the
// reason of a result says so. They fail before Initialize and after Shutdown.
//
// # Callbacks
//
// Functions and objects in [Options] may be called from any thread of the library. A panic of
// theirs is recovered, see [SetPanicHandler].
package tidegate
