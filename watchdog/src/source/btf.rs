//! A reader of the kernel's type information (BTF): where in a structure a member is.
//!
//! Only what the offset table needs. Types are found by walking the blob; no name is copied. The
//! format is in the kernel's Documentation/bpf/btf.rst. Total on any bytes.

use std::fmt;

const MAGIC: u16 = 0xeb9f;
const KIND_INT: u32 = 1;
const KIND_PTR: u32 = 2;
const KIND_ARRAY: u32 = 3;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
const KIND_TYPEDEF: u32 = 8;
const KIND_VOLATILE: u32 = 9;
const KIND_CONST: u32 = 10;
const KIND_RESTRICT: u32 = 11;
const KIND_FUNC_PROTO: u32 = 13;
const KIND_TYPE_TAG: u32 = 18;
/// How deep anonymous members and chains of modifiers are followed: far beyond any real kernel.
const DEPTH: u32 = 16;

/// Why a blob is not readable BTF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(&'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "malformed BTF: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

/// A member's place and type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Bytes from the beginning of the outermost structure asked for.
    pub offset: u64,
    /// The member's type.
    pub of: TypeId,
}

/// A type of the blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeId(u32);

/// The blob with an index of its types.
pub struct Btf {
    blob: Vec<u8>,
    /// The offset of each type in the blob; type 0 is `void` and has none.
    types: Vec<u32>,
    strings: usize,
}

impl Btf {
    /// Indexes a blob as `/sys/kernel/btf/vmlinux` holds it.
    pub fn parse(blob: Vec<u8>) -> Result<Self, Malformed> {
        let header = |at| word(&blob, at).ok_or(Malformed("header"));
        if half(&blob, 0) != Some(MAGIC) {
            return Err(Malformed("magic"));
        }
        let length = header(4)? as usize;
        let start = length.saturating_add(header(8)? as usize);
        let end = start.saturating_add(header(12)? as usize);
        let strings = length.saturating_add(header(16)? as usize);
        let mut types = vec![0];
        let mut at = start;
        while at < end {
            let info = word(&blob, at + 4).ok_or(Malformed("types"))?;
            let (count, kind) = ((info & 0xffff) as usize, info >> 24 & 0x1f);
            let extra = match kind {
                KIND_INT | 14 | 17 => 4,
                KIND_ARRAY => 12,
                KIND_STRUCT | KIND_UNION | 15 | 19 => 12 * count,
                6 | KIND_FUNC_PROTO => 8 * count,
                2 | 7..=12 | 16 | KIND_TYPE_TAG => 0,
                _ => return Err(Malformed("a kind of type unknown to this reader")),
            };
            types.push(u32::try_from(at).map_err(|_| Malformed("size"))?);
            at = at.saturating_add(12 + extra);
        }
        Ok(Self { blob, types, strings })
    }

    /// The structure of this name.
    pub fn structure(&self, name: &str) -> Option<TypeId> {
        self.find(KIND_STRUCT, name)
    }

    /// The member at the end of a path through named members, as in `se.sum_exec_runtime`.
    /// Anonymous structures and unions on the way are looked through.
    pub fn member(&self, of: TypeId, path: &str) -> Option<Member> {
        let mut place = Member { offset: 0, of };
        for name in path.split('.') {
            let step = self.search(self.strip(place.of)?, name, 0)?;
            place = Member { offset: place.offset.checked_add(step.offset)?, of: step.of };
        }
        Some(place)
    }

    /// The type of an array's elements.
    pub fn element(&self, array: TypeId) -> Option<TypeId> {
        let array = self.strip(array)?;
        (self.kind(array)? == KIND_ARRAY).then_some(())?;
        self.word_of(array, 12).map(TypeId)
    }

    /// Whether a type is a structure, names and qualifiers aside.
    pub fn is_structure(&self, of: TypeId) -> bool {
        self.strip(of).and_then(|id| self.kind(id)) == Some(KIND_STRUCT)
    }

    /// A structure's size in bytes.
    pub fn size(&self, of: TypeId) -> Option<u64> {
        let of = self.strip(of)?;
        matches!(self.kind(of)?, KIND_INT | KIND_STRUCT | KIND_UNION)
            .then(|| self.word_of(of, 8).map(u64::from))?
    }

    /// Whether argument `index` of a tracepoint (its data pointer not counted) is a pointer.
    pub fn argument_is_pointer(&self, tracepoint: &str, index: usize) -> Option<bool> {
        let pointer = self.strip(self.find(KIND_TYPEDEF, &format!("btf_trace_{tracepoint}"))?)?;
        (self.kind(pointer)? == KIND_PTR).then_some(())?;
        let function = self.strip(TypeId(self.word_of(pointer, 8)?))?;
        (self.kind(function)? == KIND_FUNC_PROTO).then_some(())?;
        (index + 1 < self.count(function)?).then_some(())?;
        let argument = TypeId(self.word_of(function, 12 + 8 * (index + 1) + 4)?);
        Some(self.kind(self.strip(argument)?)? == KIND_PTR)
    }

    fn find(&self, kind: u32, name: &str) -> Option<TypeId> {
        (1..self.types.len() as u32)
            .map(TypeId)
            .find(|id| self.kind(*id) == Some(kind) && self.named(*id, 0, name))
    }

    /// The type behind names and qualifiers.
    fn strip(&self, mut id: TypeId) -> Option<TypeId> {
        for _ in 0..DEPTH {
            match self.kind(id)? {
                KIND_TYPEDEF | KIND_VOLATILE | KIND_CONST | KIND_RESTRICT | KIND_TYPE_TAG => {
                    id = TypeId(self.word_of(id, 8)?);
                }
                _ => return Some(id),
            }
        }
        None
    }

    fn search(&self, within: TypeId, name: &str, depth: u32) -> Option<Member> {
        if depth > DEPTH || !matches!(self.kind(within)?, KIND_STRUCT | KIND_UNION) {
            return None;
        }
        // With the flag the upper 8 bits of an offset are the size of a bit field.
        let mask = if self.word_of(within, 4)? >> 31 == 1 { 0x00ff_ffff } else { u32::MAX };
        for index in 0..self.count(within)? {
            let at = 12 + 12 * index;
            let of = TypeId(self.word_of(within, at + 4)?);
            let offset = u64::from((self.word_of(within, at + 8)? & mask) / 8);
            if self.named(within, at, name) {
                return Some(Member { offset, of });
            }
            if self.named(within, at, "")
                && let Some(inner) =
                    self.strip(of).and_then(|inside| self.search(inside, name, depth + 1))
            {
                return Some(Member { offset: offset.checked_add(inner.offset)?, of: inner.of });
            }
        }
        None
    }

    fn kind(&self, id: TypeId) -> Option<u32> {
        Some(self.word_of(id, 4)? >> 24 & 0x1f)
    }

    fn count(&self, id: TypeId) -> Option<usize> {
        Some((self.word_of(id, 4)? & 0xffff) as usize)
    }

    /// The word at an offset inside a type's description.
    fn word_of(&self, id: TypeId, at: usize) -> Option<u32> {
        let start = *self.types.get(id.0 as usize).filter(|_| id.0 != 0)?;
        word(&self.blob, start as usize + at)
    }

    /// Whether the name whose offset is at `at` inside a type is `name`.
    fn named(&self, id: TypeId, at: usize, name: &str) -> bool {
        let Some(offset) = self.word_of(id, at) else {
            return false;
        };
        let rest = self.blob.get(self.strings.saturating_add(offset as usize)..);
        rest.is_some_and(|rest| {
            rest.starts_with(name.as_bytes()) && rest.get(name.len()) == Some(&0)
        })
    }
}

fn half(blob: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(blob.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn word(blob: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(blob.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `struct S { u32 a; struct { u32 b; }; }` by hand.
    fn small() -> Vec<u8> {
        let strings = b"\0u32\0S\0a\0b\0";
        let types: [u32; 4 + 6 + 9] = [
            1,
            1 << 24,
            4,
            32, // 1: int u32
            0,
            4 << 24 | 1,
            4,
            9,
            1,
            0, // 2: anonymous struct with b at 0
            5,
            4 << 24 | 2,
            8,
            7,
            1,
            0,
            0,
            2,
            32, // 3: struct S with a at 0, anonymous at 4
        ];
        let types: Vec<u8> = types.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let mut blob = MAGIC.to_ne_bytes().to_vec();
        blob.extend([1, 0]);
        for word in [24, 0, types.len() as u32, types.len() as u32, strings.len() as u32] {
            blob.extend(word.to_ne_bytes());
        }
        blob.extend(types);
        blob.extend(strings);
        blob
    }

    #[test]
    fn anonymous_members_are_looked_through() {
        let btf = Btf::parse(small()).unwrap();
        let structure = btf.structure("S").unwrap();
        assert_eq!(btf.member(structure, "a").unwrap().offset, 0);
        assert_eq!(btf.member(structure, "b").unwrap().offset, 4);
        assert_eq!(btf.member(structure, "c"), None);
        assert_eq!(btf.size(structure), Some(8));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(noise in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..200) {
            let mut blob = small();
            for (index, byte) in noise.into_iter().enumerate() {
                if let Some(place) = blob.get_mut(at + index) {
                    *place = byte;
                }
            }
            if let Ok(btf) = Btf::parse(blob) {
                if let Some(found) = btf.structure("S") {
                    let _ = btf.member(found, "b");
                    let _ = btf.element(found);
                    let _ = btf.size(found);
                }
                let _ = btf.argument_is_pointer("x", 0);
            }
        }
    }
}
