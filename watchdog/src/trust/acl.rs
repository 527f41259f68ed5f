//! POSIX access control lists, as far as trust needs them: may somebody else write?

/// Whether a `system.posix_acl_access` value lets a named user or any group write.
///
/// Layout (`linux/posix_acl_xattr.h`): version 2 as u32, then entries of tag u16, permissions u16,
/// id u32, all little-endian. Anything else counts as granted.
pub(super) fn grants_write(list: &[u8]) -> bool {
    const USER_OWNER: u16 = 0x01;
    const USER: u16 = 0x02;
    const GROUP_OWNER: u16 = 0x04;
    const GROUP: u16 = 0x08;
    const MASK: u16 = 0x10;
    const OTHER: u16 = 0x20;
    const WRITE: u16 = 2;
    let Some((version, entries)) = list.split_at_checked(4) else { return !list.is_empty() };
    if version != [2, 0, 0, 0] || !entries.len().is_multiple_of(8) {
        return true;
    }
    let entry = |bytes: &[u8]| match *bytes {
        [t0, t1, p0, p1, u0, u1, u2, u3] => (
            u16::from_le_bytes([t0, t1]),
            u16::from_le_bytes([p0, p1]),
            u32::from_le_bytes([u0, u1, u2, u3]),
        ),
        _ => (0, WRITE, u32::MAX),
    };
    let entries: Vec<(u16, u16, u32)> = entries.chunks(8).map(entry).collect();
    let mask = entries.iter().find(|(tag, ..)| *tag == MASK).map_or(WRITE, |(_, may, _)| *may);
    entries.iter().any(|(tag, may, id)| match *tag {
        USER_OWNER | MASK => false,
        USER => *id != 0 && may & mask & WRITE != 0,
        GROUP_OWNER | GROUP => may & mask & WRITE != 0,
        OTHER => may & WRITE != 0,
        _ => true,
    })
}
