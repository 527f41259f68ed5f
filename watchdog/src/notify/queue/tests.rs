//! The queue as data: letters and times in, mails out.

use super::super::letter::tests::letter;
use super::*;

fn start() -> Instant {
    Instant::now()
}

fn add(queue: &mut Queue, numbers: std::ops::Range<u64>, to: &str) {
    for number in numbers {
        queue.add(letter(number, to));
    }
}

fn names(mail: &[Arc<Letter>]) -> Vec<&str> {
    mail.iter().map(|letter| letter.description.as_str()).collect()
}

#[test]
fn waits_double_up_to_five_minutes_and_spread_by_a_fifth() {
    let seconds: Vec<_> = (0..11).map(|n| backoff(n, 0.5).as_secs()).collect();
    assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    assert_eq!(backoff(0, 0.0), Duration::from_millis(800));
    assert_eq!(backoff(0, 1.0), Duration::from_millis(1200));
    assert_eq!(backoff(u32::MAX, 1.0), LONGEST_WAIT);
}

#[tokio::test(start_paused = true)]
async fn order_is_kept_and_a_failing_recipient_delays_no_other() {
    let (mut queue, now) = (Queue::new(100), start());
    add(&mut queue, 1..3, "a@x");
    add(&mut queue, 3..5, "b@x");
    assert_eq!(names(&queue.next(now).expect("a mail")), ["letter 1"]);
    let wait = queue.failed("a@x", now, 0.5);
    assert_eq!(names(&queue.next(now).expect("a mail")), ["letter 3"]);
    queue.done("b@x", now);
    assert_eq!(names(&queue.next(now).expect("a mail")), ["letter 4"]);
    queue.done("b@x", now);
    assert!(queue.next(now).is_none());
    assert_eq!(queue.next_at(), Some(Some(now + wait)));
    assert_eq!(names(&queue.next(now + wait).expect("a mail")), ["letter 1"]);
    assert!(queue.next(now + wait).is_none(), "one mail of a lane at a time");
}

#[tokio::test(start_paused = true)]
async fn a_storm_is_twenty_mails_with_everything_in_them() {
    let (mut queue, now) = (Queue::new(10_000), start());
    add(&mut queue, 0..10_000, "a@x");
    let mut mails = Vec::new();
    while let Some(mail) = queue.next(now) {
        mails.push(mail.len());
        queue.done("a@x", now);
    }
    assert_eq!(mails.len(), MAILS);
    assert_eq!(mails[..19], [1; 19]);
    assert_eq!(mails[19], 10_000 - 19);

    add(&mut queue, 0..5, "a@x");
    assert!(queue.next(now).is_none());
    assert_eq!(queue.next_at(), Some(Some(now + WINDOW)));
    assert_eq!(queue.next(now + WINDOW).expect("a mail").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_group_keeps_its_letters_over_retries() {
    let (mut queue, now) = (Queue::new(100), start());
    add(&mut queue, 0..30, "a@x");
    for _ in 0..19 {
        queue.next(now).expect("a mail");
        queue.done("a@x", now);
    }
    let group = queue.next(now).expect("a mail");
    assert_eq!(group.len(), 11);
    queue.failed("a@x", now, 0.5);
    add(&mut queue, 30..33, "a@x");
    let later = now + Duration::from_secs(2);
    assert_eq!(queue.next(later).expect("a mail"), group);
    assert_eq!(queue.done("a@x", later).len(), 11);
    assert_eq!(queue.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn overflow_drops_the_oldest_that_is_not_on_the_wire() {
    let (mut queue, now) = (Queue::new(3), start());
    add(&mut queue, 1..4, "a@x");
    assert_eq!(queue.add(letter(4, "b@x")), Some(Gone { number: 1, stored: false }));
    assert_eq!(names(&queue.next(now).expect("a mail")), ["letter 2"]);
    assert_eq!(queue.add(letter(5, "a@x")), Some(Gone { number: 3, stored: false }));
    assert_eq!(queue.done("a@x", now), [Gone { number: 2, stored: false }]);
    assert_eq!(queue.len(), 2);
}

#[test]
fn the_disk_takes_the_oldest_as_far_as_there_are_slots() {
    let mut queue = Queue::new(100);
    queue.restore(7, letter(7, "a@x"));
    add(&mut queue, 8..12, "b@x");
    let list = queue.to_store(3);
    assert_eq!(list.iter().map(|entry| entry.0).collect::<Vec<_>>(), [8, 9]);
    assert_eq!(queue.stored(vec![8, 9, 99]), [99], "99 has left: its file must go");
    assert!(queue.to_store(3).is_empty());
    assert_eq!(queue.to_store(100).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_idle_lane_is_forgotten_after_its_minute() {
    let (mut queue, now) = (Queue::new(100), start());
    add(&mut queue, 0..1, "a@x");
    queue.next(now).expect("a mail");
    queue.done("a@x", now);
    assert!(queue.next(now).is_none());
    assert_eq!(queue.lanes.len(), 1);
    assert!(queue.next(now + WINDOW).is_none());
    assert!(queue.lanes.is_empty());
}
