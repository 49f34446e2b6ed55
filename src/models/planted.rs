//! Each model is able to fail: faults are planted in the code, one at a time, and the model that is there for it finds
//! it. A fault is a line of the code and what is wrong with it (see `faults`); without `KVREG_FAULT` there is none, and
//! outside of models there is nothing that could have one.

use crate::sync::faults::Fault::{self, Late, Missing};
use std::process::Command;

/// The model, what is wrong, and where: a file, and the line in it that begins like this.
type Planted = (&'static str, Fault, &'static str, &'static str);

/// What is wrong in any order of memory.
const WRONG: &[Planted] = &[
    // A slot is given, or memory is freed, while a pin is held.
    ("slots::a_reader_sees_its_object_or_none", Missing, "epoch.rs", ".map(|record| record.epoch.load("),
    ("pins::what_is_pinned_lives", Missing, "epoch.rs", ".map(|record| record.epoch.load("),
    ("pins::a_wait_outlasts_pins", Missing, "epoch.rs", ".map(|record| record.epoch.load("),
    // Nobody waits for the writers that have begun.
    ("pins::writers_end_before_a_cut_counts", Missing, "epoch.rs", "let seen = record.writing.load("),
    ("cuts::a_cut_beside_numbers_in_place", Missing, "epoch.rs", "let seen = record.writing.load("),
    ("cuts::a_cut_beside_keys_that_come_and_go", Missing, "epoch.rs", "let seen = record.writing.load("),
    ("batches::a_cut_beside_a_batch", Missing, "epoch.rs", "let seen = record.writing.load("),
    // The number is raised before the cut is the newest that is held.
    ("cuts::a_cut_beside_numbers_in_place", Late, "cuts.rs", "self.newest.store(cut, "),
    // Writers overwrite what a cut sees.
    ("cuts::a_cut_beside_numbers_in_place", Missing, "cuts.rs", "Now { number, held: self.newest.load("),
    // A change is seen before the map says that it has changed.
    ("cuts::a_cut_beside_numbers_in_place", Missing, "live.rs", "self.back.changed.store(now.number"),
    // Late changes to a bucket that has exited leave a past behind.
    ("closing::a_late_change_beside_an_exit_and_a_cut", Missing, "live.rs", "self.back.closed.store(true"),
    // A number without the mark that it is being overwritten.
    (
        "overwrite::value_and_revision_are_of_one_change",
        Missing,
        "bucket/item.rs",
        "self.revision.store(revision | BUSY",
    ),
    // Nobody is woken.
    ("locks::who_waits_for_a_long_holder_is_woken", Missing, "lock.rs", "lot.freed.notify_all("),
    (
        "events::who_waits_for_an_event_is_woken",
        Missing,
        "event/queue.rs",
        "self.changed.notify_all(); // for an event",
    ),
    ("events::a_handler_is_removed_beside_a_change", Missing, "event/call.rs", "self.0.ended.notify_all();"),
    ("supervisors::a_bell_is_heard", Missing, "supervisor/bell.rs", "self.called.notify_all("),
    ("supervisors::a_bell_tells_to_stop", Missing, "supervisor/bell.rs", "self.stop.store(true, "),
    (
        "supervisors::a_failure_beside_the_workers_stop",
        Missing,
        "supervisor/bell.rs",
        "self.stop.store(true, ",
    ),
    (
        "supervisors::a_failure_beside_an_add",
        Missing,
        "supervisor/node.rs",
        "self.changed.notify_all(); // a child has ended",
    ),
    (
        "supervisors::a_restart_of_all_beside_a_start_below",
        Missing,
        "supervisor/turn.rs",
        "self.changed.notify_all(); // the turn is free",
    ),
    // A thread that begins believes that it was told to stop.
    (
        "supervisors::a_restart_of_all_beside_a_start_below",
        Missing,
        "supervisor/bell.rs",
        "self.stop.store(false, ",
    ),
];

/// What is wrong with the order of memory. shuttle knows one order only.
#[cfg(loom)]
const UNORDERED: &[Planted] = &[
    ("supervisors::a_bell_is_heard", Fault::Weak, "supervisor/bell.rs", "if !self.rung.swap(true, "),
    ("pins::what_is_pinned_lives", Fault::Weak, "epoch.rs", "self.epoch.store(0, "),
    ("pins::two_collect_beside_a_reader", Fault::Weak, "epoch.rs", "self.epoch.store(EPOCH.load("),
    ("pins::what_is_pinned_lives", Missing, "models/fence.rs", "fence(Ordering::SeqCst); // the reader's"),
    ("pins::what_is_pinned_lives", Missing, "models/fence.rs", "fence(Ordering::SeqCst); // the collector's"),
    ("pins::writers_end_before_a_cut_counts", Fault::Weak, "epoch.rs", "record.writing.store(writing + 1, "),
    (
        "pins::writers_end_before_a_cut_counts",
        Fault::Weak,
        "epoch.rs",
        "self.record.writing.store(writing + 1, ",
    ),
    (
        "cuts::a_cut_beside_numbers_in_place",
        Missing,
        "models/fence.rs",
        "fence(Ordering::SeqCst); // the writer's",
    ),
    (
        "cuts::a_cut_beside_numbers_in_place",
        Missing,
        "epoch.rs",
        "fence(Ordering::SeqCst); // paired with the fences of",
    ),
    ("slots::a_living_object_is_complete", Fault::Weak, "slot.rs", "generation.store(generation.load("),
    ("cuts::a_cut_beside_keys_that_come_and_go", Fault::Weak, "cuts.rs", "self.now.store(cut + 1, "),
    (
        "overwrite::value_and_revision_are_of_one_change",
        Fault::Weak,
        "bucket/item.rs",
        "self.bits.store(number.bits, ",
    ),
    ("overwrite::a_number_brings_its_past_along", Fault::Weak, "bucket/item.rs", "self.bits.load("),
    ("cuts::a_cut_beside_a_raise_and_a_writer", Fault::Weak, "cuts.rs", "self.now.store(number, "),
    ("cuts::an_older_cut_beside_a_writer", Fault::Weak, "live/past.rs", "list.store(past.cast_mut(), "),
    (
        "snapshots::a_read_beside_a_close_and_another_writer",
        Fault::Weak,
        "cuts.rs",
        "self.newest.store(newest, ",
    ),
    (
        "snapshots::a_read_beside_a_close_and_another_writer",
        Fault::Weak,
        "cuts.rs",
        "Now { number, held: self.newest",
    ),
    ("snapshots::a_read_beside_a_close_and_a_delete", Missing, "snapshot.rs", "fence(Ordering::Acquire);"),
    ("locks::an_exit_beside_a_long_holder", Fault::Weak, "lock.rs", "self.0.fetch_or(ABANDONED, "),
    ("locks::short_holders_take_turns", Fault::Weak, "lock.rs", "self.0.0.store(FREE, "),
];
#[cfg(not(loom))]
const UNORDERED: &[Planted] = &[];

/// The one line of a file that begins with this code.
fn line_of(file: &str, code: &str) -> usize {
    let path = format!("{}/../../src/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect(&path);
    let found: Vec<_> =
        (1..).zip(text.lines()).filter(|(_, line)| line.trim_start().starts_with(code)).collect();
    assert_eq!(found.len(), 1, "{file}: {code:?}");
    found[0].0
}

#[test]
fn every_fault_is_found() {
    let mut missed = Vec::new();
    for &planted in WRONG.iter().chain(UNORDERED) {
        let (model, fault, file, code) = planted;
        let fault = format!("{fault:?}:{file}:{}", line_of(file, code));
        let run = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", &format!("models::{model}")])
            .env("KVREG_FAULT", &fault)
            .env("RUST_BACKTRACE", "0")
            .output()
            .expect("it runs");
        let found = !run.status.success();
        println!("{model}, {fault}: {}", if found { "found" } else { "NOT FOUND" });
        if !found {
            missed.push(planted);
        }
    }
    assert!(missed.is_empty(), "not found: {missed:#?}");
}
