//! Tables that evaluations look something up in, made ready when rules come that need them, so that
//! no evaluation has to wait for it.

use crate::derive::Table;
use crate::options::Threads;
use crate::spec::SpecSet;
use crate::worker::spawn_quiet;

/// Makes ready what `specs` need: one table on this thread, the other beside it if that may be.
pub(super) fn tables(specs: &SpecSet, threads: Threads) {
    let needed = [
        (specs.uses_country, Table::Country),
        (specs.uses_user_agent, Table::UserAgent),
    ];
    let is_missing = |table: &Table| !table.is_ready();
    let needed = needed
        .into_iter()
        .filter_map(|(is_used, table)| is_used.then_some(table));
    let mut missing = needed.filter(is_missing);
    let (Some(first), second) = (missing.next(), missing.next()) else {
        return;
    };
    let Some(second) = second else {
        first.preload();
        return;
    };
    let beside = (threads == Threads::Own)
        .then(|| spawn_quiet("tg-preload", move || first.preload()).ok())
        .flatten();
    second.preload();
    match beside {
        // It cannot panic, and if it did, the first look-up would do the same again.
        Some(thread) => drop(thread.join()),
        None => first.preload(),
    }
}

#[cfg(all(test, feature = "ua", feature = "country"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_is_ready_with_and_without_threads() {
        for threads in [Threads::Own, Threads::None] {
            let mut specs = SpecSet::default();
            (specs.uses_country, specs.uses_user_agent) = (true, true);
            tables(&specs, threads);
            assert!(Table::Country.is_ready() && Table::UserAgent.is_ready());
        }
    }
}
