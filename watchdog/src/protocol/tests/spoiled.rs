//! Servers that are nearly right: nothing panics, and nothing waits for ever or reads without end.

use proptest::prelude::*;

use super::{Example, Step, examples, talk};

fn survives(example: &Example, steps: &[Step]) -> Result<(), TestCaseError> {
    let (judged, _) = talk(&example.protocol, &example.peer, steps);
    // Who says no more than random bytes has hung up by then.
    prop_assert!(judged != Err(crate::protocol::ProtocolError::new("both sides wait")));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spoiled_answers_do_no_harm(
        at in any::<prop::sample::Index>(),
        spoil in any::<prop::sample::Index>(),
        with in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        for example in examples() {
            let mut steps = example.steps.clone();
            let said: Vec<_> =
                (0..steps.len()).filter(|n| matches!(steps[*n], Step::Says(_))).collect();
            let Step::Says(bytes) = &mut steps[*at.get(&said)] else { unreachable!() };
            let from = if bytes.is_empty() { 0 } else { spoil.index(bytes.len()) };
            let to = (from + with.len()).min(bytes.len());
            bytes.splice(from..to, with.clone());
            survives(&example, &steps)?;
        }
    }
}
