//! Users: parsed once, then an id.

use std::ffi::c_char;
use std::sync::Arc;

use super::buf::Buf;
use super::guard::guard;
use super::out::{Out, OutBuf};
use super::slab::Slab;
use super::status::Status;
use super::text::text;
use crate::user::User;

/// A user, parsed once and immutable. 0 is never valid.
pub type UserId = u64;

pub(super) static USERS: Slab<Arc<User>> = Slab::new(3, "user");

/// Makes a user from JSON (see "User" above).
///
/// `user_json` is borrowed for the call. On success `*out_user` is an id that you release with
/// `tidegate_user_release`; any number of threads and clients may use it. On failure it is 0;
/// `TIDEGATE_E_ARG` if the user has neither a user id nor a custom id.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tidegate_user_new(
    user_json: *const c_char,
    user_json_len: usize,
    out_user: *mut UserId,
) -> Status {
    guard("tidegate_user_new", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { Out::required("out_user", out_user, 0) }?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let json = unsafe { text("user_json", user_json, user_json_len) }?;
        out.set(USERS.insert(Arc::new(User::from_json(json)?))?);
        Ok(())
    })
}

/// Ends the life of a user; calls that use it finish first. 0 is allowed.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_user_release(user: UserId) -> Status {
    guard("tidegate_user_release", || USERS.release(user))
}

/// The user as JSON, as it would be logged: without private attributes unless `with_private` is 1.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_user_to_json(
    user: UserId,
    with_private: i32,
    out_json: *mut *mut Buf,
) -> Status {
    guard("tidegate_user_to_json", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { OutBuf::buf(out_json) };
        let user = USERS.get(user)?;
        out.set_text(user.to_json(with_private != 0));
        Ok(())
    })
}
