//! Servers that are nearly right: nothing panics.

use proptest::prelude::*;

use super::{Edit, Step, examples};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn spoiled_answers_do_no_harm(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        with in prop::collection::vec(any::<u8>(), 1..8),
    ) {
        for mut example in examples() {
            let says = |step: &&mut Step| matches!(step, Step::Says(..));
            let mut said: Vec<_> = example.steps.iter_mut().filter(says).collect();
            let which = which.index(said.len());
            if let Step::Says(_, edit) = &mut *said[which] {
                *edit = Edit::Splice(at, with.clone());
            }
            // Whatever it is; that both sides wait is ended by who made the connection.
            let _ = example.verdict();
        }
    }
}
