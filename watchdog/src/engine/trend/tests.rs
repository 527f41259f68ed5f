//! Leaks as they come: linear, stepped, under a collector's saw-tooth, with noise; and what is none.

use std::time::Duration;

use super::*;
use crate::clock::BootTime;

const MB: f64 = 1024.0 * 1024.0;

/// Bytes at a second.
type Leak = Box<dyn Fn(f64) -> f64>;

/// Samples once a second until the number first is at the limit; `None`: it never is.
fn first_at(limit: f64, value: &dyn Fn(f64) -> f64) -> Option<f64> {
    (0..20_000).map(f64::from).find(|second| value(*second) >= limit)
}

fn trail(window: u64, until: f64, value: &dyn Fn(f64) -> f64) -> Trail {
    let mut trail = Trail::new(Duration::from_secs(window));
    for second in 0..=(until as u64) {
        trail.push(BootTime::from_secs(1000 + second), value(second as f64));
    }
    trail
}

/// How far the forecast at half-way is off, as a part of the time that was really left.
fn error_at_half_way(window: u64, limit: f64, value: &dyn Fn(f64) -> f64) -> f64 {
    let true_time = first_at(limit, value).expect("it leaks");
    let half = (true_time / 2.0).floor();
    let forecast = reach(&trail(window, half, value), limit).expect("known by then");
    (forecast - (true_time - half)).abs() / (true_time - half)
}

/// A number between -1 and 1, always the same for the same second.
fn noise(second: f64) -> f64 {
    let mut x = (second as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((x >> 11) as f64 / (1u64 << 52) as f64) - 1.0
}

#[test]
fn forecasts_at_half_way_are_within_15_percent() {
    let limit = 1800.0 * MB;
    for window in [600, 900, 1200] {
        for rate in [1.0, 1.5, 2.0, 3.7] {
            let from = 200.0 * MB;
            let linear = move |t: f64| from + t * rate * MB;
            let noisy = move |t: f64| linear(t) + noise(t) * 20.0 * MB;
            let mut leaks: Vec<(String, Leak)> =
                vec![("linear".into(), Box::new(linear)), ("noisy".into(), Box::new(noisy))];
            for steps in [10.0, 12.5, 20.0] {
                let step = (limit - from) / steps;
                let stepped = move |t: f64| from + (t * rate * MB / step).floor() * step;
                leaks.push((format!("{steps} steps"), Box::new(stepped)));
            }
            for (teeth, height) in [(60.0, 300.0), (40.0, 150.0), (25.0, 600.0), (90.0, 80.0)] {
                let saw = move |t: f64| linear(t) + (t % teeth) / teeth * height * MB;
                leaks.push((format!("teeth of {teeth} s, {height} MB"), Box::new(saw)));
                let rough = move |t: f64| saw(t) + noise(t) * 10.0 * MB;
                leaks.push((format!("rough teeth of {teeth} s, {height} MB"), Box::new(rough)));
            }
            for (name, leak) in &leaks {
                let error = error_at_half_way(window, limit, leak);
                assert!(
                    error <= 0.15,
                    "{name} at {rate} MB/s, window {window}: off by {:.1}%",
                    error * 100.0
                );
            }
        }
    }
}

#[test]
fn a_leak_that_began_lately_is_seen() {
    let leak = |t: f64| 300.0 * MB + (t - 1500.0).max(0.0) * 2.0 * MB;
    let error = |at: f64| {
        let left = first_at(1800.0 * MB, &leak).expect("it leaks") - at;
        let forecast = reach(&trail(900, at, &leak), 1800.0 * MB).expect("known");
        (forecast - left).abs() / left
    };
    assert!(error(1875.0) <= 0.15, "off by {}", error(1875.0));
}

#[test]
fn what_does_not_leak_reaches_nothing() {
    let limit = 1800.0 * MB;
    let flat = |_: f64| 1700.0 * MB;
    let jitter = |t: f64| 1700.0 * MB + noise(t) * 30.0 * MB;
    let saw = |t: f64| 800.0 * MB + (t % 60.0) / 60.0 * 900.0 * MB;
    let slow_saw = |t: f64| 800.0 * MB + (t % 300.0) / 300.0 * 900.0 * MB;
    let falling = |t: f64| 1700.0 * MB - t * 0.5 * MB;
    let one_step = |t: f64| if t < 700.0 { 600.0 * MB } else { 1100.0 * MB };
    let spike = |t: f64| if (900.0..910.0).contains(&t) { 1700.0 * MB } else { 600.0 * MB };
    let whats: [(&str, &dyn Fn(f64) -> f64); 7] = [
        ("flat", &flat),
        ("jitter", &jitter),
        ("saw", &saw),
        ("slow saw", &slow_saw),
        ("falling", &falling),
        ("one step", &one_step),
        ("spike", &spike),
    ];
    for (name, value) in whats {
        for until in [950.0, 1010.0, 1111.0, 1234.0] {
            let forecast = reach(&trail(900, until, value), limit).expect("known");
            assert!(forecast > 900.0, "{name} at {until}: in {forecast} s");
            let grows = growth(&trail(900, until, value)).expect("known").slope * 60.0;
            let bound = if name == "one step" { 60.0 * MB } else { 5.0 * MB };
            assert!(grows < bound, "{name} at {until}: {} MB a minute", grows / MB);
        }
    }
}

#[test]
fn growth_is_what_is_not_given_back() {
    let rate = |value: &dyn Fn(f64) -> f64| {
        growth(&trail(600, 1500.0, value)).expect("known").slope * 60.0 / MB
    };
    let linear = |t: f64| 100.0 * MB + t * MB;
    let saw = |t: f64| 100.0 * MB + t * MB + (t % 45.0) * 20.0 * MB;
    let after_a_drop = |t: f64| linear(t) - if t > 1000.0 { 800.0 * MB } else { 0.0 };
    for (name, value) in
        [("linear", &linear as &dyn Fn(f64) -> f64), ("saw", &saw), ("drop", &after_a_drop)]
    {
        assert!((rate(value) - 60.0).abs() < 3.0, "{name}: {} MB a minute", rate(value));
    }
}

#[test]
fn too_little_is_not_known() {
    let leak = |t: f64| t * MB;
    assert_eq!(growth(&trail(600, 500.0, &leak)), None);
    assert_eq!(reach(&trail(900, 60.0, &leak), 1e12), None);
    assert_eq!(reach(&trail(900, 60.0, &leak), 50.0 * MB), Some(0.0), "it is there already");
    assert_eq!(line(&[(1.0, 1.0), (2.0, 2.0)]), None);
    assert!(line(&[(0.0, 5.0), (1.0, 5.0), (2.0, 5.0)]).is_some_and(|line| line.slope == 0.0));
}
