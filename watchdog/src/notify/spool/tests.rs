//! Letters on disk: whole, torn, flipped, and strangers beside them.

use proptest::prelude::*;

use super::super::letter::tests::letter;
use super::*;

fn spool() -> (tempfile::TempDir, Spool) {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = Spool::new(folder.path());
    (folder, spool)
}

#[test]
fn letters_come_back_in_order() {
    let (_folder, spool) = spool();
    assert!(spool.read().expect("reads").letters.is_empty());
    for number in [0x20, 3, 0x100] {
        spool.store(number, &letter(number, "a@x")).expect("stored");
    }
    spool.sync().expect("synced");
    let found = spool.read().expect("reads");
    let expected = [3, 0x20, 0x100].map(|number| (number, letter(number, "a@x")));
    assert_eq!(found.letters, expected);
    spool.remove(0x20);
    assert_eq!(spool.read().expect("reads").letters.len(), 2);
}

#[test]
fn a_file_torn_at_any_length_costs_no_other_and_is_moved_aside() {
    let whole = encode(&letter(2, "a@x")).expect("encoded");
    for length in 0..whole.len() {
        assert_eq!(decode(&whole[..length]), None, "{length} bytes");
    }
    for length in [0, 3, HEAD, whole.len() - 1] {
        let (_folder, spool) = spool();
        for number in [1, 2, 3] {
            spool.store(number, &letter(number, "a@x")).expect("stored");
        }
        fs::write(spool.path(2), &whole[..length]).expect("torn");
        let found = spool.read().expect("reads");
        assert_eq!(found.torn, 1);
        assert_eq!(found.letters.iter().map(|found| found.0).collect::<Vec<_>>(), [1, 3]);
        assert!(spool.folder.join("aside/0000000000000002.torn").exists());
        assert_eq!(spool.read().expect("reads").torn, 0);
    }
}

#[test]
fn any_flipped_bit_is_noticed() {
    let whole = encode(&letter(2, "a@x")).expect("encoded");
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(decode(&flipped), None, "bit {bit}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
    }
}

#[test]
fn strangers_in_the_folder_are_left_alone_and_leftovers_removed() {
    let (_folder, spool) = spool();
    spool.store(1, &letter(1, "a@x")).expect("stored");
    fs::write(spool.folder.join("README"), "x").expect("written");
    fs::write(spool.folder.join("0000000000000007.tmp"), "x").expect("written");
    fs::create_dir(spool.path(9)).expect("made");
    let found = spool.read().expect("reads");
    assert_eq!((found.letters.len(), found.torn), (1, 1), "the folder counts as torn");
    assert!(spool.folder.join("README").exists());
    assert!(!spool.folder.join("0000000000000007.tmp").exists());
}

#[test]
fn a_failed_write_leaves_nothing_behind() {
    let (_folder, spool) = spool();
    fs::create_dir_all(spool.path(1).join("occupied")).expect("made");
    assert!(spool.store(1, &letter(1, "a@x")).is_err());
    assert!(!spool.folder.join("0000000000000001.tmp").exists());
}

#[test]
fn what_is_set_aside_is_bounded() {
    let (_folder, spool) = spool();
    for number in 0..ASIDE as u64 + 8 {
        spool.store(number, &letter(number, "a@x")).expect("stored");
        spool.set_aside(number, Aside::Refused);
    }
    let kept = fs::read_dir(spool.folder.join("aside")).expect("listed").count();
    assert_eq!(kept, ASIDE);
    assert!(spool.read().expect("reads").letters.is_empty());
}
