//! How far the forecast of `reaches` is off for three made-up leaks, at half of the way to the limit:
//! the engine's own code on a made-up clock. Prints JSON: error by leak, a share of the time left.
//!
//! For `cargo xtask bench`. Not here: a real process (`xtask/src/bench/forecast.rs`).

use std::collections::BTreeMap;
use std::time::Duration;

use ebpf_watchdog::clock::BootTime;
use ebpf_watchdog::engine::trail::Trail;
use ebpf_watchdog::engine::trend;

/// Level at the beginning and the limit, in MB.
const START: f64 = 200.0;
const LIMIT: f64 = 1_000.0;
/// The window of the rule, in seconds, and when a straight leak would be at the limit.
const WINDOW: u64 = 900;
const LENGTH: f64 = 1_200.0;

/// MB at a second.
type Leak = Box<dyn Fn(f64) -> f64>;

fn main() {
    let straight = |t: f64| START + (LIMIT - START) * t / LENGTH;
    let leaks: [(&str, Leak); 3] = [
        ("linear", Box::new(straight)),
        // Every minute all at once.
        ("stepped", Box::new(move |t| straight((t / 60.0).floor() * 60.0))),
        // A collection every 45 s gives back 120 MB of what was taken since the last.
        ("saw-tooth", Box::new(move |t| straight(t) + 120.0 * (t % 45.0) / 45.0)),
    ];
    let errors: BTreeMap<&str, Option<f64>> =
        leaks.iter().map(|(name, leak)| (*name, error(leak))).collect();
    println!("{}", serde_json::json!(errors));
}

/// `None`: there was no forecast.
fn error(leak: &dyn Fn(f64) -> f64) -> Option<f64> {
    // Some megabytes of noise, the same each time.
    let noisy = |second: u32| leak(second.into()) + f64::from(second * 7_919 % 13) * 0.25;
    let truth = (0..).find(|second| noisy(*second) >= LIMIT)?;
    let mut trail = Trail::new(Duration::from_secs(WINDOW));
    for second in 0..=truth / 2 {
        trail.push(BootTime::from_secs(1 + u64::from(second)), noisy(second));
    }
    let left = f64::from(truth - truth / 2);
    let forecast = trend::reach(&trail, LIMIT)?;
    forecast.is_finite().then(|| (forecast - left).abs() / left)
}
