//! SHA-256 by the assembly that the TLS library brings along, for x86-64 processors that have no
//! SHA instructions. It takes about two thirds of the time of portable code there.

/// A hash with a text behind it already, to which only a unit id is missing.
pub(super) use implementation::Midstate;

#[cfg(all(feature = "tls", target_arch = "x86_64"))]
mod implementation {
    use std::is_x86_feature_detected;

    use ring::digest::{Context, SHA256};

    use super::super::first_u64;

    // Boxed: it is seven times the size of the bare state.
    pub(in super::super) struct Midstate(Box<Context>);

    impl Midstate {
        /// `None` where this processor has something faster.
        pub(in super::super) fn if_faster(text: &str) -> Option<Midstate> {
            // What `sha2` asks for before it uses SHA instructions.
            let has_sha = is_x86_feature_detected!("sha") && is_x86_feature_detected!("sse4.1");
            (!has_sha && is_x86_feature_detected!("ssse3")).then(|| Midstate::new(text))
        }

        pub(in super::super) fn new(text: &str) -> Midstate {
            let mut context = Box::new(Context::new(&SHA256));
            context.update(text.as_bytes());
            Midstate(context)
        }

        /// Not inlined: the copy needs room on the stack that other processors can do without.
        #[inline(never)]
        pub(in super::super) fn hash(&self, unit_id: &str) -> u64 {
            let mut context = Context::clone(&self.0);
            context.update(unit_id.as_bytes());
            first_u64(context.finish().as_ref())
        }
    }
}

#[cfg(not(all(feature = "tls", target_arch = "x86_64")))]
mod implementation {
    pub(in super::super) enum Midstate {}

    impl Midstate {
        pub(in super::super) fn if_faster(_: &str) -> Option<Midstate> {
            None
        }

        pub(in super::super) fn hash(&self, _: &str) -> u64 {
            match *self {}
        }
    }
}
