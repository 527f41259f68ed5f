//! Conditions judged by facts. Not here: for how long they must hold (`window`).

use super::*;

fn level(metric: Metric, operator: Operator, limit: Limit) -> Condition {
    Condition::Test(Test::Level(Level { metric, operator, limit }))
}

fn verdict(condition: &Condition, cpu: Option<f64>, memory: Option<f64>) -> Option<bool> {
    let value = |metric| match metric {
        Metric::Cpu => cpu,
        Metric::TotalMemory => memory,
        _ => None,
    };
    let facts = Facts {
        value: &value,
        whole: &|metric| (metric != Metric::SystemSwap).then_some(1000.0),
        trail: &|_, _| None,
        pss: &|_, _| Pss::Rss,
        wanted: &Cell::new(false),
        present: Some(true),
        deaths: &[],
        restarts: &|_| 0,
        seen: None,
        thing: None,
    };
    judge(condition, &facts, &mut Vec::new())
}

#[test]
fn and_or_not_mean_what_they_say_and_unknown_stays_unknown() {
    let hot = level(Metric::Cpu, Operator::Greater, Limit::Ratio(0.6));
    let fat = level(Metric::TotalMemory, Operator::Greater, Limit::Bytes(500.0));
    let both = Condition::All(vec![hot.clone(), fat.clone()]);
    let either = Condition::Any(vec![hot.clone(), fat]);
    let cases = [
        (&both, Some(0.9), Some(600.0), Some(true)),
        (&both, Some(0.9), Some(400.0), Some(false)),
        (&both, None, Some(400.0), Some(false)),
        (&both, None, Some(600.0), None),
        (&both, Some(0.1), None, Some(false)),
        (&either, None, Some(600.0), Some(true)),
        (&either, None, Some(400.0), None),
        (&either, Some(0.1), Some(400.0), Some(false)),
    ];
    for (condition, cpu, memory, expect) in cases {
        assert_eq!(verdict(condition, cpu, memory), expect, "{condition:?} {cpu:?} {memory:?}");
    }
    let not = Condition::Not(Box::new(hot));
    assert_eq!(verdict(&not, None, None), None);
    assert_eq!(verdict(&not, Some(0.1), None), Some(true));
}

#[test]
fn rss_decides_where_it_can_and_pss_where_it_must() {
    let judged = |operator, rss: f64, pss| {
        let value = |_| Some(rss);
        let wanted = Cell::new(false);
        let facts = Facts {
            value: &value,
            whole: &|_| Some(1000.0),
            trail: &|_, _| None,
            pss: &|_, _| pss,
            wanted: &wanted,
            present: Some(true),
            deaths: &[],
            restarts: &|_| 0,
            seen: None,
            thing: None,
        };
        let mut found = Vec::new();
        let condition = level(Metric::TotalMemory, operator, Limit::Bytes(500.0));
        let truth = judge(&condition, &facts, &mut found);
        (truth, found[0].value, wanted.get())
    };
    let (above, below) = (Operator::Greater, Operator::Less);
    assert_eq!(judged(above, 400.0, Pss::Wanted), (Some(false), Some(400.0), false));
    assert_eq!(judged(above, 600.0, Pss::Wanted), (None, None, true));
    assert_eq!(judged(above, 600.0, Pss::Known(450.0)), (Some(false), Some(450.0), false));
    assert_eq!(judged(above, 600.0, Pss::Known(550.0)), (Some(true), Some(550.0), false));
    assert_eq!(judged(above, 600.0, Pss::Rss), (Some(true), Some(600.0), false));
    assert_eq!(judged(below, 400.0, Pss::Wanted), (Some(true), Some(400.0), false));
    assert_eq!(judged(below, 600.0, Pss::Known(450.0)), (Some(true), Some(450.0), false));
    assert_eq!(judged(below, 600.0, Pss::Wanted), (None, None, true));
}

#[test]
fn memory_in_percent_is_of_the_machine() {
    let fat = level(Metric::TotalMemory, Operator::Greater, Limit::Ratio(0.5));
    assert_eq!(verdict(&fat, None, Some(501.0)), Some(true));
    assert_eq!(verdict(&fat, None, Some(499.0)), Some(false));
}
